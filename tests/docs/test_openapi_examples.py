"""Every example of docs/openapi.yaml is valid, and the handlers answer as it says."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from sms_bridge.providers import eightx8_log
from tests.docs.http_api import SUB_ACCOUNT, HttpApi
from tests.docs.openapi_file import (
    JSON,
    OPENAPI,
    assert_valid,
    examples_of,
    headers_of,
    operations,
    reasons_of,
    resolved,
    responses,
)
from tests.fakes.http_server import unreachable_url
from tests.template.conftest import PROJECT

SEND = f"/api/v1/subaccounts/{SUB_ACCOUNT}/messages"
NUMBER = "+6591234567"
GOOD = {"recipient": NUMBER, "message": "Hello"}


@pytest.mark.parametrize("operation_id", ["sendMessage", "sendBatch", "receiveCallback"])
def test_every_request_that_it_shows_is_valid_and_taken(
    operation_id: str, http_api: HttpApi
) -> None:
    operation = operations()[operation_id]
    path = operation["path"].format(subAccountId=SUB_ACCOUNT)
    for content_type, content in operation["requestBody"]["content"].items():
        assert content["examples"]
        for name, body in examples_of(content).items():
            assert_valid(body, content["schema"])
            sent = json.dumps(body) if content_type == JSON else urlencode(body)

            answer = http_api.call(
                "POST", path, headers=headers_of(operation_id, content_type), body=sent.encode()
            )

            assert answer["statusCode"] == 200, name


def test_the_report_to_moengage_is_valid_and_quoted_as_it_is() -> None:
    report = OPENAPI["webhooks"]["deliveryReport"]["post"]["requestBody"]["content"][JSON]
    shown = examples_of(report)["failed"]
    text = (PROJECT / "docs/http-api.md").read_text("utf-8")
    quoted = text.partition("## Reports to MoEngage\n")[2].partition("```json\n")[2]

    assert_valid(shown, report["schema"])
    assert json.loads(quoted.partition("```")[0]) == shown


@dataclass(frozen=True)
class Shown:
    """A request that is answered with one of the file's examples.

    Attributes
    ----------
    settings
        What is different about the stack.
    secret
        What is different about its secret.
    refusal
        What 8x8 answers.
    """

    method: str = "POST"
    path: str = SEND
    query: str = ""
    body: Any = field(default_factory=lambda: GOOD)
    headers: dict[str, str] = field(default_factory=dict)
    operation_id: str = "sendMessage"
    settings: dict[str, str] = field(default_factory=dict)
    secret: dict[str, Any] = field(default_factory=dict)
    refusal: tuple[int, dict[str, Any]] | None = None


LOOK_UP: dict[str, Any] = {"method": "GET", "body": "", "operation_id": "getMessage"}
BATCH: dict[str, Any] = {"path": f"{SEND}/batch", "operation_id": "sendBatch"}
DETAILS: dict[str, Any] = {"method": "GET", "body": "", "operation_id": "getDetails"}
SOMEBODY_ELSES = SEND.replace(SUB_ACCOUNT, "Somebody")
CALLBACK: dict[str, Any] = {"path": "/callbacks/8x8", "operation_id": "receiveCallback"}
BY_UMID: dict[str, Any] = {**LOOK_UP, "path": "/messages", "query": "eightx8Umid=no-such-umid"}
NO_ANSWER: tuple[int, dict[str, Any]] = (0, {})
UNKNOWN = "/messages/00000000-0000-4000-8000-000000000000"
NO_SECRET = {"BRIDGE_SECRET_ARN": "no-such-secret"}

SHOWN = {
    "sendMessage accepted": Shown(body={**GOOD, "message": "accepted"}),
    "sendMessage waiting": Shown(body={**GOOD, "message": "waiting"}, refusal=(429, {})),
    "sendMessage rejected": Shown(
        body={**GOOD, "message": "rejected"}, refusal=(400, {"code": 1002})
    ),
    "sendMessage body_missing": Shown(body=""),
    "sendMessage body_invalid": Shown(body='{"message": '),
    "sendMessage body_not_utf8": Shown(body=b'{"message": "\xff"}'),
    "sendMessage field_missing": Shown(body={"message": "Hello"}),
    "sendMessage field_invalid": Shown(body={**GOOD, "recipient": "12"}),
    "sendMessage field_doubled": Shown(body={**GOOD, "text": "Hello"}),
    "sendMessage fields_swapped": Shown(body={"recipient": "Hello", "message": NUMBER}),
    "sendMessage macro_not_filled": Shown(body={**GOOD, "message": "Moesms_mesage"}),
    "sendMessage text_too_long": Shown(body={**GOOD, "message": "a" * 1531}),
    "sendMessage idempotency_key_invalid": Shown(headers={"idempotency-key": "k" * 256}),
    "sendMessage unauthorized": Shown(headers={"authorization": "Bearer not-the-token"}),
    "sendMessage sub_account_not_allowed": Shown(path=SEND.replace(SUB_ACCOUNT, "Somebody")),
    "sendMessage country_not_allowed": Shown(settings={"ALLOWED_COUNTRY_CALLING_CODES": "62"}),
    "sendMessage body_too_large": Shown(body="a" * 65537),
    "sendMessage content_type_unsupported": Shown(headers={"content-type": "text/xml"}),
    "sendMessage not_configured": Shown(secret={"eightx8ApiKey": ""}),
    "sendMessage unavailable": Shown(settings=NO_SECRET),
    "sendBatch partly_rejected": Shown(
        **BATCH,
        body={
            "clientBatchId": "shipped-1",
            "messages": [
                {"to": NUMBER, "text": "Hello", "clientMessageId": "order-1001"},
                {"destination": "12345", "text": "Hello", "clientMessageId": "order-1002"},
            ],
            "includeMessagesInResponse": True,
        },
    ),
    "sendBatch body_missing": Shown(**BATCH, body=""),
    "sendBatch body_invalid": Shown(**BATCH, body="[]"),
    "sendBatch body_not_utf8": Shown(**BATCH, body=b'{"messages": "\xff"}'),
    "sendBatch field_missing": Shown(**BATCH, body={}),
    "sendBatch field_invalid": Shown(**BATCH, body={"messages": [GOOD], "clientBatchId": "b" * 21}),
    "sendBatch field_doubled": Shown(**BATCH, body='{"messages": [], "messages": []}'),
    "sendBatch too_many_messages": Shown(**BATCH, body={"messages": [GOOD] * 1001}),
    "sendBatch idempotency_key_invalid": Shown(**BATCH, headers={"idempotency-key": "k" * 256}),
    "sendBatch unauthorized": Shown(**BATCH, headers={"authorization": "Bearer not-the-token"}),
    "sendBatch sub_account_not_allowed": Shown(
        path=f"{SOMEBODY_ELSES}/batch", operation_id="sendBatch"
    ),
    "sendBatch body_too_large": Shown(**BATCH, body="a" * (1024 * 1024 + 1)),
    "sendBatch content_type_unsupported": Shown(**BATCH, headers={"content-type": "text/xml"}),
    "sendBatch not_configured": Shown(**BATCH, secret={"eightx8ApiKey": ""}),
    "sendBatch unavailable": Shown(**BATCH, settings=NO_SECRET),
    "getDetails unauthorized": Shown(
        **DETAILS, path=SEND + UNKNOWN[9:], headers={"authorization": "Bearer not-the-token"}
    ),
    "getDetails sub_account_not_allowed": Shown(**DETAILS, path=SOMEBODY_ELSES + UNKNOWN[9:]),
    "getDetails message_not_found": Shown(**DETAILS, path=SEND + UNKNOWN[9:]),
    "getDetails unavailable": Shown(**DETAILS, path=SEND + UNKNOWN[9:], settings=NO_SECRET),
    "receiveCallback recorded": Shown(**CALLBACK),
    "receiveCallback unauthorized": Shown(
        **CALLBACK, headers={"authorization": "Bearer not-the-token"}
    ),
    "receiveCallback address_not_allowed": Shown(
        # An address within a network names the network, too.
        **CALLBACK,
        settings={"CALLBACK_ALLOWED_NETWORKS": "198.51.100.9/24, 192.0.2.1"},
    ),
    "receiveCallback unavailable": Shown(**CALLBACK, settings=NO_SECRET),
    "findMessages query_invalid": Shown(**LOOK_UP, path="/messages"),
    "findMessages eightx8_unauthorized": Shown(**BY_UMID, refusal=(401, {})),
    "findMessages eightx8_unreachable": Shown(
        **BY_UMID, settings={"EIGHTX8_BASE_URL": unreachable_url()}
    ),
    "findMessages eightx8_unavailable": Shown(**BY_UMID, refusal=(500, {})),
    "findMessages eightx8_throttled": Shown(**BY_UMID, refusal=(429, {})),
    "findMessages eightx8_timeout": Shown(**BY_UMID, refusal=NO_ANSWER),
    "NotFound not_found": Shown(path="/nowhere"),
    "MethodNotAllowed method_not_allowed": Shown(method="GET"),
    **{
        f"{name} {example}": shown
        for name, path, query in (
            ("getMessage", UNKNOWN, ""),
            ("findMessages", "/messages", "eightx8Umid=no-such-umid"),
        )
        for example, shown in {
            "unauthorized": Shown(
                **LOOK_UP, path=path, headers={"authorization": "Bearer not-the-token"}
            ),
            "message_not_found": Shown(**LOOK_UP, path=path, query=query),
            "unavailable": Shown(**LOOK_UP, path=path, settings=NO_SECRET),
        }.items()
    },
}

# Told of a message's whole life, which the tests at the end go through.
TOLD_BELOW = {"findMessages page", "getMessage delivered", "getDetails delivered_details"}

OF_THE_MOMENT = ("errorId", "timestamp", "clientMessageId", "umid", "batchId", "messages")


def shown_answers() -> dict[str, tuple[int, dict[str, Any], dict[str, Any]]]:
    """Return every answer that the file shows, with its status and schema."""
    return {
        f"{name} {example}": (status, value, response["content"][JSON]["schema"])
        for name, status, response in responses()
        for example, value in examples_of(response["content"][JSON]).items()
    }


def test_every_answer_that_it_shows_has_its_request() -> None:
    assert set(shown_answers()) == {*SHOWN, *TOLD_BELOW}


def test_every_answer_that_it_shows_is_valid_and_every_reason_is_shown() -> None:
    for _, value, schema in shown_answers().values():
        assert_valid(value, schema)
    for name, _, response in responses():
        assert reasons_of(response) <= set(examples_of(response["content"][JSON])), name


@pytest.mark.parametrize("name", SHOWN)
def test_the_request_is_answered_as_shown(
    name: str, http_api: HttpApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = SHOWN[name]
    if shown.refusal == NO_ANSWER:
        monkeypatch.setattr(eightx8_log, "_SECONDS_FOR_DETAILS", 0.1)
    status, value, schema = shown_answers()[name]
    body = shown.body if isinstance(shown.body, str | bytes) else json.dumps(shown.body)
    with http_api.deployed_with(shown.settings, shown.secret, shown.refusal):
        answer = http_api.call(
            shown.method,
            shown.path,
            query=shown.query,
            headers={**headers_of(shown.operation_id, JSON), **shown.headers},
            body=body if isinstance(body, bytes) else body.encode(),
        )

    assert answer["statusCode"] == status
    got = json.loads(answer["body"])
    assert_valid(got, schema)
    assert {**got, **of_the_moment(value)} == {**value, **of_the_moment(value)}
    assert set(got) == set(value)


def of_the_moment(value: dict[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in OF_THE_MOMENT if name in value}


def test_a_message_is_found_in_every_way_and_pages_follow_each_other(http_api: HttpApi) -> None:
    callback = operations()["receiveCallback"]["requestBody"]["content"][JSON]
    receipt = examples_of(callback)["receipt"]
    message = {**GOOD, "sender": "Acme", "campaignId": 7}
    ids = [
        ask(http_api, "sendMessage", "POST", SEND, body={**message, "message": text})["umid"]
        for text in ("first", "second", "third")
    ]
    receipt["payload"]["clientMessageId"] = ids[0]
    ask(http_api, "receiveCallback", "POST", "/callbacks/8x8", body=receipt)

    one = ask(http_api, "getMessage", "GET", f"/messages/{ids[0]}")
    details = ask(http_api, "getDetails", "GET", f"{SEND}/{ids[0]}")
    by_campaign = ask(http_api, "findMessages", "GET", "/messages", query="campaignId=7")
    first = ask(http_api, "findMessages", "GET", "/messages", query="campaignId=7&limit=2")
    rest = ask(
        http_api,
        "findMessages",
        "GET",
        "/messages",
        query=urlencode({"campaignId": 7, "limit": 2, "next": first["next"]}),
    )
    delivered = ask(
        http_api, "findMessages", "GET", "/messages", query="campaignId=7&state=delivered"
    )
    by_number = ask(
        http_api, "findMessages", "GET", "/messages", query=urlencode({"destination": NUMBER})
    )

    assert (one["umid"], one["state"]) == (ids[0], "delivered")
    assert (details["umid"], details["status"]["state"]) == (ids[0], "delivered")
    assert set(ids_in(by_campaign)) == set(ids) == {*ids_in(first), *ids_in(rest)}
    assert ids_in(delivered) == [ids[0]]
    assert set(ids) <= set(ids_in(by_number))
    assert "next" not in rest
    # The file's own example is of the same kind.
    _, shown, _ = shown_answers()["getMessage delivered"]
    assert [event["event"] for event in one["history"]] == [
        event["event"] for event in shown["history"]
    ]
    assert set(shown) <= set(one)


@pytest.mark.parametrize("place", ["!", "z z", "A_B", "9999", "1_2", f"1{'0' * 13}_{UNKNOWN[10:]}"])
def test_a_place_that_was_never_given_out_is_refused(place: str, http_api: HttpApi) -> None:
    answer = http_api.call(
        "GET",
        "/messages",
        query=urlencode({"campaignId": 7, "next": place}),
        headers=headers_of("findMessages"),
    )

    assert answer["statusCode"] == 400


@pytest.mark.parametrize("name", ["eightx8Umid", "campaignId"])
def test_an_id_that_no_message_can_have_is_no_failure(name: str, http_api: HttpApi) -> None:
    answer = http_api.call(
        "GET", "/messages", query=f"{name}={'a' * 3000}", headers=headers_of("findMessages")
    )

    assert answer["statusCode"] == 400


def ask(
    http_api: HttpApi, operation_id: str, method: str, path: str, query: str = "", body: Any = None
) -> Any:
    """Call, and check the answer against the file."""
    answer = http_api.call(
        method,
        path,
        query=query,
        headers=headers_of(operation_id, JSON),
        body=json.dumps(body).encode() if body else b"",
    )
    assert answer["statusCode"] == 200
    content = json.loads(answer["body"])
    response = resolved(operations()[operation_id]["responses"]["200"])
    assert_valid(content, response["content"][JSON]["schema"])
    return content


def ids_in(page: Any) -> list[str]:
    return [message["umid"] for message in page["messages"]]
