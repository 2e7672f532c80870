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
from sms_bridge.api.request import MAX_BATCH_BYTES, HttpRequest, Reason, RefusedError
from sms_bridge.domain.message import MessageRequest, MessageType, State
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
AUTO = {"encoding": "AUTO"}
NAMED = {"includeMessagesInResponse": True}
GOOD, BAD = {"destination": NUMBER, "text": TEXT}, {"destination": "12345", "text": TEXT}
TEMPLATE = {"template": {"text": "To all", "source": "Acme", "encoding": "Auto"}}
# As CleverTap's guide asks for: tools that post one message at a time do without the list.
ALONE = {**GOOD, "mid": "m-1", "encoding": "Auto"}


def read(fields: Any, **settings: Any) -> BatchRequest:
    return read_batch(a_json_request(fields), **settings)


def as_read(batch: BatchRequest) -> list[MessageRequest | RefusedError]:
    return [message for _, message in batch.entries]


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        (
            {"messages": [GOOD, {"to": OTHER, "msg": "Hi", "sender": "Acme", "campaignId": 7}]},
            [{}, {"destination": OTHER, "text": "Hi", "source": "Acme", "campaign_id": "7"}],
        ),
        ({"messages": [ALONE]}, [{"options": AUTO}]),
        (ALONE, [{"options": AUTO}]),
        (
            {
                "messages": [{"to": NUMBER}, {"to": OTHER, "message": "To you", "from": "Other"}],
                **TEMPLATE,
            },
            [
                {"text": "To all", "source": "Acme", "options": AUTO},
                {"destination": OTHER, "text": "To you", "source": "Other", "options": AUTO},
            ],
        ),
        (
            {"messages": [{**GOOD, "text": ""}, {**GOOD, "text": None}], "template": {"text": "A"}},
            [{"text": "A"}, {"text": "A"}],
        ),
        (
            {"destinations": [NUMBER, 6598765432], "template": {"text": TEXT}},
            [{}, {"destination": "6598765432"}],
        ),
        ({"messages": [GOOD], "destinations": [OTHER], "template": {"text": "To all"}}, [{}]),
        (
            {"messages": [], "destinations": [OTHER], "template": {"text": TEXT}},
            [{"destination": OTHER}],
        ),
        (
            {"messages": [GOOD, {**GOOD, "clientIp": "192.0.2.9"}], "clientIp": "192.0.2.1"},
            [{"options": {"clientIp": one}} for one in ("192.0.2.1", "192.0.2.9")],
        ),
    ],
    ids=[
        "each message is read as if it came alone",
        "a message in the way of CleverTap's guide",
        "a message without a list is a batch of one",
        "a template completes messages and changes nothing that they say",
        "a field that a message leaves empty is the template's",
        "destinations share the template",
        "messages come before destinations",
        "destinations count where there are no messages",
        "the batch's address of a client is each message's",
    ],
)
def test_a_batch_is_understood(fields: Any, messages: list[dict[str, Any]]) -> None:
    assert plain(as_read(read(fields))) == plain([a_request(**one) for one in messages])


def test_rules_and_idempotency_key_hold_for_each() -> None:
    request = a_json_request({"messages": [GOOD]}, headers={"idempotency-key": "key"})

    batch = read_batch(
        request, default_sender_id="Acme", transactional_sub_account_ids=(SUB_ACCOUNT,)
    )

    message_type = MessageType.TRANSACTIONAL
    expected = a_request(source="Acme", message_type=message_type, idempotency_key="key")
    assert plain(as_read(batch)) == plain([expected])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (BAD, Reason.FIELD_INVALID),
        ({"text": TEXT}, Reason.FIELD_MISSING),
        ({"destination": NUMBER}, Reason.FIELD_MISSING),
        ({**GOOD, "text": "a" * 1531}, Reason.TEXT_TOO_LONG),
        ({**GOOD, "text": "Moesms_mesage"}, Reason.MACRO_NOT_FILLED),
        ({**GOOD, "destination": "+4915112345678"}, Reason.COUNTRY_NOT_ALLOWED),
        ({**GOOD, "to": NUMBER}, Reason.FIELD_DOUBLED),
        ({"destination": TEXT, "text": NUMBER}, Reason.FIELDS_SWAPPED),
        # They are no objects.
        (NUMBER, Reason.FIELD_MISSING),
        ("Moesms_destination", Reason.FIELD_MISSING),
    ],
)
def test_one_that_is_wrong_is_refused_and_the_others_are_not(
    message: object, reason: Reason
) -> None:
    # A template's number is nobody's.
    fields = {"messages": [GOOD, message, GOOD], "template": {"to": NUMBER}}

    first, wrong, last = as_read(read(fields, allowed_country_calling_codes=("65",)))

    assert plain([first, last]) == plain([a_request()] * 2)
    assert isinstance(wrong, RefusedError)
    assert wrong.reason is reason


