"""What is understood as a batch, and how it is answered."""

import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.eightx8.contract import problems_of
from sms_bridge.api.batch_request import MAX_MESSAGES, BatchRequest, batch_answer
from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.request import MAX_BATCH_BYTES, HttpRequest
from sms_bridge.domain.message import MessageType
from sms_bridge.domain.state import State
from tests.builders import (
    MESSAGE_ID,
    NUMBER,
    SUB_ACCOUNT,
    TEXT,
    a_form_request,
    a_json_request,
    a_message,
    a_request,
    an_http_request,
    plain,
    refusal_of,
)
from tests.fakes.logs import WrittenLog
from tests.unit.api.reading import read_batch

OTHER = "+6598765432"
TEMPLATE = {"text": "To all", "source": "Acme", "encoding": "Auto"}
ASK_FOR_MESSAGES = {"includeMessagesInResponse": True}
GOOD, BAD = {"destination": NUMBER, "text": TEXT}, {"destination": "12345", "text": TEXT}

THREE = {"messages": [GOOD, BAD, {**GOOD, "text": "Hi"}], "clientBatchId": "b-1"}


def read(fields: Any, **rules: Any) -> BatchRequest:
    return read_batch(a_json_request(fields), **rules)


def messages_in(fields: Any, **rules: Any) -> Any:
    """Return the messages of a batch as what can be compared; one that is refused as it is."""
    return plain(read(fields, **rules).messages)


class TestMessages:
    def test_each_is_read_as_if_it_came_alone(self) -> None:
        several = [GOOD, {"to": OTHER, "msg": "Hi", "sender": "Acme", "campaignId": 7}]

        assert messages_in({"messages": several}) == plain(
            [
                a_request(),
                a_request(destination=OTHER, text="Hi", source="Acme", campaign_id="7"),
            ]
        )

    def test_rules_and_idempotency_key_hold_for_each(self) -> None:
        headers = {"content-type": "application/json", "idempotency-key": "key"}
        request = a_json_request({"messages": [GOOD, {**GOOD, "to": ""}]}, headers=headers)

        batch = read_batch(
            request, default_sender_id="Acme", transactional_sub_account_ids=(SUB_ACCOUNT,)
        )

        assert plain(batch.messages[0]) == plain(
            a_request(source="Acme", message_type=MessageType.TRANSACTIONAL, idempotency_key="key")
        )

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            (BAD, Reason.FIELD_INVALID),
            ({"text": TEXT}, Reason.FIELD_MISSING),
            ({"destination": NUMBER}, Reason.FIELD_MISSING),
            ({"destination": NUMBER, "text": "a" * 1531}, Reason.TEXT_TOO_LONG),
            ({"destination": NUMBER, "text": "Moesms_mesage"}, Reason.MACRO_NOT_FILLED),
            ({"destination": "+4915112345678", "text": TEXT}, Reason.COUNTRY_NOT_ALLOWED),
            ({"destination": NUMBER, "to": NUMBER, "text": TEXT}, Reason.FIELD_DOUBLED),
            ({"destination": TEXT, "text": NUMBER}, Reason.FIELDS_SWAPPED),
        ],
    )
    def test_one_that_is_wrong_is_refused_and_the_others_are_not(
        self, message: dict[str, Any], reason: Reason
    ) -> None:
        several = messages_in(
            {"messages": [GOOD, message, GOOD]}, allowed_country_calling_codes=("65",)
        )

        first, wrong, last = several
        assert first == last == plain(a_request())
        assert isinstance(wrong, RefusedError)
        assert wrong.reason is reason

    def test_one_in_the_way_of_clevertaps_guide_is_a_batch_of_one(self) -> None:
        alone = {"destination": NUMBER, "text": TEXT, "mid": "m-1", "encoding": "Auto"}

        expected = plain([a_request(options={"encoding": "AUTO"})])
        assert messages_in({"messages": [alone]}) == expected
        assert messages_in(alone) == expected


