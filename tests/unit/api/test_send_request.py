"""What is understood as a request to send, and its answer: 8x8's, with the bridge's id."""

import gzip
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.eightx8.contract import problems_of
from sms_bridge.api.fields import is_macro
from sms_bridge.api.send_request import read_send_request, send_answer
from sms_bridge.domain.message import MessageType
from sms_bridge.domain.state import State
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
    headers = {"authorization": "Bearer token-of-moengage"}
    request = a_json_request({"to": NUMBER, "text": TEXT}, path=url, headers=headers)

    asked, hash_key, _ = read_send_request(
        request, send_settings(), a_secret_source(moengageTokens=["token-of-moengage"])
    )

    assert (isinstance(asked, list), hash_key) == (is_batch, "k")


class TestNames:
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
    def test_each_gateways_names_mean_the_same(self, of: Any, fields: dict[str, str]) -> None:
        assert plain(read(of(fields))) == plain(a_request(source="Acme"))

    @pytest.mark.parametrize(
        "names",
        [
            ("clientMessageId", "campaignId", "dltTemplateId"),
            ("clientMessageId", "campaign_id", "dlt_template_id"),
            ("clientMessageId", "campaign_id", "templateId"),
            ("clientMessageId", "campaign_id", "template_id"),
        ],
    )
    def test_ids_of_the_caller_are_kept_as_texts(self, names: tuple[str, str, str]) -> None:
        ids = dict(zip(names, ("theirs", 7, "1107"), strict=True))

        assert plain(read(a_json_request({"to": NUMBER, "text": TEXT, **ids}))) == plain(
            a_request(client_message_id="theirs", campaign_id="7", dlt_template_id="1107")
        )

    @pytest.mark.parametrize(
        "more",
        [
            {"apiVersion": {"a": [1]}, "priority": None},
            {"source": "", "country": "", "campaignId": None},
        ],
        ids=["nobody knows them", "they are optional and empty"],
    )
    def test_fields_are_passed_over_if(self, more: dict[str, Any]) -> None:
        assert plain(read(a_json_request({"to": NUMBER, "text": TEXT, **more}))) == plain(
            a_request()
        )


class TestNumbers:
    @pytest.mark.parametrize(
        ("given_as", "number"),
        [
            ("6591234567", "6591234567"),
            ("+6591234567", "+6591234567"),
            (6591234567, "6591234567"),
            ([6591234567], "6591234567"),
            (["+6591234567"], "+6591234567"),
            (" +6591234567 ", "+6591234567"),
        ],
    )
    def test_a_number_may_come_as_text_number_or_list_of_one(
        self, given_as: object, number: str
    ) -> None:
        assert read(a_json_request({"dest": given_as, "text": TEXT})).destination == number

    def test_a_plus_that_a_form_turned_into_a_space_does_not_matter(self) -> None:
        request = an_http_request(b"to=+6591234567&text=Hello+there", headers=FORM)

        message = read(request)

        assert (message.destination, message.text) == ("6591234567", "Hello there")

    @given(st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True))
    def test_every_number_that_8x8_takes_is_taken_as_it_is(self, number: str) -> None:
        assert read(a_json_request({"to": number, "text": TEXT})).destination == number


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
        assert read(a_json_request({"to": NUMBER, "text": text})).text == text

    @pytest.mark.parametrize("ending", ["", "&", "&&", "&priority=a/b"])
    def test_a_form_may_end_with_an_ampersand_or_a_field_of_another_name(self, ending: str) -> None:
        form = f"to=6591234567&text=50%25+off at A%26B for 1%2B1{ending}".replace(" ", "+")

        assert read(an_http_request(form, headers=FORM)).text == "50% off at A&B for 1+1"


class TestSenderIds:
    @pytest.mark.parametrize(
        ("given_as", "source"),
        [
            ("Acme", "Acme"),
            (" Acme ", "Acme"),
            ("7-Eleven", "7-Eleven"),
            ("12345678901", "12345678901"),
            ("+123456789012345", "+123456789012345"),
            (6599, "6599"),
        ],
    )
    def test_a_sender_id_is_letters_or_digits(self, given_as: object, source: str) -> None:
        fields = {"to": NUMBER, "text": TEXT, "from": given_as}

        assert read(a_json_request(fields)).source == source

    @pytest.mark.parametrize(("fields", "source"), [({}, "Default"), ({"from": "Acme"}, "Acme")])
    def test_the_deployments_sender_id_stands_in_where_none_is_named(
        self, fields: dict[str, str], source: str
    ) -> None:
        request = a_json_request({"to": NUMBER, "text": TEXT, **fields})

        assert read(request, default_sender_id="Default").source == source