def test_a_destination_that_is_a_macro_is_refused_and_the_others_are_not() -> None:
    good, macro = as_read(read({"destinations": [NUMBER, "Moesms_destination"], **TEMPLATE}))

    assert isinstance(good, MessageRequest)
    assert isinstance(macro, RefusedError)
    assert macro.reason is Reason.MACRO_NOT_FILLED


class TestBatchesThatAreRefused:
    @pytest.mark.parametrize(
        ("fields", "code", "reason", "field"),
        [
            ({}, 3012, "field_missing", "messages"),
            ({"messages": []}, 3012, "field_missing", "messages"),
            ({"messages": "x"}, 3012, "field_invalid", "messages"),
            ({"messages": GOOD}, 3012, "field_invalid", "messages"),
            ({"messages": [GOOD], "template": [TEXT]}, 1000, "field_invalid", "template"),
            # Reading it for each of a thousand messages would take a function's time and memory.
            ({"template": {"text": "a" * 10_000}}, 1000, "field_invalid", "template"),
            ({"destinations": NUMBER}, 1000, "field_invalid", "destinations"),
            ({**ALONE, "clientBatchId": "b" * 21}, 3014, "field_invalid", "clientBatchId"),
            ({**ALONE, "clientBatchId": "\n"}, 3014, "field_invalid", "clientBatchId"),
            ({**ALONE, "clientBatchId": True}, 3014, "field_invalid", "clientBatchId"),
            (
                {**ALONE, "includeMessagesInResponse": "yes"},
                *(1000, "field_invalid", "includeMessagesInResponse"),
            ),
        ],
    )
    def test_each_with_8x8s_code_and_the_field(
        self, fields: dict[str, Any], code: int, reason: str, field: str
    ) -> None:
        refusal = refusal_of(read, fields)

        assert (refusal.status, refusal.code, refusal.reason) == (400, code, reason)
        assert [error.field for error in refusal.errors] == [field]

    @pytest.mark.parametrize(("name", "one"), [("messages", GOOD), ("destinations", NUMBER)])
    def test_one_message_too_many_is_8x8s_bulk_limit(self, name: str, one: object) -> None:
        refusal = refusal_of(read, {name: [one] * (MAX_MESSAGES + 1), **TEMPLATE})

        assert (refusal.code, refusal.reason) == (1100, Reason.TOO_MANY_MESSAGES)
        assert str(MAX_MESSAGES) in refusal.message
        assert len(read({name: [one] * MAX_MESSAGES, **TEMPLATE}).accepted) == MAX_MESSAGES

    @pytest.mark.parametrize("depth", [10, 900, 7000])
    def test_one_that_is_nested_deeply_is_read_or_refused_before_anything_is_sent(
        self, depth: int
    ) -> None:
        nested = '{"a":' * depth + "1" + "}" * depth
        request = an_http_request('{"messages": [{"x": ' + nested + "}]}")

        answers = []
        with suppress(RefusedError):
            answers.append(batch_answer(read_batch(request), [], hash_key="k"))

        # Whatever Python can read it can also answer.
        assert [one["rejectedCount"] for one in answers] == [1] * len(answers)
        assert answers or depth > 10

    def test_a_template_that_is_nested_deeply_is_the_callers_mistake(self) -> None:
        nested = '{"a":' * 7000 + "1" + "}" * 7000
        request = an_http_request('{"destinations": ["1"], "template": {"x": ' + nested + "}}")

        assert refusal_of(read_batch, request).reason in (Reason.FIELD_INVALID, Reason.BODY_INVALID)

    @pytest.mark.parametrize(
        ("request_", "reason"),
        [
            (an_http_request('{"messages": [{}], "messages": [{}]}'), Reason.FIELD_DOUBLED),
            (a_form_request(GOOD), Reason.CONTENT_TYPE_UNSUPPORTED),
            (
                a_json_request({"messages": [GOOD]}, path_parameters={"subAccountId": "other"}),
                Reason.SUB_ACCOUNT_NOT_ALLOWED,
            ),
        ],
        ids=["a field of the batch twice", "a form", "a sub-account that is not the stack's"],
    )
    def test_what_holds_for_a_message_holds_for_a_batch(
        self, request_: HttpRequest, reason: Reason
    ) -> None:
        assert refusal_of(read_batch, request_).reason is reason

    @pytest.mark.parametrize("packed", [False, True])
    def test_a_body_may_be_as_large_as_it_says_and_no_larger(self, packed: bool) -> None:
        def of_size(size: int) -> HttpRequest:
            start = json.dumps({"messages": [GOOD], "other": ""}).removesuffix('"}')
            text = start + "x" * (size - len(start) - 2) + '"}'
            return an_http_request(gzip.compress(text.encode()) if packed else text)

        assert len(read_batch(of_size(MAX_BATCH_BYTES)).accepted) == 1
        too_large = refusal_of(read_batch, of_size(MAX_BATCH_BYTES + 1))
        assert too_large.reason is Reason.BODY_TOO_LARGE


