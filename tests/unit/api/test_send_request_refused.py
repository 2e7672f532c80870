"""Which requests to send are refused, with which code, and which field is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.api.request import HttpRequest, Reason, RefusedError
from tests import builders
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
TWELVE = "TwelveLetter"
HOST = "caller.example"


def refusal_of(request: HttpRequest, **settings: Any) -> RefusedError:
    settings = {"caller_callback_hosts": (HOST,), **settings}
    return builders.refusal_of(read_one, request, **settings)


def fields_of(refusal: RefusedError) -> list[str]:
    return [error.field for error in refusal.errors]


WRONG: dict[str, list[object]] = {
    "destination": [
        *("12345", "0123456789", "1234567890123456", "1" * 400, 6591234567.0, True),
        *("+65 9123 4567", "9123 4567", "+65\u200e91234567"),
        *([], [NUMBER, NUMBER], [[NUMBER]], {"number": NUMBER}),
    ],
    "text": [
        *("  \n", "\u200b\u200e", "\u2800 \u3164", "\ufe0f\u034f", 42, True, ["a"], {"a": "b"}),
        *("half a pair: \ud800", "a\x00b", "a\x1bb", "a\x7fb", "a\x85b", "\ufffe", "a\ufdd0b"),
    ],
    "source": [
        *(
            TWELVE,
            "12345678901234567",
            "+1234567890123456",
            "   ",
            "...",
            "-1",
            -1,
            1.5,
            ["Acme"],
            True,
        ),
        *("Ac\nme", "\tAcme", "Ac\u200eme", "Ac\u00a0me"),
    ],
    "clientMessageId": ["c" * 351, {"id": 1}, "\x9b31m"],
    "campaignId": ["c" * 257, False, "two\nlines", "\x1b[2J", "\u202egnp.exe"],
    "messageType": ["transaction", "otp", 7, True, ["promotional"]],
    "dltTemplateId": ["c" * 257, "a\u2028b"],
    "country": ["Singapore", "S1", "SÉ"],
    "dlrCallbackUrl": [
        f"http://{HOST}/receipts",
        f"https://{HOST}.evil.example/",
        f"https://user@{HOST}/",
        f"https://{HOST}@evil.example/",
        f"https://{HOST}\\@evil.example/",
        *(f"https://{HOST}/{path}" for path in ("a b", "\t", "{id}", "ü", "%zz")),
        *(f"https://{HOST}/{path}" for path in ("#a#b", "a" * 2000)),
        f"https://{HOST}:0/",
        *("ftp://example.com", "https://", "https:///path", "https://[half", "https://[::1]/"),
        *("https://other.example/", HOST, 7),
    ],
    "encoding": ["UTF8"],
    "scheduled": ["tomorrow", "2026-11-25T09:30:00"],
    "expiry": ["2026-11-25"],
    "clientIp": ["1.2.3"],
    "track": ["Everything"],
}


MACROS: dict[str, list[object]] = {
    "destination": ["Moesms_destination", "+moesms_destination", ["Moesms_destination"]],
    "text": [
        *("Moesms_mesage", "Hi Moesms_message", "MOESMS_MESSAGE", "Moesms-message"),
        *("Dear Moesmsmessage", "Moems_message", "Moesm_message"),
        *("Moe_sms_message", "Meosms_message"),
    ],
    "source": ["Moesms_x"],
    "campaignId": ["Moesms_campaignId"],
    "clientMessageId": ["id-Moesms_campaignId-7"],
    "dltTemplateId": ["Moesms_dltTemplateId"],
    "messageType": ["Moesms_type"],
    "dlrCallbackUrl": ["https://a.example/?c=Moesms_campaignId"],
}


@pytest.mark.parametrize(
    ("reason", "field", "value"),
    [
        (reason, field, value)
        for reason, wrong in ((Reason.FIELD_INVALID, WRONG), (Reason.MACRO_NOT_FILLED, MACROS))
        for field, values in wrong.items()
        for value in values
    ],
    ids=repr,
)
def test_a_wrong_field_is_named(reason: Reason, field: str, value: object) -> None:
    refusal = refusal_of(a_json_request({**GOOD, field: value}))

    assert (refusal.reason, refusal.status) == (reason, 400)
    assert fields_of(refusal) == [field]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        *(({name: "12", "text": TEXT}, [name]) for name in ("recipient", "to", "msisdn", "phone")),
        (
            {"to": "12", "text": "", "from": TWELVE, "country": "X"},
            ["to", "text", "from", "country"],
        ),
        ({"to": NUMBER, "message": "a" * 1531}, ["message"]),
    ],
)
def test_all_wrong_fields_are_named_at_once_as_the_caller_named_them(
    fields: dict[str, str], named: list[str]
) -> None:
    assert fields_of(refusal_of(a_json_request(fields))) == named


@pytest.mark.parametrize("of", [a_json_request, a_form_request])
@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"text": TEXT}, ["destination"]),
        ({"to": NUMBER}, ["text"]),
        ({"other": "field"}, ["destination", "text"]),
        ({"recipient": "", "text": TEXT}, ["recipient"]),
        ({"to": NUMBER, "message": ""}, ["message"]),
        ({"Destinations": NUMBER, "text": TEXT}, ["destination"]),
    ],
)
def test_a_missing_field_is_named(of: Any, fields: dict[str, str], missing: list[str]) -> None:
    refusal = refusal_of(of(fields))

    assert (refusal.reason, fields_of(refusal)) == (Reason.FIELD_MISSING, missing)


def test_a_required_field_that_is_null_is_missing() -> None:
    assert refusal_of(a_json_request({**GOOD, "text": None})).reason is Reason.FIELD_MISSING


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('"text": "one", "text": "two"', "text"),
        ('"text": "one", "message": "two"', "message"),
        ('"text": "one", "recipient": 6591234567', "recipient"),
        ('"text": "one", "from": "A", "sender": "A"', "sender"),
        ('"text": "one", "country": "SG", "country": "DE"', "country"),
    ],
)
def test_a_field_that_is_given_twice_is_refused_also_under_another_name(
    body: str, field: str
) -> None:
    refusal = refusal_of(an_http_request(f'{{"to": 6591234567, {body}}}'))

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

    def test_the_number_may_be_a_number(self) -> None:
        refusal = refusal_of(a_json_request({"dest": TEXT, "text": 6591234567}))

        assert refusal.reason is Reason.FIELDS_SWAPPED

    @pytest.mark.parametrize(
        "fields",
        [
            {"to": "12", "text": TEXT},
            {"to": TEXT, "text": TEXT},
            {"text": NUMBER},
            {"to": TEXT, "text": ""},
            {"to": TEXT, "phone": TEXT, "text": NUMBER},
            {"to": NUMBER, "text": NUMBER, "country": "X"},
            {"to": "9123 4567", "text": "4830215"},
            {"to": "tel:91234567", "text": "4830215"},
            {"to": "+65-9123-4567", "text": NUMBER},
        ],
    )
    def test_no_other_mistake_is_taken_for_it(self, fields: dict[str, str]) -> None:
        assert refusal_of(a_json_request(fields)).reason is not Reason.FIELDS_SWAPPED

    def test_a_text_that_is_a_number_can_be_sent(self) -> None:
        assert read_one(a_json_request({**GOOD, "text": "6591234567"})).text == "6591234567"


BODIES: dict[tuple[Reason, int], list[HttpRequest]] = {
    (Reason.BODY_INVALID, 400): [
        *map(an_http_request, ("{", "[]", json.dumps([GOOD]), '"text"', "null")),
        an_http_request('{"to": NaN, "text": "a"}'),
        an_http_request('{"to": 1' + "0" * 5000 + "}"),
        an_http_request("[" * 30_000),
        an_http_request('{"a":' * 10_000),
        an_http_request(json.dumps(GOOD), headers=FORM),
    ],
    (Reason.BODY_NOT_UTF8, 400): [an_http_request(b"to=6591234567&text=%FF", headers=FORM)],
    (Reason.CONTENT_TYPE_UNSUPPORTED, 415): [
        an_http_request(b"\x8b\x04\x80", headers={"content-encoding": "br"}),
        an_http_request("\x1f\ufffd\x08\x00", headers={"content-encoding": "gzip"}),
        an_http_request("\x1f\ufffd\x08\x00"),
        a_json_request(GOOD, headers={"content-type": "text/html"}),
        a_json_request(GOOD, headers={"content-type": "multipart/form-data; boundary=b"}),
    ],
    (Reason.SUB_ACCOUNT_NOT_ALLOWED, 403): [
        a_json_request(GOOD, path_parameters={"subAccountId": sub_account})
        for sub_account in ("", "another", SUB_ACCOUNT + "x", SUB_ACCOUNT.upper())
    ],
    (Reason.IDEMPOTENCY_KEY_INVALID, 400): [
        a_json_request(GOOD, headers={"idempotency-key": key})
        for key in ("", "   ", "k" * 256, "a\tb", "ü")
    ],
    (Reason.TEXT_TOO_LONG, 400): [
        a_json_request({**GOOD, "text": text, **options})
        for text, options in [
            ("a" * 1531, {}),
            ("я" * 671, {}),
            ("😀" * 331, {}),
            ("a" * 671, {"encoding": "UCS2"}),
        ]
    ],
}


@pytest.mark.parametrize(
    ("answer", "request_"), [(answer, one) for answer, several in BODIES.items() for one in several]
)
def test_a_request_that_cannot_be_sent_is_refused(
    answer: tuple[Reason, int], request_: HttpRequest
) -> None:
    refusal = refusal_of(request_)

    assert (refusal.reason, refusal.status) == answer


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
    request = a_json_request({"phone": number, "text": TEXT, **options})

    refusal = refusal_of(request, allowed_country_calling_codes=("65",))

    assert (refusal.reason, refusal.status) == (Reason.COUNTRY_NOT_ALLOWED, 403)
    assert fields_of(refusal) == ["phone"]


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
    refusal = refusal_of(an_http_request(body, headers={"content-type": content_type}))

    assert refusal.status in (400, 415)


def test_a_macro_is_the_reason_even_where_more_is_wrong() -> None:
    fields = {"from": "Moesms_sender", "to": TEXT, "text": "6591234567"}

    assert refusal_of(a_json_request(fields)).reason is Reason.MACRO_NOT_FILLED


def test_a_macro_as_idempotency_key_is_refused() -> None:
    request = a_json_request(GOOD, headers={"idempotency-key": "Moesms_campaignId"})

    refusal = refusal_of(request)

    assert (refusal.reason, fields_of(refusal)) == (Reason.MACRO_NOT_FILLED, ["Idempotency-Key"])


@pytest.mark.parametrize(
    "body",
    [
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
    ],
)
@pytest.mark.parametrize("is_base64", [True, False])
def test_a_form_whose_text_is_cut_at_an_unescaped_sign_is_refused(
    body: str, is_base64: bool
) -> None:
    refusal = refusal_of(an_http_request(body.encode() if is_base64 else body, headers=FORM))

    assert refusal.reason is Reason.BODY_INVALID
    assert "%26" in refusal.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"to": 6591234567.0}', "decimal point"),
        ('{"to": "+65\u200e91234567"}', "U+200E"),
        ('{"to": "12"}', "7 to 15 digits"),
        ('{"text": "Hi"}', "destination is required (also accepted as recipient, to, "),
        ('{"to": ""}', "to is required."),
        ('{"to": "1",\n"text": "He said "hi""}', "line 2, column 19"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(body: str, words: str) -> None:
    assert words in refusal_of(an_http_request(body)).message


def test_without_allowed_hosts_every_callback_url_of_the_callers_is_refused() -> None:
    request = a_json_request({**GOOD, "dlrCallbackUrl": f"https://{HOST}/"})

    refusal = refusal_of(request, caller_callback_hosts=(), callback_base_url="https://b")

    assert fields_of(refusal) == ["dlrCallbackUrl"]


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
        ("dlrCallbackUrl", 3020),
        ("campaignId", 1000),
    ],
)
def test_a_wrong_field_has_8x8s_code_for_it(field: str, code: int) -> None:
    good = {"recipient": NUMBER, "message": TEXT}

    assert refusal_of(a_json_request({**good, field: {}})).code == code


@pytest.mark.parametrize("field", WRONG)
def test_no_refusal_quotes_what_the_caller_sent(field: str) -> None:
    secret = "Distinctive-4711"

    refusal = refusal_of(a_json_request({**GOOD, field: f"{secret} {'x' * 400}\ud800"}))

    assert secret not in f"{refusal} {refusal.message} {plain(refusal.errors)}"
