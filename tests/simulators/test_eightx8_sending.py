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
    KEY,
    NUMBER,
    OTHER_SUB_ACCOUNT,
    SUB_ACCOUNT,
    Setting,
    TurnableTime,
    messages_path,
)

BATCH = f"{messages_path()}/batch"


def at(setting: Setting, **offset: float) -> str:
    return (datetime.fromtimestamp(setting.time.now, UTC) + timedelta(**offset)).isoformat()


class TestOneMessage:
    async def test_it_is_accepted(self, setting: Setting) -> None:
        status, answer = await setting.send(clientMessageId="order-1", source="Acme")

        assert status == 200
        assert contract.problems_of("SmsResponse", answer) == []
        [message] = setting.simulator.messages
        assert answer == {
            "umid": message.umid,
            "clientMessageId": "order-1",
            "destination": "6591234567",
            "encoding": "GSM7",
            "status": {
                "code": "QUEUED",
                "description": "SMS is accepted and queued for processing",
            },
        }
        assert str(uuid.UUID(message.umid)) == message.umid
        assert message.request["source"] == "Acme"
        assert (message.sub_account_id, message.accepted_at) == (SUB_ACCOUNT, setting.time.now)
        [request] = setting.simulator.requests
        assert (request.status, request.code, request.body) == (200, 0, message.request)

    async def test_the_same_message_twice_is_two_messages(self, setting: Setting) -> None:
        answers = [await setting.send(clientMessageId="order-1") for _ in range(2)]

        assert len({answer["umid"] for _, answer in answers}) == 2
        assert len(setting.simulator.messages) == 2

    async def test_a_national_number_with_its_country(self, setting: Setting) -> None:
        _, answer = await setting.send(destination="91234567", country="SG")

        assert answer["destination"] == "6591234567"
        assert setting.simulator.messages[0].destination == "+6591234567"

    @pytest.mark.parametrize(
        ("text", "encoding", "detected", "segments", "cut_off"),
        [
            ("€" * 80, "AUTO", "GSM7", 1, False),
            ("a" * 71, "UCS2", "UCS2", 2, False),
            ("a" * 1531, None, "GSM7", 10, True),
        ],
    )
    async def test_the_text_is_counted_and_cut_off_without_a_word(
        self,
        setting: Setting,
        text: str,
        encoding: str | None,
        detected: str,
        segments: int,
        cut_off: bool,
    ) -> None:
        options: dict[str, Any] = {"encoding": encoding} if encoding else {}

        status, answer = await setting.send(text=text, **options)

        [message] = setting.simulator.messages
        assert (status, answer["encoding"]) == (200, detected)
        assert (message.segments, message.cut_off) == (segments, cut_off)

    @given(
        st.text(st.sampled_from("aé€^ж\U0001f389"), max_size=40),
        st.integers(1, 80),
        st.sampled_from(["AUTO", "GSM7", "UCS2"]),
    )
    def test_the_bridge_counts_alike(self, text: str, times: int, encoding: str) -> None:
        ours, theirs = segments_of(text * times, encoding), parts_of(text * times, encoding)

        assert theirs.encoding == ours.encoding
        assert theirs.count == min(ours.count, 10)
        assert theirs.cut_off == (ours.count > 10)


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"destination": "0123"}, 1002),
            ({"destination": "91234567"}, 1002),
            ({"encoding": "ASCII"}, 1003),
            ({"text": ""}, 1004),
            ({"source": "TwelveLetter"}, 1005),
            ({"expiry": "soon"}, 1006),
            ({"expiry": "2020-01-01T00:00:00Z"}, 1006),
            ({"country": "Singapore"}, 1009),
            ({"scheduled": "2026-11-24"}, 1011),
            ({"clientIp": "here"}, 1012),
            ({"dlrCallbackUrl": "nowhere"}, 1000),
        ],
    )
    async def test_a_wrong_field(self, setting: Setting, fields: dict[str, Any], code: int) -> None:
        status, error = await setting.send(**fields)

        assert (status, error["code"]) == (400, code)
        assert set(error) == {"code", "message", "errorId", "timestamp"}
        assert contract.problems_of("ErrorResponse", error) == []
        assert setting.simulator.messages == []
        [request] = setting.simulator.requests
        assert (request.status, request.code) == (400, code)

    async def test_the_message_quotes_the_value(self, setting: Setting) -> None:
        _, error = await setting.send(destination="91234567")

        assert "91234567" in error["message"]

    async def test_a_message_may_be_scheduled_seven_days_ahead_but_no_more(
        self, setting: Setting
    ) -> None:
        status, _ = await setting.send(scheduled=at(setting, days=7))
        late_status, error = await setting.send(scheduled=at(setting, days=7, seconds=1))

        assert status == 200
        assert (late_status, error["code"]) == (400, 1011)

    @pytest.mark.parametrize(
        ("content", "headers"),
        [
            (b"{", {"Content-Type": "application/json"}),
            (b"[]", {"Content-Type": "application/json"}),
            (b"\xff", {"Content-Type": "application/json"}),
            (b"[" * 100_000, {"Content-Type": "application/json"}),
            (b'{"text": NaN}', {"Content-Type": "application/json"}),
            (b"\x1f\x8b", {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
            (b'{"destination":"+6591234567","text":"Hello"}', {"Content-Type": "text/plain"}),
            (b"destination=6591234567", {"Content-Type": "application/x-www-form-urlencoded"}),
        ],
    )
    async def test_what_is_no_json_object(
        self, setting: Setting, content: bytes, headers: dict[str, str]
    ) -> None:
        status, error = await setting.call("POST", messages_path(), data=content, headers=headers)

        assert (status, error["code"]) == (400, 1000)

    @pytest.mark.parametrize("key", [None, "", "key-2"])
    async def test_a_missing_or_wrong_key(self, setting: Setting, key: str | None) -> None:
        status, error = await setting.call("POST", messages_path(), key=key, json={})

        assert (status, error["code"]) == (401, 1200)

    async def test_a_key_may_be_replaced_at_any_time(self, setting: Setting) -> None:
        setting.simulator.api_keys = {"key-2"}

        old_status, _ = await setting.send()
        status, _ = await setting.call(
            "POST", messages_path(), key="key-2", json={"destination": NUMBER, "text": "Hello"}
        )

        assert (old_status, status) == (401, 200)
        assert [request.status for request in setting.simulator.requests] == [401, 200]

    async def test_a_foreign_sub_account(self, setting: Setting) -> None:
        status, error = await setting.send(sub_account="Umbrella")

        assert (status, error["code"]) == (404, 1001)

    async def test_a_path_that_8x8_does_not_have(self, setting: Setting) -> None:
        status, error = await setting.call("POST", "/api/v2/messages", json={})

        assert (status, error["code"]) == (404, 1300)


class TestRateLimit:
    @given(
        st.integers(1, 4), st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=40)
    )
    def test_no_second_has_more_and_none_is_refused_without_need(
        self, limit: int, pauses: list[float]
    ) -> None:
        time = TurnableTime()
        throttle = Throttle(limit, time.clock)
        passed: list[float] = []
        for pause in pauses:
            time.now += pause
            in_this_second = sum(at > time.now - 1 for at in passed)
            if in_this_second < limit:
                throttle.pass_or_refuse("key")
                passed.append(time.now)
            else:
                with pytest.raises(Refusal):
                    throttle.pass_or_refuse("key")

    async def test_of_a_sub_account(self, setting: Setting) -> None:
        assert setting.simulator.sub_account_throttle.limit == 1_800
        setting.simulator.sub_account_throttle.limit = 2
        statuses = [(await setting.send())[0] for _ in range(3)]
        other, _ = await setting.send(sub_account=OTHER_SUB_ACCOUNT)
        setting.time.now += 1
        later, _ = await setting.send()

        assert statuses == [200, 200, 429]
        assert (other, later) == (200, 200)

    async def test_of_an_address(self, setting: Setting) -> None:
        assert setting.simulator.address_throttle.limit == 3_000
        setting.simulator.address_throttle.limit = 1

        assert (await setting.send())[0] == 200
        assert (await setting.send(sub_account=OTHER_SUB_ACCOUNT))[0] == 429

    async def test_the_answer_says_when_to_come_again(self, setting: Setting) -> None:
        setting.simulator.sub_account_throttle.limit = 0

        async with setting.session.post(
            f"{setting.url}{messages_path()}",
            json={"destination": NUMBER, "text": "Hello"},
            headers={"Authorization": f"Bearer {KEY}"},
        ) as answer:
            error = await answer.json()

        assert (answer.status, error["code"], answer.headers["Retry-After"]) == (429, 429, "1")


class TestBatch:
    async def test_all_are_taken(self, setting: Setting) -> None:
        status, answer = await setting.call(
            "POST",
            BATCH,
            json={
                "clientBatchId": "batch-1",
                "messages": [
                    {"destination": "+6591234567", "clientMessageId": "1"},
                    {"destination": "+6591234568", "clientMessageId": "2", "text": "For you"},
                ],
                "template": {"text": "For all", "source": "Acme"},
                "includeMessagesInResponse": True,
            },
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
        [request] = setting.simulator.requests
        assert request.batch

    async def test_some_are_rejected(self, setting: Setting) -> None:
        _, answer = await setting.call(
            "POST",
            BATCH,
            json={
                "messages": [
                    {"destination": "+6591234567", "text": "Hello"},
                    {"destination": "123", "text": "Hello"},
                    {"destination": "+6591234568"},
                    {"destination": "+6591230003", "text": "Hello"},
                    {"destination": "+6591230004", "text": "Hello"},
                ],
                "includeMessagesInResponse": True,
            },
        )

        assert (answer["acceptedCount"], answer["rejectedCount"]) == (1, 4)
        assert [each["status"]["description"] for each in answer["messages"][1:]] == [
            "Invalid MSISDN format (not E.164 international number)",
            "Text value is missing",
            "Invalid Source value. Reached max allowed limit",
            "Invalid MSISDN format (not E.164 international number)",
        ]
        assert len({each["umid"] for each in answer["messages"]}) == 5
        assert len(setting.simulator.messages) == 1

    async def test_details_come_only_when_asked_for(self, setting: Setting) -> None:
        _, answer = await setting.call(
            "POST", BATCH, json={"messages": [{"destination": NUMBER, "text": "Hello"}]}
        )

        assert set(answer) == {"batchId", "acceptedCount", "rejectedCount"}

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
    async def test_a_batch_is_refused_as_a_whole(
        self, setting: Setting, body: Any, code: int
    ) -> None:
        status, error = await setting.call("POST", BATCH, json=body)

        assert (status, error["code"]) == (400, code)

    async def test_a_fault_of_the_answer_hits_the_whole_batch(self, setting: Setting) -> None:
        batch = {"destination": "+6591234567"}, {"destination": "+6591230010"}

        status, _ = await setting.call(
            "POST", BATCH, json={"messages": batch, "template": {"text": "Hello"}}
        )

        assert status == 500
        assert len(setting.simulator.messages) == 2

    async def test_throttled_once_it_is_taken_when_it_comes_again(self, setting: Setting) -> None:
        numbers = [{"destination": f"+65912{middle}0009"} for middle in (1, 2, 3)]
        batch = {"messages": numbers, "template": {"text": "Hello"}}

        statuses = [(await setting.call("POST", BATCH, json=batch))[0] for _ in range(2)]

        assert statuses == [429, 200]
        assert len(setting.simulator.messages) == 3

    async def test_it_counts_as_one_request(self, setting: Setting) -> None:
        setting.simulator.sub_account_throttle.limit = 1
        batch = {"messages": [{"destination": NUMBER, "text": "Hello"}] * 3}

        assert (await setting.call("POST", BATCH, json=batch))[0] == 200
        assert (await setting.call("POST", BATCH, json=batch))[0] == 429