class TestOptions:
    OPTIONS = {  # noqa: RUF012
        "country": "SG",
        "encoding": "UCS2",
        "scheduled": "2026-11-25T09:30:00+08:00",
        "expiry": "2026-11-26T09:30:00Z",
        "dlrCallbackUrl": "https://Example.com:8443/receipts?a=b%20c",
        "clientIp": "2001:db8::1",
        "track": "Outcome",
    }

    def test_8x8s_optional_fields_pass_through(self) -> None:
        request = a_json_request({"to": NUMBER, "text": TEXT, **self.OPTIONS})

        message = read(request, caller_callback_hosts=("other.example", "example.COM"))

        assert plain(message) == plain(a_request(options=self.OPTIONS))

    @pytest.mark.parametrize(
        ("given_as", "sent"),
        [
            ({"encoding": "Auto"}, {"encoding": "AUTO"}),
            ({"Scheduled": "2026-11-26T09:30:00Z"}, {"scheduled": "2026-11-26T09:30:00Z"}),
            ({"encoding": "gsm7"}, {"encoding": "GSM7"}),
            ({"track": "OUTCOME"}, {"track": "Outcome"}),
            ({"track": "none"}, {"track": "None"}),
            ({"country": "sg"}, {"country": "SG"}),
            ({"expiry": "2026-11-26t09:30:00.5z"}, {"expiry": "2026-11-26T09:30:00.5Z"}),
        ],
    )
    def test_values_are_compared_without_case_and_sent_as_8x8_writes_them(
        self, given_as: dict[str, str], sent: dict[str, str]
    ) -> None:
        assert read(a_json_request({"to": NUMBER, "text": TEXT, **given_as})).options == sent

    def test_receipts_come_to_this_bridge_unless_the_caller_names_a_url_of_its_own(self) -> None:
        fields = {"to": NUMBER, "text": TEXT}
        settings: Any = {"callback_url": "https://b/c", "caller_callback_hosts": ("example.com",)}

        ours = read(a_json_request(fields), **settings)
        theirs = read(a_json_request({**fields, **self.OPTIONS}), **settings)

        assert plain(ours) == plain(
            a_request(options={"dlrCallbackUrl": "https://b/c"}, adds_callback_url=True)
        )
        assert plain(theirs) == plain(a_request(options=self.OPTIONS))


class TestRequests:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            *(
                {"content-type": one}
                for one in (
                    *("", "application/json", "Application/JSON; charset=utf-8", "text/plain"),
                    *("application/vnd.acme+json", "application/json,"),
                    "application/json, application/json; charset=utf-8",
                )
            ),
        ],
    )
    def test_json_comes_under_several_content_types(self, headers: dict[str, str]) -> None:
        request = a_json_request({"to": NUMBER, "text": TEXT}, headers=headers)

        assert plain(read(request)) == plain(a_request())

    @pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "", "identity"])
    def test_a_body_may_be_packed_with_gzip(self, encoding: str) -> None:
        body = gzip.compress(json.dumps({"to": NUMBER, "text": TEXT}).encode())

        request = an_http_request(body, headers={"content-encoding": encoding})

        assert plain(read(request)) == plain(a_request())

    @pytest.mark.parametrize("length", [1, 255])
    def test_an_idempotency_key_is_kept(self, length: int) -> None:
        headers = {"idempotency-key": "k" * length}

        message = read(a_json_request({"to": NUMBER, "text": TEXT}, headers=headers))

        assert message.idempotency_key == "k" * length

    def test_the_sub_account_is_that_of_the_url(self) -> None:
        request = a_json_request(
            {"to": NUMBER, "text": TEXT}, path_parameters={"subAccountId": "another"}
        )

        assert read(request, sub_account_ids=(SUB_ACCOUNT, "another")).sub_account_id == "another"

    @pytest.mark.parametrize(
        ("number", "options"),
        [
            ("+6591234567", {}),
            ("6591234567", {}),
            ("+6591234567", {"country": "SG"}),
            ("91234567", {"country": "SG"}),
            ("6591234567", {"country": "SG"}),
            ("15112345678", {"country": "DE"}),
            ("4915112345678", {"country": "SG"}),
        ],
    )
    def test_a_number_of_an_allowed_country_is_taken(
        self, number: str, options: dict[str, str]
    ) -> None:
        request = a_json_request({"to": number, "text": TEXT, **options})

        assert read(request, allowed_country_calling_codes=("49", "65")).destination == number


class TestMessageTypes:
    TRANSACTIONAL = (SUB_ACCOUNT,)

    @pytest.mark.parametrize(
        ("fields", "transactional", "message_type"),
        [
            ({}, (), MessageType.PROMOTIONAL),
            ({}, ("another",), MessageType.PROMOTIONAL),
            ({}, TRANSACTIONAL, MessageType.TRANSACTIONAL),
            ({"messageType": "transactional"}, (), MessageType.TRANSACTIONAL),
            ({"message_type": "transactional"}, (), MessageType.TRANSACTIONAL),
            ({"messageType": "promotional"}, TRANSACTIONAL, MessageType.PROMOTIONAL),
            ({"messageType": "Promotional"}, TRANSACTIONAL, MessageType.PROMOTIONAL),
            ({"messageType": "TRANSACTIONAL"}, (), MessageType.TRANSACTIONAL),
            ({"messageType": ""}, TRANSACTIONAL, MessageType.TRANSACTIONAL),
        ],
    )
    def test_the_caller_decides_and_else_the_sub_account(
        self, fields: dict[str, str], transactional: tuple[str, ...], message_type: MessageType
    ) -> None:
        request = a_json_request({"to": NUMBER, "text": TEXT, **fields})

        assert (
            read(request, transactional_sub_account_ids=transactional).message_type is message_type
        )


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
