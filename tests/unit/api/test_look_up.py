"""What became of messages, for support staff, and of one as 8x8 says it."""

from types import SimpleNamespace
from typing import Any

import pytest

from local.eightx8.contract import problems_of
from sms_bridge.api.look_up import (
    answer_look_up,
    answer_with_details,
    details_answer,
    look_up_answer,
    page_answer,
    read_query,
)
from sms_bridge.api.request import Reason
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, Position, State
from sms_bridge.errors import DetailsFailedError
from sms_bridge.services.look_up import Page, Wanted
from tests.builders import (
    AT,
    MESSAGE_ID,
    NUMBER,
    SUB_ACCOUNT,
    UMID,
    a_message,
    a_receipt,
    a_secret_source,
    an_http_request,
    refusal_of,
)

REPORTED = a_message(
    state=State.UNDELIVERED,
    umid=UMID,
    source="Acme",
    campaign_id="c-1",
    answered_at=AT + 0.4,
    receipts=(
        a_receipt("sent", received_at=AT + 2),
        a_receipt(
            "undelivered",
            received_at=AT + 4,
            error_code="1",
            error_message="Absent",
            price="0.0375",
            currency="EUR",
        ),
    ),
    outcome=Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1", "Absent"),
    outcome_due_at=AT + 4,
    outcome_reported_at=AT + 6.5,
    clicks=(AT + 60,),
)


def test_everything_that_is_known_is_answered_and_nothing_else() -> None:
    answer = look_up_answer(REPORTED, full_number=False)

    history = answer.pop("history")
    assert answer.pop("timeline")[0] == "2026-11-24T09:30:00.000Z: accepted from MoEngage"
    assert answer == {
        "umid": MESSAGE_ID,
        "state": "undelivered",
        "subAccountId": SUB_ACCOUNT,
        "destination": "65*****567",
        "source": "Acme",
        "campaignId": "c-1",
        "eightx8Umid": UMID,
        "encoding": "GSM7",
        "segments": 1,
        "clicks": 1,
        "outcome": {
            "status": "FAILED",
            "reason": "eightx8_undelivered_1",
            "description": "Absent",
        },
    }
    assert [step["event"] for step in history] == ["receipt sent", "receipt undelivered"]
    assert history[1] == {
        "at": "2026-11-24T09:30:04.000Z",
        "event": "receipt undelivered",
        "happenedAt": "2026-11-24T09:30:03.1234567Z",
        "errorCode": "1",
        "errorMessage": "Absent",
        "price": "0.0375 EUR",
    }


@pytest.mark.parametrize(
    ("query", "shown"),
    [("", "65*****567"), ("numbers=masked", "65*****567"), ("numbers=full", NUMBER)],
)
def test_promise_7_a_whole_number_is_shown_to_those_who_may_and_ask(query: str, shown: str) -> None:
    secrets = a_secret_source(
        fullNumberTokens=["token-for-whole-numbers"], lookUpTokens=["token-to-look-up"]
    )
    request = an_http_request(
        headers={"authorization": "Bearer token-for-whole-numbers"},
        query_string=query,
        path_parameters={"messageId": f" {MESSAGE_ID.upper()} "},
    )
    look_up: Any = SimpleNamespace(by_id={MESSAGE_ID: a_message()}.get)

    answer = answer_look_up(request, secrets, look_up)

    assert answer["destination"] == shown
    assert (NUMBER in str(answer)) is (shown == NUMBER)
    request.headers = {"authorization": "Bearer token-to-look-up"}
    if query == "numbers=full":
        assert refusal_of(answer_look_up, request, secrets, look_up).status == 401
    else:
        assert answer_look_up(request, secrets, look_up) == answer


def test_a_message_that_is_known_by_its_receipts_only_is_answered() -> None:
    message = Message(id=f"umid {UMID}", state=State.SENT, receipts=(a_receipt("sent"),))

    assert look_up_answer(message, full_number=True) == {
        "umid": f"umid {UMID}",
        "state": "sent",
        "timeline": ["2026-11-24T09:30:04.000Z: given to the operator"],
        "history": [
            {
                "at": "2026-11-24T09:30:04.000Z",
                "event": "receipt sent",
                "happenedAt": "2026-11-24T09:30:03.1234567Z",
            }
        ],
    }


