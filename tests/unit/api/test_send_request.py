"""What is understood as a request to send, and its answer: 8x8's, with the bridge's id."""

import gzip
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.eightx8.contract import problems_of
from sms_bridge.api.send_request import is_macro, read_send_request, send_answer
from sms_bridge.domain.message import MessageRequest, MessageType, State
from sms_bridge.providers.eightx8 import sms_of
from tests.builders import (
    MESSAGE_ID,
    NUMBER,
    SUB_ACCOUNT,
    TEXT,
    UMID,
    a_form_request,
    a_json_request,
    a_message,
    a_request,
    a_secret_source,
    an_http_request,
    plain,
    send_settings,
)
from tests.unit.api.reading import read_one as read

FORM = {"content-type": "application/x-www-form-urlencoded"}
GOOD = {"destination": NUMBER, "text": TEXT}
OPTIONS = {
    "country": "SG",
    "encoding": "UCS2",
    "scheduled": "2026-11-25T09:30:00+08:00",
    "expiry": "2026-11-26T09:30:00Z",
    "dlrCallbackUrl": "https://Example.com:8443/receipts?a=b%20c",
    "clientIp": "2001:db8::1",
    "track": "Outcome",
}
MOMENT = "2026-11-26T09:30:00Z"


def read_with(more: dict[str, Any], **settings: Any) -> MessageRequest:
    """Read a message that is good but for what a test is about."""
    return read(a_json_request({**GOOD, **more}), **settings)


@pytest.mark.parametrize(
    ("url", "is_batch"),
    [
        ("/api/v1/subaccounts/acme/messages/batch", True),
        ("/api/v1/subaccounts/acme/messages/batch/", True),
        ("/api/v1/subaccounts/acme/messages", False),
        ("/api/v1/subaccounts/batch/messages/", False),
    ],
)
def test_a_batch_is_known_by_its_url(url: str, is_batch: bool) -> None:
    request = a_json_request(GOOD, path=url, headers={"authorization": "Bearer token-of-moengage"})
    secrets = a_secret_source(moengageTokens=["token-of-moengage"])

    asked, hash_key, _ = read_send_request(request, send_settings(), secrets)

    assert (isinstance(asked, list), hash_key) == (is_batch, "k")


@pytest.mark.parametrize("of", [a_json_request, a_form_request])
@pytest.mark.parametrize(
    "fields",
    [
        {"recipient": NUMBER, "message": TEXT, "sender": "Acme"},
        {"destination": NUMBER, "text": TEXT, "source": "Acme"},
        {"to": NUMBER, "body": TEXT, "from": "Acme"},
        {"dest": NUMBER, "msg": TEXT, "senderId": "Acme"},
        {"msisdn": NUMBER, "text": TEXT, "sender_id": "Acme"},
        {"phone": NUMBER, "text": TEXT, "sender_id": "Acme"},
        {"Recipient": NUMBER, "MESSAGE": TEXT, "SenderID": "Acme"},
    ],
    ids=["8x8's guide for MoEngage", "8x8's API", *["other"] * 4, "in another case"],
)
def test_each_gateways_names_mean_the_same(of: Any, fields: dict[str, str]) -> None:
    assert plain(read(of(fields))) == plain(a_request(source="Acme"))


