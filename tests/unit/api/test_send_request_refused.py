"""Which requests to send are refused, with which code, and which field is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.request import HttpRequest
from tests.builders import (
    NUMBER,
    SUB_ACCOUNT,
    TEXT,
    a_form_request,
    a_json_request,
    an_http_request,
    plain,
)
from tests.unit.api.reading import read_one

GOOD = {"destination": NUMBER, "text": TEXT}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def refusal_of(request: HttpRequest, **rules: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        read_one(request, **rules)
    return caught.value


def fields_of(refusal: RefusedError) -> list[str]:
    return [error.field for error in refusal.errors]


WRONG_FIELDS: list[tuple[str, object]] = [
    ("destination", "12345"),
    ("destination", "0123456789"),
    ("destination", "1234567890123456"),
    ("destination", "+65 9123 4567"),
    ("destination", "9123 4567"),
    ("destination", "+65\u200e91234567"),
    ("destination", "1" * 400),
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
    ("text", "a\x00b"),
    ("text", "a\x1bb"),
    ("text", "a\x7fb"),
    ("text", "a\x85b"),
    ("text", "\ufffe"),
    ("text", "a\ufdd0b"),
    ("text", "\u200b\u200e"),
    ("text", "\u2800 \u3164"),
    ("text", "\ufe0f\u034f"),
    ("source", "TwelveLetter"),
    ("source", "12345678901234567"),
    ("source", "   "),
    ("source", "Ac\nme"),
    ("source", "\tAcme"),
    ("source", "Ac\u200eme"),
    ("source", "Ac\u00a0me"),
    ("source", -1),
    ("source", "-1"),
    ("source", "..."),
    ("source", 1.5),
    ("source", ["Acme"]),
    ("source", True),
    ("clientMessageId", "c" * 351),
    ("clientMessageId", {"id": 1}),
    ("campaignId", "c" * 257),
    ("campaignId", False),
    ("campaignId", "two\nlines"),
    ("campaignId", "\x1b[2J"),
    ("campaignId", "\u202egnp.exe"),
    ("clientMessageId", "\x9b31m"),
    ("dltTemplateId", "a\u2028b"),
    ("dltTemplateId", "c" * 257),
    ("country", "Singapore"),
    ("country", "S1"),
    ("country", "SÉ"),
    ("encoding", "UTF8"),
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

    assert (refusal.reason, refusal.status, fields_of(refusal)) == (
        Reason.FIELD_INVALID,
        400,
        [field],
    )


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
        ({"Destinations": NUMBER, "text": TEXT}, ["destination"]),
    ],
)
def test_a_missing_field_is_named(of: Any, fields: dict[str, str], missing: list[str]) -> None:
    if of is a_form_request and not fields:
        fields = {"other": "field"}
    refusal = refusal_of(of(fields))

    assert (refusal.reason, fields_of(refusal)) == (Reason.FIELD_MISSING, missing)


@pytest.mark.parametrize("value", [None, ""])
def test_a_required_field_with_nothing_in_it_is_missing(value: object) -> None:
    assert refusal_of(a_json_request({**GOOD, "text": value})).reason is Reason.FIELD_MISSING


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

    assert (refusal.reason, fields_of(refusal)) == (Reason.FIELD_DOUBLED, [field])


def test_a_form_field_that_is_given_twice_is_refused() -> None:
    request = an_http_request(b"to=6591234567&text=one&text=two", headers=FORM)

    assert refusal_of(request).reason is Reason.FIELD_DOUBLED


class TestSwappedFields:
    @pytest.mark.parametrize("of", [a_json_request, a_form_request])
    def test_a_text_for_a_number_and_a_number_for_a_text(self, of: Any) -> None:
        refusal = refusal_of(of({"recipient": TEXT, "message": NUMBER}))

        assert (refusal.reason, refusal.status) == (Reason.FIELDS_SWAPPED, 400)
        assert "Moesms_destination" in refusal.message

    @pytest.mark.parametrize(
        ("destination", "text"), [(TEXT, 6591234567), ([TEXT], "6591234567"), (TEXT, NUMBER)]
    )
    def test_in_whatever_shape_they_come(self, destination: object, text: object) -> None:
        refusal = refusal_of(a_json_request({"dest": destination, "text": text}))

        assert refusal.reason is Reason.FIELDS_SWAPPED

    @pytest.mark.parametrize(
        "fields",
        [
            {"to": "12", "text": TEXT},
            {"to": TEXT, "text": TEXT},
            {"text": NUMBER},
            {"to": TEXT, "text": ""},
            {"to": NUMBER, "text": NUMBER, "country": "X"},
            {"to": "9123 4567", "text": "4830215"},
            {"to": "tel:91234567", "text": "4830215"},
            {"to": "+65-9123-4567", "text": NUMBER},
        ],
    )
    def test_no_other_mistake_is_taken_for_it(self, fields: dict[str, str]) -> None:
        assert refusal_of(a_json_request(fields)).reason is not Reason.FIELDS_SWAPPED

    def test_a_text_that_is_a_number_can_be_sent(self) -> None:
        request = a_json_request({"to": NUMBER, "text": "6591234567"})

        assert read_one(request).text == "6591234567"


BODIES: dict[tuple[Reason, int], list[HttpRequest]] = {
    (Reason.BODY_INVALID, 400): [
        an_http_request("{"),
        an_http_request("[]"),
        an_http_request(json.dumps([GOOD])),
        an_http_request('"text"'),
        an_http_request("null"),
        an_http_request('{"to": NaN, "text": "a"}'),
        an_http_request('{"to": 1' + "0" * 5000 + "}"),
        an_http_request("[" * 30_000),
        an_http_request('{"a":' * 10_000),
        an_http_request(json.dumps(GOOD), headers=FORM),
        an_http_request("&".join(["a=b"] * 101), headers=FORM),
    ],
    (Reason.BODY_NOT_UTF8, 400): [an_http_request(b"to=6591234567&text=%FF", headers=FORM)],
    (Reason.CONTENT_TYPE_UNSUPPORTED, 415): [
        an_http_request(b"to=1", headers={"content-encoding": "br"}),
        an_http_request("to=1", headers={"content-encoding": "gzip"}),
        an_http_request("\x1f\ufffd\x08\x00"),
        *(
            a_json_request(GOOD, headers={"content-type": content_type})
            for content_type in (
                "application/json, text/plain",
                "text/html",
                "multipart/form-data; boundary=b",
            )
        ),
    ],
}


@pytest.mark.parametrize(
    ("answer", "request_"), [(answer, one) for answer, several in BODIES.items() for one in several]
)
def test_a_body_that_cannot_be_read_is_refused(
    answer: tuple[Reason, int], request_: HttpRequest
) -> None:
    refusal = refusal_of(request_)

    assert (refusal.reason, refusal.status) == answer


@pytest.mark.parametrize("sub_account", ["", "another", SUB_ACCOUNT + "x", SUB_ACCOUNT.upper()])
def test_only_the_deployments_own_sub_accounts_send(sub_account: str) -> None:
    request = a_json_request(GOOD, path_parameters={"subAccountId": sub_account})

    refusal = refusal_of(request)

    assert (refusal.reason, refusal.status) == (Reason.SUB_ACCOUNT_NOT_ALLOWED, 403)


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

    assert (refusal.reason, fields_of(refusal)) == (Reason.TEXT_TOO_LONG, ["message"])


@pytest.mark.parametrize(
    ("number", "options"),
    [
        ("+15551234567", {}),
        ("15551234567", {}),
        # A number of both countries, as it may be read.
        ("6592234567", {"country": "US"}),
        ("91234567", {"country": "HK"}),
        ("85291234567", {"country": "HK"}),
        ("919876543210", {"country": "SG"}),
        ("65912345", {"country": "US"}),
        ("+15551234567", {"country": "SG"}),
    ],
)
def test_a_country_that_is_not_allowed_is_refused(number: str, options: dict[str, str]) -> None:
    request = a_json_request({"to": number, "text": TEXT, **options})

    refusal = refusal_of(request, allowed_country_calling_codes=("65",))

    assert (refusal.reason, refusal.status) == (Reason.COUNTRY_NOT_ALLOWED, 403)


@pytest.mark.parametrize("key", ["", "   ", "k" * 256, "a\tb", "ü"])
def test_an_idempotency_key_has_1_to_255_characters(key: str) -> None:
    headers = {"content-type": "application/json", "idempotency-key": key}

    assert (
        refusal_of(a_json_request(GOOD, headers=headers)).reason is Reason.IDEMPOTENCY_KEY_INVALID
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
known_names = st.sampled_from(["to", "text", "message", "from", "country", "expiry", "clientIp"])


@given(st.dictionaries(known_names | st.text(), json_values, max_size=6))
def test_whatever_a_body_holds_it_is_read_or_refused(fields: dict[str, Any]) -> None:
    try:
        message = read_one(a_json_request(fields))
    except RefusedError:
        return
    assert message.text == fields.get("text", fields.get("message"))


@given(st.binary(max_size=200), st.sampled_from(["application/json", FORM["content-type"]]))
def test_whatever_bytes_come_they_are_read_or_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(RefusedError):
        read_one(an_http_request(body, headers={"content-type": content_type}))


MACROS: list[tuple[str, object]] = [
    ("destination", "Moesms_destination"),
    ("destination", "+moesms_destination"),
    ("destination", ["Moesms_destination"]),
    ("text", "Moesms_mesage"),
    ("text", "Hi Moesms_message"),
    ("text", "MOESMS_MESSAGE"),
    ("text", "Moesms-message"),
    ("text", "Dear Moesmsmessage"),
    ("text", "Moems_message"),
    ("text", "Moesm_message"),
    ("text", "Moe_sms_message"),
    ("text", "Meosms_message"),
    ("source", "Moesms_x"),
    ("campaignId", "Moesms_campaignId"),
    ("clientMessageId", "id-Moesms_campaignId-7"),
    ("dltTemplateId", "Moesms_dltTemplateId"),
    ("messageType", "Moesms_type"),
    ("dlrCallbackUrl", "https://a.example/?c=Moesms_campaignId"),
]


@pytest.mark.parametrize(("field", "value"), MACROS)
def test_a_macro_that_was_not_filled_in_is_named(field: str, value: object) -> None:
    refusal = refusal_of(a_json_request({**GOOD, field: value}))

    assert (refusal.reason, refusal.status) == (Reason.MACRO_NOT_FILLED, 400)
    assert fields_of(refusal) == [field]


def test_a_macro_is_the_reason_even_where_more_is_wrong() -> None:
    fields = {"from": "TwelveLetter", "to": "Moesms_destination", "text": "6591234567"}

    assert refusal_of(a_json_request(fields)).reason is Reason.MACRO_NOT_FILLED


def test_a_macro_as_idempotency_key_is_refused() -> None:
    headers = {"idempotency-key": "Moesms_campaignId"}

    refusal = refusal_of(a_json_request(GOOD, headers=headers))

    assert (refusal.reason, fields_of(refusal)) == (Reason.MACRO_NOT_FILLED, ["Idempotency-Key"])


NOT_ESCAPED = [
    "message=Save 20% at Tom & Jerry&recipient=6591234567",
    "message=Save at Tom & Jerry = fun&recipient=6591234567",
    "message=if(a&=b)&recipient=6591234567",
    "message=Save at AT&T&recipient=6591234567",
    "message=Save at A&&B&recipient=6591234567",
    "message=1 + 1 are two&recipient=6591234567",
    "message=a%20&%20b=c&recipient=6591234567",
    "message=See https://example.com/?a=1&b=2&recipient=6591234567",
    "message=See%20https://example.com/?a&utm_source=sms&recipient=6591234567",
    "message=Q&A=fun&recipient=+6591234567",
    "message=100%&more=less&recipient=6591234567",
    "message=1+1=2&recipient=6591234567",
    "recipient",
]


@pytest.mark.parametrize("body", NOT_ESCAPED)
@pytest.mark.parametrize("is_base64", [True, False])
def test_a_form_whose_text_is_cut_at_an_unescaped_sign_is_refused(
    body: str, is_base64: bool
) -> None:
    request = an_http_request(body.encode() if is_base64 else body, headers=FORM)

    refusal = refusal_of(request)

    assert refusal.reason is Reason.BODY_INVALID
    assert "%26" in refusal.message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (6591234567.0, "decimal point"),
        ("+65\u200e91234567", "U+200E"),
        ("9123 4567", "blanks"),
        ("12", "7 to 15 digits"),
    ],
)
def test_a_number_is_refused_with_what_is_wrong_about_it(value: object, words: str) -> None:
    refusal = refusal_of(a_json_request({"recipient": value, "text": "4830215"}))

    assert refusal.reason is Reason.FIELD_INVALID
    assert words in refusal.message


def test_json_is_refused_with_the_place_that_is_wrong() -> None:
    refusal = refusal_of(an_http_request('{"to": "1",\n"text": "He said "hi""}'))

    assert "line 2, column 19" in refusal.message


@pytest.mark.parametrize(
    "url",
    [
        "http://caller.example/receipts",
        "https://other.example/",
        "https://caller.example.evil.example/",
        "https://user@caller.example/",
        "https://caller.example@evil.example/",
        "https://caller.example/a b",
        "https://caller.example/\t",
        "https://caller.example/{id}",
        "https://caller.example/ü",
        "https://caller.example/%zz",
        "https://caller.example/#a#b",
        "https://caller.example\\@evil.example/",
        "https:///path",
        "https://[::1]/",
        "https://caller.example:65536/",
        "https://caller.example:0/",
        "https://caller.example/" + "a" * 2000,
        "caller.example",
        7,
    ],
)
def test_a_callback_url_of_the_callers_is_refused_unless_its_host_is_allowed(url: object) -> None:
    request = a_json_request({**GOOD, "dlrCallbackUrl": url})

    refusal = refusal_of(request, caller_callback_hosts=("caller.example",))

    assert (refusal.code, fields_of(refusal)) == (3020, ["dlrCallbackUrl"])


def test_without_allowed_hosts_every_callback_url_of_the_callers_is_refused() -> None:
    request = a_json_request({**GOOD, "dlrCallbackUrl": "https://caller.example/"})

    assert fields_of(refusal_of(request, callback_url="https://b/c")) == ["dlrCallbackUrl"]


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("recipient", 1002),
        ("encoding", 1003),
        ("message", 1004),
        ("sender", 1005),
        ("expiry", 1006),
        ("country", 1009),
        ("scheduled", 1011),
        ("clientIp", 1012),
        ("campaignId", 1000),
    ],
)
def test_a_wrong_field_has_8x8s_code_for_it(field: str, code: int) -> None:
    good = {"recipient": NUMBER, "message": TEXT}

    assert refusal_of(a_json_request({**good, field: {}})).code == code


def test_a_country_that_is_not_allowed_is_refused_by_the_callers_name_of_the_field() -> None:
    request = a_json_request({"phone": "+15551234567", "text": TEXT})

    assert fields_of(refusal_of(request, allowed_country_calling_codes=("65",))) == ["phone"]


def test_no_refusal_quotes_what_the_caller_sent() -> None:
    secret = "Distinctive-4711"
    for name, _ in WRONG_FIELDS:
        refusal = refusal_of(a_json_request({**GOOD, name: f"{secret} {'x' * 400}\ud800"}))
        assert secret not in f"{refusal} {refusal.message} {plain(refusal.errors)}"