@pytest.mark.parametrize("query", ["", "limit=5", "destination=6591234567&campaignId=a", "umid=a"])
def test_messages_are_found_by_exactly_one_lookup_key(query: str) -> None:
    refusal = refusal_of(read_query, an_http_request(query_string=query))

    assert (refusal.reason, refusal.errors) == (Reason.QUERY_INVALID, ())


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *((f"limit={one}", "limit") for one in ("9" * 4400, "0", "101", "%D9%A3", "-1")),
        *((f"destination={one}", "destination") for one in ("9" * 4400, "Ana")),
        (f"eightx8Umid={'u' * 101}", "eightx8Umid"),
        (f"campaignId={'c' * 257}", "campaignId"),
        ("state=lost", "state"),
        *((f"next={one}", "next") for one in ("%FF", "A" * 4000, f"{'9' * 14}_{MESSAGE_ID}")),
        *((f"next=1_{one}", "next") for one in ("x" * 36, f"{MESSAGE_ID}0")),
    ],
)
def test_a_wrong_parameter_is_named(query: str, field: str) -> None:
    refusal = refusal_of(read_query, an_http_request(query_string=query))

    assert [error.field for error in refusal.errors] == [field]
    assert refusal.reason is Reason.QUERY_INVALID


@pytest.mark.parametrize("limit", [1, 10, 100])
def test_a_page_has_one_to_a_hundred_messages(limit: int) -> None:
    query = f"limit={limit}&campaignId=c%0A1"

    asked = read_query(an_http_request(query_string=query))

    assert asked == {"limit": str(limit), "campaignId": "c\n1"}


def test_8x8s_id_is_compared_without_case_and_blanks() -> None:
    request = an_http_request(
        headers={"authorization": "Bearer token-to-look-up"},
        query_string=f"eightx8Umid=+{UMID.upper()}+",
        path_parameters={},
    )
    secrets = a_secret_source(lookUpTokens=["token-to-look-up"])
    look_up: Any = SimpleNamespace(by_umid={UMID: a_message()}.get)

    assert answer_look_up(request, secrets, look_up)["umid"] == MESSAGE_ID


def test_a_page_says_how_to_ask_for_the_next_one() -> None:
    secrets = a_secret_source(lookUpTokens=["token-to-look-up"])
    last = a_message(accepted_at=AT + 0.125)
    place = page_answer(Page([last], Position.of(last)), full_number=False)["next"]
    request = an_http_request(
        headers={"authorization": "Bearer token-to-look-up"},
        query_string=f"destination=+6591234567&state=sent&next={place}",
        path_parameters={},
    )
    wanted: list[Wanted] = []

    def page(asked: Wanted, *, hash_key: str) -> Page:
        assert hash_key == "k"
        wanted.append(asked)
        return Page([], None)

    look_up: Any = SimpleNamespace(page=page)

    assert answer_look_up(request, secrets, look_up) == {"messages": []}
    before = Position(AT + 0.125, MESSAGE_ID)
    assert wanted == [Wanted(destination=" 6591234567", state=State.SENT, before=before, limit=50)]


def by_8x8s_id(found: Message | DetailsFailedError | None) -> Any:
    """Look a message up by 8x8's id, written in capitals and with a blank."""

    def by_umid(umid: str) -> Message | None:
        assert umid == UMID
        if isinstance(found, DetailsFailedError):
            raise found
        return found

    request = an_http_request(
        headers={"authorization": "Bearer token-to-look-up"},
        query_string=f"eightx8Umid={UMID.upper()}%20",
        path_parameters={},
    )
    look_up: Any = SimpleNamespace(by_umid=by_umid)
    secrets = a_secret_source(lookUpTokens=["token-to-look-up"])
    return answer_look_up(request, secrets, look_up)


