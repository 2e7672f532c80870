"""Which requests to send are refused, with which code, and which field is named."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.api.errors import Code, RefusedError
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.send_request import SendingRules, read_send_request
from tests.builders import (
    NUMBER,
    SUB_ACCOUNT,
    TEXT,
    a_form_request,
    a_json_request,
    an_http_request,
)

RULES = SendingRules(sub_account_ids=(SUB_ACCOUNT,))
GOOD = {"destination": NUMBER, "text": TEXT}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def refusal_of(request: HttpRequest, **rules: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        read_send_request(request, replace(RULES, **rules))
    return caught.value


def fields_of(refusal: RefusedError) -> list[str]:
    return [error.field for error in refusal.errors]


WRONG_FIELDS: list[tuple[str, object]] = [
    ("destination", "12345"),
    ("destination", "0123456789"),
    ("destination", "1234567890123456"),
    ("destination", "+65 9123 4567"),
    ("destination", "Moesms_destination"),
    ("destination", []),
    ("destination", [NUMBER, NUMBER]),
    ("destination", [[NUMBER]]),
    ("destination", {"number": NUMBER}),
    ("destination", True),
    ("destination", 6591234567.0),
    ("text", "  \n"),
    ("text", 42),
    ("text", True),
    ("text", ["a"]),
    ("text", {"a": "b"}),
    ("text", "half a pair: \ud800"),
    ("source", "TwelveLetter"),
    ("source", "12345678901234567"),
    ("source", "   "),
    ("source", "Ac\nme"),
    ("source", ["Acme"]),
    ("source", True),
    ("clientMessageId", "c" * 351),
    ("clientMessageId", {"id": 1}),
    ("campaignId", "c" * 257),
    ("campaignId", False),
    ("dltTemplateId", "c" * 257),
    ("country", "Singapore"),
    ("country", "S1"),
    ("country", "SÉ"),
    ("encoding", "gsm7"),
    ("scheduled", "tomorrow"),
    ("scheduled", "2026-11-25T09:30:00"),
    ("expiry", "2026-11-25"),
    ("dlrCallbackUrl", "ftp://example.com"),
    ("dlrCallbackUrl", "https://"),
    ("dlrCallbackUrl", "https://[half"),
    ("clientIp", "1.2.3"),
    ("track", "Everything"),
]


@pytest.mark.parametrize(("field", "value"), WRONG_FIELDS, ids=repr)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    refusal = refusal_of(a_json_request({**GOOD, field: value}))

    assert (refusal.code, refusal.status, fields_of(refusal)) == (Code.FIELD_INVALID, 400, [field])


@pytest.mark.parametrize("name", ["recipient", "to", "dest", "msisdn", "phone"])
def test_a_wrong_field_is_named_as_the_caller_named_it(name: str) -> None:
    assert fields_of(refusal_of(a_json_request({name: "12", "text": TEXT}))) == [name]


def test_all_wrong_fields_are_named_at_once() -> None:
    fields = {"to": "12", "text": "", "from": "TwelveLetter", "country": "X"}

    assert fields_of(refusal_of(a_json_request(fields))) == ["to", "text", "from", "country"]


@pytest.mark.parametrize("of", [a_json_request, a_form_request])
@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"text": TEXT}, ["destination"]),
        ({"to": NUMBER}, ["text"]),
        ({}, ["destination", "text"]),
        ({"recipient": "", "text": TEXT}, ["recipient"]),
        ({"to": NUMBER, "message": ""}, ["message"]),
        ({"Destination": NUMBER, "text": TEXT}, ["destination"]),
    ],
)
def test_a_missing_field_is_named(of: Any, fields: dict[str, str], missing: list[str]) -> None:
    if of is a_form_request and not fields:
        fields = {"other": "field"}
    refusal = refusal_of(of(fields))

    assert (refusal.code, fields_of(refusal)) == (Code.FIELD_MISSING, missing)


@pytest.mark.parametrize("value", [None, ""])
def test_a_required_field_with_nothing_in_it_is_missing(value: object) -> None:
    assert refusal_of(a_json_request({**GOOD, "text": value})).code is Code.FIELD_MISSING


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (f'{{"to": "{NUMBER}", "text": "one", "text": "two"}}', "text"),
        (f'{{"to": "{NUMBER}", "text": "one", "message": "two"}}', "message"),
        (f'{{"to": "{NUMBER}", "recipient": "{NUMBER}", "text": "one"}}', "recipient"),
        (f'{{"to": "{NUMBER}", "text": "one", "from": "A", "sender": "A"}}', "sender"),
        (f'{{"to": "{NUMBER}", "text": "one", "country": "SG", "country": "DE"}}', "country"),
    ],
)
def test_a_field_that_is_given_twice_is_refused_also_under_another_name(
    body: str, field: str
) -> None:
    refusal = refusal_of(an_http_request(body))

    assert (refusal.code, fields_of(refusal)) == (Code.FIELD_DOUBLED, [field])


def test_a_form_field_that_is_given_twice_is_refused() -> None:
    request = an_http_request(b"to=6591234567&text=one&text=two", headers=FORM)

    assert refusal_of(request).code is Code.FIELD_DOUBLED


class TestSwappedFields:
    @pytest.mark.parametrize("of", [a_json_request, a_form_request])
    def test_a_text_for_a_number_and_a_number_for_a_text(self, of: Any) -> None:
        refusal = refusal_of(of({"recipient": TEXT, "message": NUMBER}))

        assert (refusal.code, refusal.status) == (Code.FIELDS_SWAPPED, 400)
        assert "Moesms_destination" in refusal.message

    @pytest.mark.parametrize(
        ("destination", "text"), [(TEXT, 6591234567), ([TEXT], "6591234567"), (TEXT, NUMBER)]
    )
    def test_in_whatever_shape_they_come(self, destination: object, text: object) -> None:
        refusal = refusal_of(a_json_request({"dest": destination, "text": text}))

        assert refusal.code is Code.FIELDS_SWAPPED

    @pytest.mark.parametrize(
        "fields",
        [
            {"to": "12", "text": TEXT},
            {"to": TEXT, "text": TEXT},
            {"text": NUMBER},
            {"to": TEXT, "text": ""},
            {"to": NUMBER, "text": NUMBER, "country": "X"},
        ],
    )
    def test_no_other_mistake_is_taken_for_it(self, fields: dict[str, str]) -> None:
        assert refusal_of(a_json_request(fields)).code is not Code.FIELDS_SWAPPED

    def test_a_text_that_is_a_number_can_be_sent(self) -> None:
        request = a_json_request({"to": NUMBER, "text": "6591234567"})

        assert read_send_request(request, RULES).text == "6591234567"


BODIES: list[tuple[HttpRequest, Code, int]] = [
    (an_http_request(""), Code.BODY_MISSING, 400),
    (an_http_request("{"), Code.BODY_INVALID, 400),
    (an_http_request("[]"), Code.BODY_INVALID, 400),
    (an_http_request(json.dumps([GOOD])), Code.BODY_INVALID, 400),
    (an_http_request('"text"'), Code.BODY_INVALID, 400),
    (an_http_request("null"), Code.BODY_INVALID, 400),
    (an_http_request('{"to": NaN, "text": "a"}'), Code.BODY_INVALID, 400),
    (an_http_request('{"to": 1' + "0" * 5000 + "}"), Code.BODY_INVALID, 400),
    (an_http_request("[" * 30_000), Code.BODY_INVALID, 400),
    (an_http_request('{"a":' * 10_000), Code.BODY_INVALID, 400),
    (an_http_request(json.dumps(GOOD), headers=FORM), Code.BODY_INVALID, 400),
    (an_http_request("&".join(["a=b"] * 101), headers=FORM), Code.BODY_INVALID, 400),
    (an_http_request(b"to=6591234567&text=%FF", headers=FORM), Code.BODY_NOT_UTF8, 400),
    (an_http_request(b'{"to": "\xff"}'), Code.BODY_NOT_UTF8, 400),
    (an_http_request('{"to": "\ufffd"}'), Code.BODY_NOT_UTF8, 400),
    (an_http_request(" " * 65_537), Code.BODY_TOO_LARGE, 413),
    (
        a_json_request(GOOD, headers={"content-type": "text/html"}),
        Code.CONTENT_TYPE_UNSUPPORTED,
        415,
    ),
    (
        a_json_request(GOOD, headers={"content-type": "multipart/form-data; boundary=b"}),
        Code.CONTENT_TYPE_UNSUPPORTED,
        415,
    ),
]


@pytest.mark.parametrize(
    ("request_", "code", "status"),
    BODIES,
    ids=[f"{code}-{n}" for n, (_, code, _) in enumerate(BODIES)],
)
def test_a_body_that_cannot_be_read_is_refused(
    request_: HttpRequest, code: Code, status: int
) -> None:
    refusal = refusal_of(request_)

    assert (refusal.code, refusal.status) == (code, status)


@pytest.mark.parametrize("sub_account", ["", "another", SUB_ACCOUNT + "x", SUB_ACCOUNT.upper()])
def test_only_the_deployments_own_sub_accounts_send(sub_account: str) -> None:
    request = a_json_request(GOOD, path_parameters={"subAccountId": sub_account})

    refusal = refusal_of(request)

    assert (refusal.code, refusal.status) == (Code.SUB_ACCOUNT_NOT_ALLOWED, 403)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a" * 1531, {}),
        ("я" * 671, {}),
        ("a" * 671, {"encoding": "UCS2"}),
        ("😀" * 331, {}),
    ],
)
def test_a_text_that_8x8_would_cut_off_is_refused(text: str, options: dict[str, str]) -> None:
    refusal = refusal_of(a_json_request({"to": NUMBER, "message": text, **options}))

    assert (refusal.code, fields_of(refusal)) == (Code.TEXT_TOO_LONG, ["message"])


@pytest.mark.parametrize(
    ("number", "options"),
    [
        ("+15551234567", {}),
        ("15551234567", {}),
        # With a country, 8x8 may read this as a national number, whatever its first digits.
        ("6591234567", {"country": "US"}),
        ("+15551234567", {"country": "SG"}),
    ],
)
def test_a_country_that_is_not_allowed_is_refused(number: str, options: dict[str, str]) -> None:
    request = a_json_request({"to": number, "text": TEXT, **options})

    refusal = refusal_of(request, country_calling_codes=("65",))

    assert (refusal.code, refusal.status) == (Code.COUNTRY_NOT_ALLOWED, 403)


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_an_idempotency_key_has_1_to_255_characters(key: str) -> None:
    headers = {"content-type": "application/json", "idempotency-key": key}

    assert refusal_of(a_json_request(GOOD, headers=headers)).code is Code.IDEMPOTENCY_KEY_INVALID


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
known_names = st.sampled_from(["to", "text", "message", "from", "country", "expiry", "clientIp"])


@given(st.dictionaries(known_names | st.text(), json_values, max_size=6))
def test_whatever_a_body_holds_it_is_read_or_refused(fields: dict[str, Any]) -> None:
    try:
        message = read_send_request(a_json_request(fields), RULES)
    except RefusedError:
        return
    assert message.text == fields.get("text", fields.get("message"))


@given(st.binary(max_size=200), st.sampled_from(["application/json", FORM["content-type"]]))
def test_whatever_bytes_come_they_are_read_or_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(RefusedError):
        read_send_request(an_http_request(body, headers={"content-type": content_type}), RULES)


def test_no_refusal_quotes_what_the_caller_sent() -> None:
    secret = "Distinctive-4711"
    for name, _ in WRONG_FIELDS:
        refusal = refusal_of(a_json_request({**GOOD, name: f"{secret} {'x' * 400}\ud800"}))
        assert secret not in f"{refusal} {refusal.message} {refusal.errors}"