class TestTemplates:
    def test_a_template_completes_messages_and_changes_nothing_that_they_say(self) -> None:
        several = [{"destination": NUMBER}, {"to": OTHER, "message": "To you", "from": "Other"}]

        assert messages_in({"messages": several, "template": TEMPLATE}) == plain(
            [
                a_request(text="To all", source="Acme", options={"encoding": "AUTO"}),
                a_request(
                    destination=OTHER, text="To you", source="Other", options={"encoding": "AUTO"}
                ),
            ]
        )

    @pytest.mark.parametrize("empty", ["", None])
    def test_a_field_that_a_message_leaves_empty_is_the_templates(self, empty: str | None) -> None:
        message = {"destination": NUMBER, "text": empty}

        several = messages_in({"messages": [message], "template": {"text": TEXT}})

        assert several == plain([a_request()])

    def test_destinations_share_the_template(self) -> None:
        fields = {"destinations": [NUMBER, 6598765432], "template": {"text": TEXT}}

        assert messages_in(fields) == plain([a_request(), a_request(destination="6598765432")])

    def test_messages_come_before_destinations(self) -> None:
        fields = {"messages": [GOOD], "destinations": [OTHER], "template": {"text": "To all"}}

        assert messages_in(fields) == plain([a_request()])
        assert messages_in({**fields, "messages": []}) == plain(
            [a_request(destination=OTHER, text="To all")]
        )

    def test_a_templates_number_is_nobodys(self) -> None:
        fields = {"messages": [{"text": TEXT}], "template": {"to": NUMBER}}

        (message,) = messages_in(fields)
        assert isinstance(message, RefusedError)
        assert message.reason is Reason.FIELD_MISSING

    def test_a_template_that_no_message_could_use_is_refused_once_and_not_for_each(self) -> None:
        """Reading it for each of a thousand messages would take a function's time and memory."""
        refusal = refusal_of(read, {"destinations": [NUMBER], "template": {"text": "a" * 10_000}})
        unknown = {f"other{number}": TEXT for number in range(1000)}

        assert [error.field for error in refusal.errors] == ["template"]
        assert messages_in({"messages": [GOOD], "template": unknown}) == plain([a_request()])
        batch = read({"messages": [GOOD], "template": unknown})
        assert [len(one) for one in batch.given] == [len(GOOD)]

    def test_the_batchs_address_of_a_client_is_each_messages(self) -> None:
        own = {**GOOD, "clientIp": "192.0.2.9"}

        several = messages_in({"messages": [GOOD, own], "clientIp": "192.0.2.1"})

        assert several == plain(
            [a_request(options={"clientIp": address}) for address in ("192.0.2.1", "192.0.2.9")]
        )


