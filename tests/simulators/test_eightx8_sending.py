"""The simulator of 8x8 takes and refuses send requests by 8x8's rules."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.eightx8 import contract
from local.eightx8.refusals import Refusal, Throttle
from local.eightx8.segments import parts_of
from sms_bridge.domain.segments import segments_of
from tests.simulators.eightx8_setting import (
    BATCH,
    NUMBER,
    OTHER_SUB_ACCOUNT,
    SUB_ACCOUNT,
    Setting,
    TurnableTime,
    messages_path,
)

JSON = {"Content-Type": "application/json"}
NO_NUMBER = "Invalid MSISDN format (not E.164 international number)"


# ------------------------------------------------------------------------------------- one message
async def test_a_message_is_accepted(setting: Setting) -> None:
    status, answer = await setting.send(clientMessageId="order-1", source="Acme")

    assert status == 200
    assert contract.problems_of("SmsResponse", answer) == []
    [message] = setting.simulator.messages
    assert answer == {
        "umid": message.umid,
        "clientMessageId": "order-1",
        "destination": "6591234567",
        "encoding": "GSM7",
        "status": {"code": "QUEUED", "description": "SMS is accepted and queued for processing"},
    }
    assert str(uuid.UUID(message.umid)) == message.umid
    assert message.request["source"] == "Acme"
    assert (message.sub_account_id, message.accepted_at) == (SUB_ACCOUNT, setting.time.now)
    [request] = setting.simulator.requests
    assert (request.status, request.code, request.body) == (200, 0, message.request)


async def test_the_same_message_twice_is_two_messages(setting: Setting) -> None:
    answers = [await setting.send(clientMessageId="order-1") for _ in range(2)]

    assert len({answer["umid"] for _, answer in answers}) == 2
    assert len(setting.simulator.messages) == 2


async def test_a_national_number_with_its_country(setting: Setting) -> None:
    _, answer = await setting.send(destination="91234567", country="SG")

    assert answer["destination"] == "6591234567"
    assert setting.simulator.messages[0].destination == "+6591234567"


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({"text": "€" * 80, "encoding": "AUTO"}, ("GSM7", 1, False)),
        ({"text": "a" * 71, "encoding": "UCS2"}, ("UCS2", 2, False)),
        ({"text": "a" * 1531}, ("GSM7", 10, True)),
    ],
)
async def test_the_text_is_counted_and_cut_off_without_a_word(
    setting: Setting, fields: dict[str, str], counted: tuple[str, int, bool]
) -> None:
    status, answer = await setting.send(**fields)

    [message] = setting.simulator.messages
    assert (status, answer["encoding"]) == (200, message.encoding)
    assert (message.encoding, message.segments, message.cut_off) == counted


@given(
    st.text(st.sampled_from("aé€^ж\U0001f389"), max_size=40),
    st.integers(1, 80),
    st.sampled_from(["AUTO", "GSM7", "UCS2"]),
)
def test_the_bridge_counts_alike(text: str, times: int, encoding: str) -> None:
    alphabet, count = segments_of(text * times, encoding)
    theirs = parts_of(text * times, encoding)

    assert (theirs.encoding, theirs.count) == (alphabet, min(count, 10))
    assert theirs.cut_off == (count > 10)


# ---------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("destination", "0123", 1002),
        ("destination", "91234567", 1002),
        ("encoding", "ASCII", 1003),
        ("text", "", 1004),
        ("source", "TwelveLetter", 1005),
        ("expiry", "soon", 1006),
        ("expiry", "2020-01-01T00:00:00Z", 1006),
        ("country", "Singapore", 1009),
        ("scheduled", "2026-11-24", 1011),
        ("clientIp", "here", 1012),
        ("dlrCallbackUrl", "nowhere", 1000),
    ],
)
async def test_a_wrong_field_is_refused_and_quoted(
    setting: Setting, field: str, value: str, code: int
) -> None:
    status, error = await setting.send(**{field: value})

    assert (status, error["code"]) == (400, code)
    assert set(error) == {"code", "message", "errorId", "timestamp"}
    assert error["message"].endswith(f": '{value}'")
    assert contract.problems_of("ErrorResponse", error) == []
    assert setting.simulator.messages == []
    [request] = setting.simulator.requests
    assert (request.status, request.code) == (400, code)


async def test_a_message_may_be_scheduled_seven_days_ahead_but_no_more(setting: Setting) -> None:
    last = datetime.fromtimestamp(setting.time.now, UTC) + timedelta(days=7)

    assert (await setting.send(scheduled=last.isoformat()))[0] == 200
    status, error = await setting.send(scheduled=(last + timedelta(seconds=1)).isoformat())
    assert (status, error["code"]) == (400, 1011)


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"{", JSON),
        (b"[]", JSON),
        (b"\xff", JSON),
        (b"[" * 100_000, JSON),
        (b'{"text": NaN}', JSON),
        (b"\x1f\x8b", {**JSON, "Content-Encoding": "gzip"}),
        (b'{"destination":"+6591234567","text":"Hello"}', {"Content-Type": "text/plain"}),
        (b"destination=6591234567", {"Content-Type": "application/x-www-form-urlencoded"}),
    ],
)
async def test_what_is_no_json_object_is_refused(
    setting: Setting, content: bytes, headers: dict[str, str]
) -> None:
    refusal = await setting.refusal("POST", messages_path(), data=content, headers=headers)
    assert refusal == (400, 1000)


@pytest.mark.parametrize(
    ("path", "key", "refusal"),
    [
        (messages_path(), None, (401, 1200)),
        (messages_path(), "", (401, 1200)),
        (messages_path(), "key-2", (401, 1200)),
        (messages_path("Umbrella"), "key-1", (404, 1001)),
        ("/api/v2/messages", "key-1", (404, 1300)),
    ],
)
async def test_a_key_a_sub_account_and_a_path_that_8x8_does_not_know_are_refused(
    setting: Setting, path: str, key: str | None, refusal: tuple[int, int]
) -> None:
    assert await setting.refusal("POST", path, key=key, json={}) == refusal


async def test_a_key_may_be_replaced_at_any_time(setting: Setting) -> None:
    setting.simulator.api_keys = {"key-2"}
    good = {"destination": NUMBER, "text": "Hello"}

    for key in ("key-1", "key-2"):
        await setting.call("POST", messages_path(), key=key, json=good)

    assert [request.status for request in setting.simulator.requests] == [401, 200]


# -------------------------------------------------------------------------------------- rate limits
@given(st.integers(1, 4), st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=40))
def test_no_second_has_more_and_none_is_refused_without_need(
    limit: int, pauses: list[float]
) -> None:
    time = TurnableTime()
    throttle = Throttle(limit, time.clock)
    passed: list[float] = []
    for pause in pauses:
        time.now += pause
        if sum(at > time.now - 1 for at in passed) < limit:
            throttle.pass_or_refuse("key")
            passed.append(time.now)
        else:
            with pytest.raises(Refusal):
                throttle.pass_or_refuse("key")


async def test_a_sub_account_has_a_limit_and_is_told_when_to_come_again(setting: Setting) -> None:
    assert setting.simulator.sub_account_throttle.limit == 1_800
    setting.simulator.sub_account_throttle.limit = 2

    assert [(await setting.send())[0] for _ in range(2)] == [200, 200]
    status, error = await setting.send()
    assert (status, error["code"], setting.answer_headers["Retry-After"]) == (429, 429, "1")
    assert (await setting.send(sub_account=OTHER_SUB_ACCOUNT))[0] == 200
    setting.time.now += 1
    assert (await setting.send())[0] == 200


async def test_an_address_has_a_limit(setting: Setting) -> None:
    assert setting.simulator.address_throttle.limit == 3_000
    setting.simulator.address_throttle.limit = 1

    assert (await setting.send())[0] == 200
    assert (await setting.send(sub_account=OTHER_SUB_ACCOUNT))[0] == 429


# ------------------------------------------------------------------------------------------ batches
async def test_all_messages_of_a_batch_are_taken(setting: Setting) -> None:
    status, answer = await setting.send_batch(
        {"destination": "+6591234567", "clientMessageId": "1"},
        {"destination": "+6591234568", "clientMessageId": "2", "text": "For you"},
        template={"text": "For all", "source": "Acme"},
        clientBatchId="batch-1",
        includeMessagesInResponse=True,
    )

    assert status == 200
    assert contract.problems_of("BatchSmsResponse", answer) == []
    assert (answer["acceptedCount"], answer["rejectedCount"]) == (2, 0)
    assert answer["clientBatchId"] == "batch-1"
    assert [each["clientMessageId"] for each in answer["messages"]] == ["1", "2"]
    messages = setting.simulator.messages
    assert [message.umid for message in messages] == [m["umid"] for m in answer["messages"]]
    assert [message.request["text"] for message in messages] == ["For all", "For you"]
    assert {message.request["source"] for message in messages} == {"Acme"}
    assert {message.batch_id for message in messages} == {answer["batchId"]}
    assert [request.batch for request in setting.simulator.requests] == [True]


async def test_some_messages_of_a_batch_are_rejected(setting: Setting) -> None:
    numbers = ("+6591234567", "123", "+6591234568", "+6591230003", "+6591230004")
    messages: list[dict[str, str]] = [{"destination": one, "text": "Hello"} for one in numbers]
    del messages[2]["text"]

    _, answer = await setting.send_batch(*messages, template={}, includeMessagesInResponse=True)

    assert (answer["acceptedCount"], answer["rejectedCount"]) == (1, 4)
    assert [each["status"]["description"] for each in answer["messages"][1:]] == [
        NO_NUMBER,
        "Text value is missing",
        "Invalid Source value. Reached max allowed limit",
        NO_NUMBER,
    ]
    assert len({each["umid"] for each in answer["messages"]}) == 5
    assert len(setting.simulator.messages) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 1000),
        ([], 1000),
        ({"messages": []}, 1000),
        ({"messages": [1]}, 1000),
        ({"messages": [{}], "template": []}, 1000),
        ({"messages": [{}], "clientBatchId": "x" * 21}, 1000),
        ({"messages": [{}] * 10_001}, 1100),
    ],
)
async def test_a_batch_is_refused_as_a_whole(setting: Setting, body: Any, code: int) -> None:
    assert await setting.refusal("POST", BATCH, json=body) == (400, code)


async def test_a_fault_of_the_answer_hits_the_whole_batch(setting: Setting) -> None:
    status, _ = await setting.send_batch({"destination": NUMBER}, {"destination": "+6591230010"})

    assert status == 500
    assert len(setting.simulator.messages) == 2


async def test_a_batch_throttled_once_is_taken_when_it_comes_again(setting: Setting) -> None:
    numbers = [{"destination": f"+65912{middle}0009"} for middle in (1, 2, 3)]

    assert [(await setting.send_batch(*numbers))[0] for _ in range(2)] == [429, 200]
    assert len(setting.simulator.messages) == 3


async def test_a_batch_counts_as_one_request_and_has_details_only_when_asked_for_them(
    setting: Setting,
) -> None:
    setting.simulator.sub_account_throttle.limit = 1
    messages = [{"destination": NUMBER}] * 3

    status, answer = await setting.send_batch(*messages)

    assert (status, set(answer)) == (200, {"batchId", "acceptedCount", "rejectedCount"})
    assert (await setting.send_batch(*messages))[0] == 429