def test_a_message_is_answered_that_is_asked_for_by_8x8s_id() -> None:
    assert by_8x8s_id(REPORTED) == look_up_answer(REPORTED, full_number=False)
    assert refusal_of(by_8x8s_id, None).reason is Reason.MESSAGE_NOT_FOUND


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        *(("unauthorized", 502), ("unreachable", 502), ("unavailable", 502)),
        *(("throttled", 503), ("timeout", 504)),
    ],
)
def test_what_8x8_did_not_say_is_a_failure_with_its_cause(cause: str, status: int) -> None:
    refusal = refusal_of(by_8x8s_id, DetailsFailedError(cause, "8x8 did not say it"))

    assert (refusal.reason, refusal.status) == (f"eightx8_{cause}", status)
    assert refusal.message == "8x8 did not say it."


def test_a_message_that_just_came_has_all_that_8x8_requires() -> None:
    answer = details_answer(a_message())

    assert answer == {
        "umid": MESSAGE_ID,
        "subAccountId": SUB_ACCOUNT,
        "direction": "outbound",
        "status": {"state": "queued", "timestamp": "2026-11-24T09:30:00.000Z"},
        "msisdn": "65*****567",
        "source": "",
        "body": "**MASKED**",
        "encoding": "GSM7",
        "createdAt": "2026-11-24T09:30:00.000Z",
        "smsCount": 1,
        "price": {"total": 0.0, "perSms": 0.0, "currency": "XXX"},
    }
    assert problems_of("MessageDetails", answer) == []


def test_what_the_last_receipt_says_is_the_status_and_the_price() -> None:
    delivered: dict[str, Any] = {
        "detail": "delivered_to_recipient",
        "price": "0.075",
        "currency": "EUR",
        "segments": 2,
        "received_at": AT + 9,
    }
    message = a_message(
        state=State.DELIVERED,
        source="Acme",
        client_message_id="theirs",
        segments=2,
        receipts=(a_receipt("sent"), a_receipt("delivered", **delivered)),
    )

    answer = details_answer(message)

    assert answer["status"] == {
        "state": "delivered",
        "detail": "delivered_to_recipient",
        "timestamp": "2026-11-24T09:30:09.000Z",
    }
    assert answer["price"] == {"total": 0.075, "perSms": 0.0375, "currency": "EUR"}
    assert (answer["source"], answer["clientMessageId"]) == ("Acme", "theirs")
    assert problems_of("MessageDetails", answer) == []


@pytest.mark.parametrize(
    "message",
    [
        a_message(
            state=State.UNDELIVERED,
            receipts=(a_receipt("undelivered", error_code="1", error_message="Absent"),),
        ),
        a_message(state=State.FAILED, eightx8_code="1", description="Absent"),
    ],
    ids=["by its receipt", "by 8x8's answer"],
)
def test_a_failure_has_8x8s_code_and_the_words(message: Any) -> None:
    status = details_answer(message)["status"]

    assert (status["errorCode"], status["errorMessage"]) == (1, "Absent")


WORDS = {
    **dict.fromkeys([State.WAITING, State.SENDING, State.QUEUED], "queued"),
    **dict.fromkeys([State.SENT, State.DEFERRED], "sent"),
    **dict.fromkeys([State.FAILED, State.REJECTED], "failed"),
    State.UNKNOWN: "unknown",
    State.UNDELIVERED: "undelivered",
    State.DELIVERED: "delivered",
    State.READ: "read",
}


@pytest.mark.parametrize("state", State)
def test_each_state_is_one_of_8x8s_words(state: State) -> None:
    answer = details_answer(a_message(state=state))

    assert answer["status"]["state"] == WORDS[state]
    assert NUMBER.removeprefix("+") not in str(answer)


@pytest.mark.parametrize(
    "found",
    [None, a_message(accepted_at=0.0), a_message(sub_account_id="another")],
    ids=["none", "only its receipts", "of another sub-account"],
)
def test_what_the_sub_account_did_not_send_is_not_found(found: Message | None) -> None:
    secrets = a_secret_source(moengageTokens=["token-of-moengage"])
    request = an_http_request(
        headers={"authorization": "Bearer token-of-moengage"},
        path_parameters={"subAccountId": SUB_ACCOUNT, "umid": MESSAGE_ID},
    )
    look_up: Any = SimpleNamespace(by_id=lambda _: found)

    refusal = refusal_of(answer_with_details, request, secrets, look_up, [SUB_ACCOUNT])

    assert refusal.reason is Reason.MESSAGE_NOT_FOUND