class TestBatchesThatAreRefused:
    @pytest.mark.parametrize(
        ("fields", "code", "reason", "field"),
        [
            ({}, 3012, "field_missing", "messages"),
            ({"messages": []}, 3012, "field_missing", "messages"),
            ({"messages": "x"}, 3012, "field_invalid", "messages"),
            ({"messages": GOOD}, 3012, "field_invalid", "messages"),
            ({"messages": [GOOD, NUMBER]}, 1000, "field_invalid", "messages[1]"),
            ({"messages": [GOOD], "template": [TEXT]}, 1000, "field_invalid", "template"),
            ({"destinations": NUMBER}, 1000, "field_invalid", "destinations"),
            (
                {"messages": [GOOD], "clientBatchId": "b" * 21},
                3014,
                "field_invalid",
                "clientBatchId",
            ),
            ({"messages": [GOOD], "clientBatchId": "\n"}, 3014, "field_invalid", "clientBatchId"),
            (
                {"messages": [GOOD], "includeMessagesInResponse": "yes"},
                1000,
                "field_invalid",
                "includeMessagesInResponse",
            ),
        ],
    )
    def test_each_with_8x8s_code_and_the_field(
        self, fields: dict[str, Any], code: int, reason: str, field: str
    ) -> None:
        refusal = refusal_of(read, fields)

        assert (refusal.status, refusal.code, refusal.reason) == (400, code, reason)
        assert [error.field for error in refusal.errors] == [field]

    @pytest.mark.parametrize("name", ["messages", "destinations"])
    def test_one_message_too_many_is_8x8s_bulk_limit(self, name: str) -> None:
        one = GOOD if name == "messages" else NUMBER
        template = {"template": {"text": TEXT}}

        refusal = refusal_of(read, {name: [one] * (MAX_MESSAGES + 1), **template})

        assert (refusal.status, refusal.code) == (400, 1100)
        assert refusal.reason is Reason.TOO_MANY_MESSAGES
        assert str(MAX_MESSAGES) in refusal.message
        assert len(messages_in({name: [one] * MAX_MESSAGES, **template})) == MAX_MESSAGES

    def test_a_field_of_the_batch_that_is_given_twice(self) -> None:
        request = an_http_request('{"messages": [{}], "messages": [{}]}')

        assert refusal_of(read_batch, request).reason is Reason.FIELD_DOUBLED

    @pytest.mark.parametrize("depth", [10, 900, 7000])
    def test_one_that_is_nested_deeply_is_read_or_refused_before_anything_is_sent(
        self, depth: int
    ) -> None:
        nested = '{"a":' * depth + "1" + "}" * depth
        request = an_http_request('{"messages": [{"x": ' + nested + "}]}")

        answers = []
        with suppress(RefusedError):
            batch = read_batch(request)
            answers.append(batch_answer(batch, [], hash_key="k"))

        # Whatever Python can read it can also answer.
        assert [one["rejectedCount"] for one in answers] == [1] * len(answers)
        assert answers or depth > 10

    def test_a_form_cannot_hold_one(self) -> None:
        refusal = refusal_of(read_batch, a_form_request(GOOD))

        assert refusal.reason is Reason.CONTENT_TYPE_UNSUPPORTED

    def test_a_sub_account_that_is_not_the_stacks(self) -> None:
        request = a_json_request({"messages": [GOOD]}, path_parameters={"subAccountId": "other"})

        refusal = refusal_of(read_batch, request)

        assert refusal.reason is Reason.SUB_ACCOUNT_NOT_ALLOWED

    @pytest.mark.parametrize("packed", [False, True])
    def test_a_body_may_be_as_large_as_it_says_and_no_larger(self, packed: bool) -> None:
        def of_size(size: int) -> HttpRequest:
            start = json.dumps({"messages": [GOOD], "other": ""}).removesuffix('"}')
            text = start + "x" * (size - len(start) - 2) + '"}'
            return an_http_request(gzip.compress(text.encode()) if packed else text)

        batch = read_batch(of_size(MAX_BATCH_BYTES))
        assert plain(batch.messages) == plain([a_request()])
        too_large = refusal_of(read_batch, of_size(MAX_BATCH_BYTES + 1))
        assert too_large.reason is Reason.BODY_TOO_LARGE


