"""The contract that every request to 8x8 is held to."""

from typing import Any

import pytest

from local.eightx8 import contract

GOOD = {"destination": "+6591234567", "text": "Hello"}


DOCUMENTED: dict[str, list[object]] = {
    "destination": ["+6591234567", "6591234567"],
    "source": ["Acme", "ACME Shop 1", "1234567890123456", "+6591234567"],
    "country": ["sg"],
    "clientMessageId": ["x" * 350],
    "encoding": ["UCS2"],
    "scheduled": ["2026-11-24T09:30:00+08:00"],
    "expiry": ["2026-11-24T09:30:00.1234567Z"],
    "dlrCallbackUrl": ["https://bridge.example/callbacks/8x8?token=a%2Fb"],
    "clientIp": ["2001:db8::1"],
    "track": ["Outcome"],
}
WRONG: dict[str, list[object]] = {
    "destination": ["0123456", "+659123", "+6591234567\n", "+659123456789012345", 6591234567],
    "text": ["", None],
    "source": ["", "TwelveLetter", "12345678901234567", "Ac\u00e7me"],
    "country": ["S1", "SGP"],
    "clientMessageId": ["x" * 351],
    "encoding": ["ASCII"],
    "scheduled": ["2026-11-24T09:30:00", "2026-13-24T09:30:00Z"],
    "expiry": ["tomorrow"],
    "dlrCallbackUrl": ["/callbacks/8x8", "https://", "https://bridge.example/a b"],
    "clientIp": ["300.1.1.1"],
    "track": [None],
    "message": ["Hello"],
}


@pytest.mark.parametrize("field", DOCUMENTED)
def test_what_8x8_documents_is_no_problem(field: str) -> None:
    for value in DOCUMENTED[field]:
        assert contract.problems_of_send_request({**GOOD, field: value}) == []


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_field_is_named(field: str) -> None:
    for value in WRONG[field]:
        problems = contract.problems_of_send_request({**GOOD, field: value})
        assert {problem.partition(":")[0] for problem in problems} == {field}, value


def test_the_names_of_8x8s_guide_for_moengage_are_not_its_fields() -> None:
    body = {"message": "Hello", "recipient": "+6591234567", "sender": "Acme"}

    assert contract.problems_of_send_request(body) == [
        "destination: is a required property",
        "text: is a required property",
        "message: is no field of 8x8's",
        "recipient: is no field of 8x8's",
        "sender: is no field of 8x8's",
    ]


def test_a_batchs_messages_count_with_its_template() -> None:
    batch = {
        "messages": [{"destination": "+6591234567"}, {"destination": "+6591234568", "text": "Hi"}],
        "template": {"text": "Hello", "source": "Acme"},
        "clientBatchId": "x" * 20,
    }

    assert contract.problems_of_batch_request(batch) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"messages": []}, "messages: "),
        ({"messages": [GOOD] * 10_001}, "messages: "),
        ({"messages": ["+6591234567"]}, "messages: "),
        ({"messages": [GOOD, {"destination": "+6591234568"}]}, "messages[1]: text: is a required"),
        ({"messages": [{**GOOD, "to": "1"}]}, "messages[0]: to: is no field"),
        ({"clientBatchId": "x" * 21}, "clientBatchId: "),
        ({"template": {"encoding": "ASCII"}}, "template: "),
        ({"template": {"country": "SG"}}, "country: is no field"),
        ({"includeMessagesInResponse": "yes"}, "includeMessagesInResponse: "),
        ({"batchId": "1"}, "batchId: is no field"),
    ],
)
def test_a_batchs_problem_is_named(changes: dict[str, Any], problem: str) -> None:
    problems = contract.problems_of_batch_request({"messages": [GOOD], **changes})

    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_what_is_missing_is_named() -> None:
    assert contract.problems_of_send_request([GOOD]) != []
    assert contract.problems_of_batch_request({}) == ["messages: is a required property"]
    assert contract.problems_of("SmsResponse", {"umid": "1"}) == [
        "destination: is a required property",
        "encoding: is a required property",
        "status: is a required property",
    ]
    assert contract.problems_of("BatchSmsResponse", {"batchId": "1"}) != []


ANSWER = {
    "umid": "u",
    "destination": "6591234567",
    "encoding": "GSM7",
    "status": {"code": "QUEUED", "description": "accepted"},
}
ERROR = {
    "code": 1002,
    "message": "no",
    "errorId": "4b0e8a52-4fd0-4c5f-9f43-0f6f2a4e5f6c",
    "timestamp": "2026-11-24T09:30:00Z",
}


@pytest.mark.parametrize(
    ("status", "body", "count"),
    [
        (200, ANSWER, 0),
        (200, {**ANSWER, "more": 1}, 1),
        (200, {**ANSWER, "umid": 1}, 1),
        (400, ERROR, 0),
        # A client reads past what an error has beside 8x8's fields.
        (400, {**ERROR, "reason": "field_invalid"}, 0),
        (400, {**ERROR, "code": "field_invalid"}, 1),
        (418, ERROR, 1),
    ],
)
def test_answers_are_held_to_what_8x8_documents(
    status: int, body: dict[str, Any], count: int
) -> None:
    assert len(contract.problems_of_answer("Send-Sms-Single", status, body)) == count