class TestFields:
    @pytest.mark.parametrize(
        ("given_as", "read_as"),
        [
            ({"destination": "6591234567"}, {"destination": "6591234567"}),
            ({"destination": 6591234567}, {"destination": "6591234567"}),
            ({"destination": [6591234567]}, {"destination": "6591234567"}),
            ({"destination": ["+6591234567"]}, {}),
            ({"destination": " +6591234567 "}, {}),
            *(
                ({"from": one}, {"source": one})
                for one in ("Acme", "7-Eleven", "12345678901", "+123456789012345")
            ),
            ({"from": " Acme "}, {"source": "Acme"}),
            ({"from": 6599}, {"source": "6599"}),
            ({"clientMessageId": "theirs"}, {"client_message_id": "theirs"}),
            ({"clientMessageId": 8}, {"client_message_id": "8"}),
            *(({name: "c-1"}, {"campaign_id": "c-1"}) for name in ("campaignId", "campaign_id")),
            ({"campaignId": 7}, {"campaign_id": "7"}),
            *(
                ({name: "1107"}, {"dlt_template_id": "1107"})
                for name in ("dltTemplateId", "dlt_template_id", "templateId", "template_id")
            ),
            ({"Scheduled": MOMENT}, {"options": {"scheduled": MOMENT}}),
            ({"expiry": "2026-11-26t09:30:00z"}, {"options": {"expiry": MOMENT}}),
            ({"encoding": "Auto"}, {"options": {"encoding": "AUTO"}}),
            ({"encoding": "gsm7"}, {"options": {"encoding": "GSM7"}}),
            ({"track": "OUTCOME"}, {"options": {"track": "Outcome"}}),
            ({"track": "none"}, {"options": {"track": "None"}}),
            ({"country": "sg"}, {"options": {"country": "SG"}}),
            ({"apiVersion": {"a": [1]}, "priority": None}, {}),
            ({"source": "", "country": "", "campaignId": None}, {}),
        ],
        ids=repr,
    )
    def test_what_callers_write_is_read_as_8x8_writes_it(
        self, given_as: dict[str, Any], read_as: dict[str, Any]
    ) -> None:
        assert plain(read_with(given_as)) == plain(a_request(**read_as))

    def test_8x8s_optional_fields_pass_through(self) -> None:
        message = read_with(OPTIONS, caller_callback_hosts=("other.example", "example.com"))

        assert plain(message) == plain(a_request(options=OPTIONS))

    def test_receipts_come_to_this_bridge_unless_the_caller_names_a_url_of_its_own(self) -> None:
        settings: Any = {
            "callback_base_url": "https://b",
            "caller_callback_hosts": ("example.com",),
        }
        url = "https://b/callbacks/8x8?token=token-of-8x8s-own"

        ours, theirs = read_with({}, **settings), read_with(OPTIONS, **settings)

        assert plain(ours) == plain(a_request(callback_url=url))
        sent = [sms_of(one, MESSAGE_ID)["dlrCallbackUrl"] for one in (ours, theirs)]
        assert sent == [url, OPTIONS["dlrCallbackUrl"]]

    @given(st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True))
    def test_every_number_that_8x8_takes_is_taken_as_it_is(self, number: str) -> None:
        assert read_with({"destination": number}).destination == number

    @pytest.mark.parametrize(("fields", "source"), [({}, "Default"), ({"from": "Acme"}, "Acme")])
    def test_the_deployments_sender_id_stands_in_where_none_is_named(
        self, fields: dict[str, str], source: str
    ) -> None:
        assert read_with(fields, default_sender_id="Default").source == source

    @pytest.mark.parametrize(
        ("fields", "transactional", "message_type"),
        [
            ({}, (), "promotional"),
            ({}, ("another",), "promotional"),
            ({}, (SUB_ACCOUNT,), "transactional"),
            ({"messageType": "transactional"}, (), "transactional"),
            ({"message_type": "transactional"}, (), "transactional"),
            ({"messageType": "promotional"}, (SUB_ACCOUNT,), "promotional"),
            ({"messageType": "Promotional"}, (SUB_ACCOUNT,), "promotional"),
            ({"messageType": "TRANSACTIONAL"}, (), "transactional"),
            ({"messageType": ""}, (SUB_ACCOUNT,), "transactional"),
        ],
    )
    def test_the_caller_decides_on_the_type_and_else_the_sub_account(
        self, fields: dict[str, str], transactional: tuple[str, ...], message_type: str
    ) -> None:
        message = read_with(fields, transactional_sub_account_ids=transactional)

        assert message.message_type is MessageType(message_type)

    @pytest.mark.parametrize(
        ("number", "options"),
        [
            ("+6591234567", {}),
            ("6591234567", {}),
            ("+6591234567", {"country": "SG"}),
            # With + it is taken as it is written, whether or not there is such a number.
            ("+6512345678", {"country": "HK"}),
            ("91234567", {"country": "SG"}),
            ("6591234567", {"country": "SG"}),
            ("15112345678", {"country": "DE"}),
            ("4915112345678", {"country": "SG"}),
        ],
    )
    def test_a_number_of_an_allowed_country_is_taken(
        self, number: str, options: dict[str, str]
    ) -> None:
        fields = {"destination": number, **options}

        assert read_with(fields, allowed_country_calling_codes=("49", "65")).destination == number


# Up to 100 characters, of which one can be seen: ten segments hold each of them.
may_be_sent = st.characters(
    codec="utf-8",
    exclude_categories=["Cc"],
    exclude_characters=[*map(chr, range(0xFDD0, 0xFDF0)), "\ufffe", "\uffff"],
) | st.sampled_from("\n\r\t\f")
texts = (
    st.text(may_be_sent, max_size=99)
    .map(lambda text: f"{text}.")
    .filter(lambda text: not is_macro(text))
)