class TestAnswers:
    def answer(self, **changes: Any) -> dict[str, Any]:
        batch = read({**THREE, **changes})
        taken = [a_message(), a_message(state=State.REJECTED, description="8x8 rejected it")]
        return batch_answer(batch, taken, hash_key="k")

    def test_it_is_8x8s_shape_and_nothing_else(self) -> None:
        answer = self.answer(includeMessagesInResponse=True)

        assert problems_of("BatchSmsResponse", answer) == []
        assert (answer["acceptedCount"], answer["rejectedCount"]) == (1, 2)
        assert answer["clientBatchId"] == "b-1"
        assert [one["status"]["code"] for one in answer["messages"]] == [
            "QUEUED",
            "REJECTED",
            "REJECTED",
        ]
        first, second, third = answer["messages"]
        assert (first["umid"], third["umid"]) == (MESSAGE_ID, MESSAGE_ID)
        assert set(answer) == {
            *("batchId", "clientBatchId", "acceptedCount", "rejectedCount", "messages")
        }
        assert set(first) == set(second)
        assert second["status"]["description"].startswith("destination must be a phone number")

    def test_messages_are_named_only_where_that_is_asked_for(self) -> None:
        assert "messages" not in self.answer()
        assert "messages" not in self.answer(includeMessagesInResponse=False)
        assert "clientBatchId" not in self.answer(clientBatchId=None)

    def test_the_same_batch_has_the_same_ids_and_another_has_others(self) -> None:
        assert self.answer(**ASK_FOR_MESSAGES) == self.answer(**ASK_FOR_MESSAGES)
        other = self.answer(**ASK_FOR_MESSAGES, messages=[GOOD, {**BAD, "text": "Hi"}, GOOD])
        assert other["batchId"] != self.answer()["batchId"]
        assert (
            other["messages"][1]["umid"] != self.answer(**ASK_FOR_MESSAGES)["messages"][1]["umid"]
        )

    def test_one_that_was_not_taken_is_answered_so(self) -> None:
        # Joiners are part of names in Persian.
        own_id = "\u0645\u06cc\u200c\u062e"
        batch = read({"messages": [GOOD, {**GOOD, "clientMessageId": own_id}], **ASK_FOR_MESSAGES})

        answer = batch_answer(batch, [a_message(), None], hash_key="k")

        assert (answer["acceptedCount"], answer["rejectedCount"]) == (1, 1)
        _, message = answer["messages"]
        assert (message["destination"], message["clientMessageId"]) == (NUMBER, own_id)
        assert message["status"]["description"].endswith("send it again")

    def test_ids_that_are_too_long_do_not_make_an_answer_that_lambda_refuses(self) -> None:
        template = {"template": {"text": TEXT, "clientMessageId": "i" * 9000}}
        batch = read({"destinations": [NUMBER] * 2, **template, **ASK_FOR_MESSAGES})

        answer = batch_answer(batch, [], hash_key="k")

        assert [one["clientMessageId"] for one in answer["messages"]] == ["i" * 350] * 2

    def test_where_none_was_taken_nothing_is_answered_but_that(self) -> None:
        batch = read({"messages": [GOOD, BAD]})

        refusal = refusal_of(batch_answer, batch, [None], hash_key="k")

        assert (refusal.status, refusal.reason) == (503, Reason.UNAVAILABLE)

    @given(
        st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "destination": st.sampled_from([NUMBER, 6591234567, [NUMBER], "x", ""])
                    | st.text(max_size=20),
                    "text": st.just(TEXT) | st.text(max_size=5),
                    "clientMessageId": st.text(max_size=5) | st.integers() | st.just("i" * 351),
                },
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_whatever_was_asked_for_the_answer_is_8x8s_and_can_be_encoded(
        self, several: list[dict[str, Any]]
    ) -> None:
        batch = read({"messages": [GOOD, *several], **ASK_FOR_MESSAGES})
        not_taken = [None] * (len(batch.accepted) - 1)

        answer = batch_answer(batch, [a_message(), *not_taken], hash_key="k")

        assert problems_of("BatchSmsResponse", answer) == []
        assert json.dumps(answer, ensure_ascii=False).encode()


def test_what_is_refused_is_counted_by_reason_without_number_and_text(logged: WrittenLog) -> None:
    batch = read({"messages": [BAD, GOOD, BAD, {"destination": NUMBER}]})

    batch_answer(batch, [a_message()], hash_key="k")

    assert [
        (line["message"], line["reason"], line["RequestsRefused"]) for line in logged.lines
    ] == [
        ("messages refused", "field_invalid", 2),
        ("messages refused", "field_missing", 1),
    ]
    assert not any(part in logged.text for part in (NUMBER, "12345", TEXT))