class TestAnswers:
    def answer(self, **changes: Any) -> dict[str, Any]:
        three = [GOOD, BAD, {**GOOD, "text": "Hi"}]
        batch = read({"messages": three, "clientBatchId": "b-1", **changes})
        taken = [a_message(), a_message(state=State.REJECTED, description="8x8 rejected it")]
        return batch_answer(batch, taken, hash_key="k")

    def test_it_is_8x8s_shape_and_nothing_else(self) -> None:
        answer = self.answer(**NAMED)

        assert problems_of("BatchSmsResponse", answer) == []
        first, second, third = answer.pop("messages")
        assert answer.pop("batchId")
        assert answer == {"clientBatchId": "b-1", "acceptedCount": 1, "rejectedCount": 2}
        codes = [one["status"]["code"] for one in (first, second, third)]
        assert codes == ["QUEUED", "REJECTED", "REJECTED"]
        assert (first["umid"], third["umid"]) == (MESSAGE_ID, MESSAGE_ID)
        assert set(first) == set(second)
        assert second["status"]["description"].startswith("destination must be a phone number")

    def test_messages_are_named_only_where_that_is_asked_for(self) -> None:
        assert "messages" not in self.answer()
        assert "messages" not in self.answer(includeMessagesInResponse=False)
        assert "clientBatchId" not in self.answer(clientBatchId=None)

    def test_the_same_batch_has_the_same_ids_and_another_has_others(self) -> None:
        one, again = self.answer(**NAMED), self.answer(**NAMED)
        other = self.answer(**NAMED, messages=[GOOD, {**BAD, "text": "Hi"}, GOOD])

        assert one == again
        assert other["batchId"] != self.answer()["batchId"]
        assert other["messages"][1]["umid"] != one["messages"][1]["umid"]

    def test_one_that_was_not_taken_is_answered_so(self) -> None:
        # Joiners are part of names in Persian.
        own_id = "\u0645\u06cc\u200c\u062e"
        second = {**GOOD, "destination": 6591234567, "clientMessageId": own_id}
        batch = read({"messages": [GOOD, second], **NAMED})

        answer = batch_answer(batch, [a_message(), None], hash_key="k")

        assert (answer["acceptedCount"], answer["rejectedCount"]) == (1, 1)
        _, message = answer["messages"]
        assert (message["destination"], message["clientMessageId"]) == ("6591234567", own_id)
        assert message["status"]["description"].endswith("send it again")

    def test_ids_that_are_too_long_do_not_make_an_answer_that_lambda_refuses(self) -> None:
        template = {"template": {"text": TEXT, "clientMessageId": "i" * 9000}}
        batch = read({"destinations": [NUMBER] * 2, **template, **NAMED})

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
        batch = read({"messages": [GOOD, *several], **NAMED})
        not_taken = [None] * (len(batch.accepted) - 1)

        answer = batch_answer(batch, [a_message(), *not_taken], hash_key="k")

        assert problems_of("BatchSmsResponse", answer) == []
        assert json.dumps(answer, ensure_ascii=False).encode()


def test_what_is_refused_is_counted_by_reason_without_number_and_text(logged: WrittenLog) -> None:
    batch = read({"messages": [BAD, GOOD, BAD, {"destination": NUMBER}]})

    batch_answer(batch, [a_message()], hash_key="k")

    assert [
        (line["message"], line["reason"], line["RequestsRefused"]) for line in logged.lines
    ] == [("messages refused", "field_invalid", 2), ("messages refused", "field_missing", 1)]
    assert not any(part in logged.text for part in (NUMBER, "12345", TEXT))