class TestTexts:
    @given(texts, st.booleans(), st.booleans())
    def test_the_text_of_a_json_body_is_kept_byte_for_byte(
        self, text: str, ascii: bool, is_base64: bool
    ) -> None:
        body = json.dumps({"to": NUMBER, "text": text}, ensure_ascii=ascii)
        # API Gateway hands JSON over as text, with U+FFFD in place of what is not UTF-8.
        is_base64 = is_base64 or "\ufffd" in text

        assert read(an_http_request(body.encode() if is_base64 else body)).text == text

    @given(texts, st.booleans())
    def test_the_text_of_a_form_is_kept_byte_for_byte(self, text: str, is_base64: bool) -> None:
        form = urlencode({"to": NUMBER, "text": text})

        message = read(an_http_request(form.encode() if is_base64 else form, headers=FORM))
        assert message.text == text

    @pytest.mark.parametrize("text", ["Hello\nAnna", "Hello\r\n\tAnna", "Hello\n"])
    def test_line_breaks_in_the_strings_of_a_raw_body_are_kept(self, text: str) -> None:
        assert read(an_http_request(f'{{"to": "{NUMBER}", "text": "{text}"}}')).text == text

    @pytest.mark.parametrize(
        "text",
        [
            *("👍", "1\ufe0f\u20e3", "नमस्ते", "\u200f\u0633\u0644\u0645", ".", "\U0001fae9"),
            # These only resemble a macro.
            *("Ask Moe: SMS", "mom_s", "moe_howard", "moss_kate", "mess_1"),
            # Ten segments.
            "a" * 1530,
        ],
    )
    def test_a_text_with_anything_that_can_be_seen_is_kept(self, text: str) -> None:
        assert read_with({"text": text}).text == text

    @pytest.mark.parametrize(
        ("form", "text"),
        [
            ("to=6591234567&text=50%25 off at A%26B for 1%2B1&", "50% off at A&B for 1+1"),
            ("to=6591234567&text=50%25 off at A%26B for 1%2B1&&", "50% off at A&B for 1+1"),
            ("to=6591234567&text=Tom+%26+Jerry&priority=a/b", "Tom & Jerry"),
            # The + before a phone number became a space.
            ("to=+6591234567&text=Hello+there", "Hello there"),
        ],
    )
    def test_a_form_is_read_as_it_was_meant(self, form: str, text: str) -> None:
        message = read(an_http_request(form.encode(), headers=FORM))

        assert (message.destination, message.text) == ("6591234567", text)


class TestRequests:
    @pytest.mark.parametrize(
        "content_type",
        [
            *("", "application/json", "Application/JSON; charset=utf-8", "text/plain"),
            *("application/json,", "application/json, application/json; charset=utf-8"),
        ],
    )
    def test_json_comes_under_several_content_types_and_without_one(
        self, content_type: str
    ) -> None:
        for headers in ({"content-type": content_type}, {}):
            assert plain(read(a_json_request(GOOD, headers=headers))) == plain(a_request())

    @pytest.mark.parametrize("headers", [{"content-encoding": "gzip"}, {}])
    def test_a_body_may_be_packed_with_gzip(self, headers: dict[str, str]) -> None:
        body = gzip.compress(json.dumps(GOOD).encode())

        assert plain(read(an_http_request(body, headers=headers))) == plain(a_request())

    @pytest.mark.parametrize("key", ["k", "k" * 255])
    def test_an_idempotency_key_is_kept(self, key: str) -> None:
        request = a_json_request(GOOD, headers={"idempotency-key": key})

        assert read(request).idempotency_key == key

    def test_the_sub_account_is_that_of_the_url(self) -> None:
        request = a_json_request(GOOD, path_parameters={"subAccountId": "another"})

        message = read(request, sub_account_ids=(SUB_ACCOUNT, "another"))

        assert message.sub_account_id == "another"


class TestAnswers:
    @pytest.mark.parametrize("theirs", ["", "theirs"])
    def test_it_has_the_bridges_id_and_the_callers_if_it_has_one(self, theirs: str) -> None:
        message = a_message(
            state=State.QUEUED, umid=UMID, description="queued by 8x8", client_message_id=theirs
        )
        accepted = {"code": "QUEUED", "description": "SMS is accepted and queued for processing"}

        assert send_answer(message) == {
            "umid": MESSAGE_ID,
            "clientMessageId": theirs or MESSAGE_ID,
            "destination": NUMBER,
            "encoding": "GSM7",
            "status": accepted,
        }

    def test_a_repeat_is_answered_like_the_first_while_nothing_is_refused(self) -> None:
        first, repeat, waiting = (
            a_message(state=State.QUEUED, description="queued by 8x8"),
            a_message(state=State.QUEUED),
            a_message(state=State.WAITING, reason="eightx8_throttled", description="Rate limit"),
        )

        assert send_answer(first) == send_answer(repeat) == send_answer(waiting)

    def test_a_refusal_says_why(self) -> None:
        answer = send_answer(a_message(state=State.FAILED, description="8x8 refused the sender ID"))

        assert answer["status"] == {"code": "REJECTED", "description": "8x8 refused the sender ID"}

    @pytest.mark.parametrize("state", State)
    @pytest.mark.parametrize("encoding", ["GSM7", "UCS2", "", "LATIN1"])
    def test_it_is_8x8s_shape_and_rejected_only_when_8x8_did_not_accept_the_message(
        self, state: State, encoding: str
    ) -> None:
        answer = send_answer(a_message(state=state, encoding=encoding))

        assert list(answer) == ["umid", "clientMessageId", "destination", "encoding", "status"]
        assert list(answer["status"]) == ["code", "description"]
        is_rejected = state in ("failed", "rejected")
        assert answer["status"]["code"] == ("REJECTED" if is_rejected else "QUEUED")
        assert answer["status"]["description"]
        assert list(problems_of("SmsResponse", answer)) == []
