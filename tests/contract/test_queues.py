"""What every queue promises: SQS itself, and the adapters over it."""

import json
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sms_bridge.domain.arrivals import InboundWork, QueuedInbound, QueuedMessage, QueuedOutcome
from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import MessageRequest, MessageType
from sms_bridge.errors import NotQueuedError
from sms_bridge.observability import message_fields
from sms_bridge.providers.eightx8 import sms_of
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue, SqsSendQueue
from tests.builders import MESSAGE_ID, NUMBER, SUB_ACCOUNT, TEXT, a_message, a_request
from tests.contract.conftest import DeadLetterQueueUnderTest, Sqs
from tests.fakes.aws import an_aws_account, clients_of_a_function
from tests.fakes.clock import TurnableClock
from tests.fakes.failures import failing
from tests.fakes.logs import WrittenLog
from tests.fakes.queues import InMemoryDeadLetters
from tests.fakes.sqs import InMemorySqs, clients_of_sqs

OTHER_ID = "1a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"

EVERY_FIELD = MessageRequest(
    sub_account_id="acme",
    destination=NUMBER,
    text='Ünï 🙂 \x00 \\ "quoted" \n',
    message_type=MessageType.TRANSACTIONAL,
    source="Acme",
    options={"country": "SG", "scheduled": "2026-11-24T09:30:00+08:00"},
    callback_url="https://bridge.example/callbacks/8x8?token=t",
    client_message_id="theirs",
    idempotency_key="key",
    campaign_id="c-1",
    dlt_template_id="d-1",
)


LATER = seconds_of("2026-11-24T09:31:00.000Z")


def a_send_queue(sqs: Sqs) -> SqsSendQueue:
    urls = {
        MessageType.TRANSACTIONAL: sqs.transactional,
        MessageType.PROMOTIONAL: sqs.promotional,
    }
    return SqsSendQueue(sqs.aws, urls)


def an_outcome_queue(sqs: Sqs, *, once: Any = None) -> SqsOutcomeQueue:
    return SqsOutcomeQueue(clients_of_sqs(sqs.client, once), sqs.promotional)


def received(queue: SqsSendQueue, records: list[dict[str, Any]]) -> list[QueuedMessage]:
    """Return the messages in records."""
    found: list[QueuedMessage] = []

    def note(queued: Sequence[QueuedMessage]) -> list[QueuedMessage]:
        found.extend(queued)
        return []

    queue.work_through(records, note, InMemoryDeadLetters())
    return found


class TestSendQueues:
    @pytest.mark.parametrize("request_", [EVERY_FIELD, a_request()], ids=["every field", "few"])
    def test_a_message_comes_back_with_all_that_it_takes_to_send_it(
        self, sqs: Sqs, request_: MessageRequest
    ) -> None:
        message = a_message(
            message_type=request_.message_type,
            sub_account_id=request_.sub_account_id,
            recipient_hash="45f8e458864f9827",
            campaign_id="Grüße, 你好 🎉",
            client_message_id="theirs",
            accepted_at=seconds_of("2026-11-24T09:30:00.125Z"),
        )
        queue = a_send_queue(sqs)
        queue.add(message, request_)

        records = sqs.receive(sqs.transactional) + sqs.receive(sqs.promotional)
        (queued,) = received(queue, records)

        assert sms_of(queued.request, message.id) == sms_of(request_, message.id)
        assert queued.request.is_scheduled is request_.is_scheduled
        for name in ("id", "message_type", "sub_account_id", "recipient_hash", "campaign_id"):
            assert getattr(queued.message, name) == getattr(message, name)
        assert queued.message.accepted_at == message.accepted_at
        assert queued.message.send_before == message.send_before
        assert message_fields(queued.message) == message_fields(message)
        assert queued.receives == 1

    def test_many_messages_are_queued_as_if_each_came_alone(self, sqs: Sqs) -> None:
        queue = a_send_queue(sqs)
        ids = [f"1a1b2c3d-4e5f-4a6b-8c7d-{number:012d}" for number in range(23)]
        types = [list(MessageType)[number % 2] for number in range(23)]
        some = [
            (a_message(id=one, message_type=its_type), a_request(text=one), 0)
            for one, its_type in zip(ids, types, strict=True)
        ]

        assert queue.add_all(some) == set()

        found = [
            queued
            for url in (sqs.transactional, sqs.promotional)
            for _ in range(2)
            for queued in received(queue, sqs.receive(url))
        ]
        assert {(one.message.id, one.request.text) for one in found} == {(one, one) for one in ids}
        assert queue.add_all([]) == set()

    def test_each_of_many_has_its_own_delay(self, sqs: Sqs) -> None:
        queue = a_send_queue(sqs)

        queue.add_all([(a_message(), a_request(), 0), (a_message(id=OTHER_ID), a_request(), 900)])

        [queued] = received(queue, sqs.receive(sqs.promotional))
        assert queued.message.id == MESSAGE_ID

    def test_ten_of_the_largest_messages_are_within_what_sqs_takes_at_once(self, sqs: Sqs) -> None:
        # What GSM-7 has no place for counts as one of its characters there.
        options = {"encoding": "GSM7", "dlrCallbackUrl": "u" * 2000}
        texts = {"text": "🎉" * 1530, "options": options}
        ids = {"campaign_id": "🎉" * 256, "client_message_id": "🎉" * 350}
        some = [
            (a_message(id=f"1a1b2c3d-4e5f-4a6b-8c7d-{number:012d}", **ids), a_request(**texts), 0)
            for number in range(10)
        ]

        assert a_send_queue(sqs).add_all(some) == set()
        assert len(sqs.receive(sqs.promotional)) == len(some)

    def test_a_record_is_json_in_ascii_with_a_version(self, sqs: Sqs) -> None:
        message = a_message(message_type=MessageType.TRANSACTIONAL)
        a_send_queue(sqs).add(message, EVERY_FIELD)

        (record,) = sqs.receive(sqs.transactional)

        assert record["body"].isascii()
        content = json.loads(record["body"])
        assert content["version"] == 1
        assert content["request"]["text"] == EVERY_FIELD.text

    def test_each_type_has_a_queue_of_its_own(self, sqs: Sqs) -> None:
        queue = a_send_queue(sqs)
        queue.add(a_message(message_type=MessageType.PROMOTIONAL), a_request())
        queue.add(a_message(id=OTHER_ID, message_type=MessageType.TRANSACTIONAL), a_request())

        assert [
            [one.message.id for one in received(queue, sqs.receive(url))]
            for url in (sqs.promotional, sqs.transactional)
        ] == [[MESSAGE_ID], [OTHER_ID]]

    @pytest.mark.parametrize(
        ("campaign_id", "group"),
        [
            ("sale-2026/11", "sale-2026/11"),
            ("", SUB_ACCOUNT),
            # SQS takes neither blanks nor letters beyond ASCII, and 128 characters at most.
            ("Summer sale", "Summer%20sale"),
            ("Grüße", "Gr%C3%BC%C3%9Fe"),
            ("\ud83d", r"%3F"),
            ("c" * 129, "c" * 128),
        ],
    )
    def test_a_message_stands_in_line_with_its_campaign_or_its_sub_account(
        self, sqs: Sqs, campaign_id: str, group: str
    ) -> None:
        for message_type in MessageType:
            message = a_message(campaign_id=campaign_id, message_type=message_type)
            a_send_queue(sqs).add(message, a_request())

        records = sqs.receive(sqs.transactional) + sqs.receive(sqs.promotional)

        groups = [record["attributes"]["MessageGroupId"] for record in records]
        assert len(groups) == 2
        assert all(re.fullmatch(group, one) for one in groups)
        assert len(set(groups)) == 1

    @pytest.mark.parametrize(
        ("status", "retries", "is_certain"),
        [(400, 0, True), (403, 0, True), (400, 2, False), (500, 0, False), (503, 2, False)],
    )
    def test_only_a_refusal_of_the_first_try_says_that_a_message_is_not_in_the_queue(
        self, status: int, retries: int, is_certain: bool
    ) -> None:
        answer: Any = {
            "Error": {"Code": "AccessDenied"},
            "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": retries},
        }

        class Refusing:
            def send_message(self, **_: Any) -> None:
                raise ClientError(answer, "SendMessage")

            send_message_batch = send_message

        urls = dict.fromkeys(MessageType, "https://sqs.example/1/queue")
        queue = SqsSendQueue(clients_of_sqs(Refusing()), urls)

        with pytest.raises(NotQueuedError if is_certain else ClientError):
            queue.add(a_message(), a_request())
        proven = {MESSAGE_ID} if is_certain else set()
        assert queue.add_all([(a_message(), a_request(), 0)]) == proven

    def test_a_queue_that_is_not_there_says_so_at_once(self) -> None:
        with an_aws_account():
            urls = dict.fromkeys(MessageType, "https://sqs.us-east-1.amazonaws.com/123/none")

            with pytest.raises(NotQueuedError):
                SqsSendQueue(clients_of_a_function(), urls).add(a_message(), a_request())

    @pytest.mark.parametrize("seconds", [5, 900])
    def test_a_delay_holds_it_back(self, sqs: Sqs, seconds: int) -> None:
        a_send_queue(sqs).add(a_message(), a_request(), delay_seconds=seconds)

        assert (sqs.receive(sqs.promotional), sqs.held_back(sqs.promotional)) == ([], 1)

    @pytest.mark.parametrize("seconds", [1, 900])
    def test_a_record_can_be_hidden_and_shown_again(self, sqs: Sqs, seconds: int) -> None:
        queue = a_send_queue(sqs)
        queue.add(a_message(), a_request())
        (queued,) = received(queue, sqs.receive(sqs.promotional))

        queue.postpone([(queued, seconds)])
        assert (sqs.receive(sqs.promotional), sqs.held_back(sqs.promotional)) == ([], 1)

        queue.postpone([(queued, 0)])
        (again,) = received(queue, sqs.receive(sqs.promotional))
        assert again.receives == 2

    def test_many_records_can_be_hidden_each_for_its_own_time(self, sqs: Sqs) -> None:
        queue = a_send_queue(sqs)
        for message_type in [*[MessageType.PROMOTIONAL] * 13, MessageType.TRANSACTIONAL]:
            queue.add(a_message(message_type=message_type), a_request())
        urls = (sqs.promotional, sqs.promotional, sqs.transactional)
        queued = received(queue, [record for url in urls for record in sqs.receive(url)])

        queue.postpone([(one, 0 if number < 4 else 60) for number, one in enumerate(queued)])

        assert len(queued) == 14
        assert len(sqs.receive(sqs.promotional)) == 4
        assert sqs.receive(sqs.transactional) == []

    def test_a_record_that_came_twice_at_once_is_hidden_with_the_others(self, sqs: Sqs) -> None:
        queue = a_send_queue(sqs)
        for _ in range(2):
            queue.add(a_message(), a_request())
        first, second = received(queue, sqs.receive(sqs.promotional))

        queue.postpone([(one, 0) for one in (first, first, second)])

        assert len(sqs.receive(sqs.promotional)) == 2

    def test_one_that_cannot_be_hidden_leaves_the_others_alone(
        self, sqs: Sqs, logged: WrittenLog
    ) -> None:
        queue = a_send_queue(sqs)
        for _ in range(2):
            queue.add(a_message(), a_request())
        first, second = sqs.receive(sqs.promotional)
        queued = received(queue, [{**first, "receiptHandle": "not-a-handle"}, second])

        queue.postpone([(one, 0) for one in queued])

        assert len(sqs.receive(sqs.promotional)) == 1
        (line,) = logged.lines
        assert (line["message"], line["record"]) == ("record not postponed", first["messageId"])
        assert line["aws_request_id"]

    def test_what_dispatch_returns_stays_and_all_else_leaves_the_queue(self, sqs: Sqs) -> None:
        queue = a_send_queue(sqs)
        for _ in range(3):
            queue.add(a_message(), a_request())
        records = sqs.receive(sqs.promotional)

        response = queue.work_through(records, lambda queued: queued[1:2], InMemoryDeadLetters())

        assert response == {"batchItemFailures": [{"itemIdentifier": records[1]["messageId"]}]}

    def test_a_record_never_shows_number_text_or_handle(self, sqs: Sqs) -> None:
        queue = a_send_queue(sqs)
        queue.add(a_message(), a_request())

        (record,) = sqs.receive(sqs.promotional)
        shown = repr(received(queue, [record]))
        assert not any(part in shown for part in (NUMBER, TEXT, record["receiptHandle"]))


class TestQueuesThatTakeSomeOfMany:
    MANY = tuple(
        (a_message(id=f"1a1b2c3d-4e5f-4a6b-8c7d-{number:012d}"), a_request(), 0)
        for number in range(12)
    )

    def a_queue(self, fails: Any) -> tuple[InMemorySqs, SqsSendQueue]:
        sqs = InMemorySqs(TurnableClock(), fails=fails)
        return sqs, SqsSendQueue(sqs.aws, dict.fromkeys(MessageType, "queue"))

    def test_what_is_not_taken_twice_is_named(self, logged: WrittenLog) -> None:
        wrong = {self.MANY[3][0].id, self.MANY[11][0].id}
        sqs, queue = self.a_queue(lambda entry: entry["Id"] in wrong)

        assert queue.add_all(self.MANY) == wrong

        assert len(sqs.receive("queue", 99)) == 10
        failures = [(line["message"], line["aws_request_id"]) for line in logged.lines]
        assert failures == [("message not queued", "R-1")] * 4
        assert NUMBER not in logged.text

    def test_what_is_taken_the_second_time_is_there_once(self) -> None:
        refused_once = iter([True, False, True])
        sqs, queue = self.a_queue(lambda _: next(refused_once, False))

        assert queue.add_all(self.MANY) == set()
        assert len(sqs.receive("queue", 99)) == 12

    def test_what_a_repeated_call_did_not_take_may_be_there_from_its_first_try(self) -> None:
        sqs, queue = self.a_queue(lambda _: True)
        sqs.repeats = 1

        assert queue.add_all(self.MANY) == set()

    def test_what_a_repeated_call_did_not_take_is_queued_all_the_same(self) -> None:
        refused_once = iter([True, False, True])
        sqs, queue = self.a_queue(lambda _: next(refused_once, False))
        sqs.repeats = 1

        assert queue.add_all(self.MANY) == set()
        assert len(sqs.receive("queue", 99)) == 12

    def test_of_a_call_that_fails_nothing_is_proven(self, logged: WrittenLog) -> None:
        def away(_: object) -> bool:
            raise ConnectionError

        _, queue = self.a_queue(away)

        assert queue.add_all(self.MANY) == set()
        assert [line["messages"] for line in logged.lines] == [10, 2]

    def test_records_that_cannot_be_hidden_come_at_their_own_time(self, logged: WrittenLog) -> None:
        sqs, queue = self.a_queue(lambda _: False)
        queue.add_all(self.MANY)
        queued = received(queue, sqs.receive("queue", 99))

        with failing(sqs, "change_message_visibility_batch"):
            queue.postpone([(one, 60) for one in queued])

        assert [line["message"] for line in logged.lines] == ["records not postponed"] * 2


class Full(InMemoryDeadLetters):
    """Takes nothing."""

    def move(self, record: Mapping[str, Any], *, reason: str) -> bool:  # noqa: ARG002
        return False


def as_written(**changes: Any) -> str:
    """Return the body of a record of the send queue with other content."""
    written: dict[str, Any] = {
        "version": 1,
        "messageType": "promotional",
        "message": {"id": "m", "accepted_at": timestamp(LATER), "send_before": timestamp(LATER)},
        "request": {"destination": NUMBER, "text": TEXT},
    }
    return json.dumps(written | changes)


def test_the_smallest_record_that_can_be_read(sqs: Sqs) -> None:
    sqs.client.send_message(QueueUrl=sqs.promotional, MessageBody=as_written())

    assert len(received(a_send_queue(sqs), sqs.receive(sqs.promotional))) == 1


@pytest.mark.parametrize("part", ["message", "request"])
def test_what_a_later_version_adds_to_a_record_is_passed_over(sqs: Sqs, part: str) -> None:
    content = json.loads(as_written(invented_later=1))
    content[part]["invented_later"] = [1]
    sqs.client.send_message(QueueUrl=sqs.promotional, MessageBody=json.dumps(content))

    assert len(received(a_send_queue(sqs), sqs.receive(sqs.promotional))) == 1


@pytest.mark.parametrize(
    "body",
    [
        "garbage",
        "[]",
        "null",
        "{}",
        as_written(version=2),
        as_written(messageType="other"),
        as_written(message={}),
        as_written(message={"id": "m"}),
        as_written(message={"id": "m", "invented_later": 1}),
        as_written(message=None),
        as_written(request={}),
        as_written(request={"text": TEXT}),
        as_written(request="text"),
        as_written(request={"destination": NUMBER, "text": 7}),
        as_written(request={"destination": 7, "text": TEXT}),
        as_written(request={"destination": NUMBER, "text": TEXT, "source": 7}),
        as_written(request={"destination": NUMBER, "text": TEXT, "callback_url": 7}),
        as_written(request={"destination": NUMBER, "text": TEXT, "options": None}),
        as_written(request={"destination": NUMBER, "text": TEXT, "options": {"country": 7}}),
        pytest.param('{"version": 1, "message": ' + "[" * 100_000, id="nested without end"),
    ],
)
def test_a_record_of_the_send_queue_that_cannot_be_read_is_dead_lettered_alone(
    sqs: Sqs, body: str, logged: WrittenLog
) -> None:
    sqs.client.send_message(QueueUrl=sqs.promotional, MessageBody=body)
    records = sqs.receive(sqs.promotional)
    dead_letters = InMemoryDeadLetters()

    response = a_send_queue(sqs).work_through(records, lambda queued: queued, dead_letters)

    assert response == {"batchItemFailures": []}
    assert dead_letters.letters == [(body, "unreadable")]
    assert TEXT not in logged.text
    stays = a_send_queue(sqs).work_through(records, lambda queued: queued, Full())
    assert len(stays["batchItemFailures"]) == 1


class TestOutcomeQueues:
    def test_an_outcome_can_be_received_at_once(self, sqs: Sqs) -> None:
        an_outcome_queue(sqs).add(MESSAGE_ID)

        (record,) = sqs.receive(sqs.promotional)
        assert json.loads(record["body"]) == {"version": 1, "messageId": MESSAGE_ID}

    @pytest.mark.parametrize("seconds", [6, 60, 900])
    def test_an_outcome_with_a_delay_is_held_back(self, sqs: Sqs, seconds: int) -> None:
        an_outcome_queue(sqs).add(MESSAGE_ID, delay_seconds=seconds)

        assert (sqs.receive(sqs.promotional), sqs.held_back(sqs.promotional)) == ([], 1)

    def test_what_was_reported_leaves_and_what_was_not_is_held_back(self, sqs: Sqs) -> None:
        queue = an_outcome_queue(sqs)
        for message_id in ("reported", "later"):
            queue.add(message_id)
        records = sqs.receive(sqs.promotional)

        response = queue.work_through(
            records,
            lambda one: 7200 if one == QueuedOutcome("later", "", 1, "") else None,
            InMemoryDeadLetters(),
        )

        bodies = {record["messageId"]: record["body"] for record in records}
        (failure,) = response["batchItemFailures"]
        assert json.loads(bodies[failure["itemIdentifier"]])["messageId"] == "later"
        assert sqs.receive(sqs.promotional) == []

    def test_an_inbound_message_is_kept_apart_from_an_outcome(self, sqs: Sqs) -> None:
        queue = an_outcome_queue(sqs)
        queue.add_inbound("inbound u-1", InboundWork.EVENT)
        seen: list[Any] = []
        records = sqs.receive(sqs.promotional)

        queue.work_through(records, seen.append, InMemoryDeadLetters())

        assert seen == [QueuedInbound("inbound u-1", InboundWork.EVENT, "")]
        assert [one.record for one in seen] == records

    def test_a_reporter_learns_whose_lease_a_record_holds_and_how_often_it_was_received(
        self, sqs: Sqs
    ) -> None:
        seen: list[object] = []
        queue = an_outcome_queue(sqs)
        queue.add("a", lease="l-1")

        def not_now(queued: object) -> int:
            seen.append(queued)
            return 0

        for _ in range(2):
            queue.work_through(sqs.receive(sqs.promotional), not_now, InMemoryDeadLetters())

        assert seen == [QueuedOutcome("a", "l-1", 1, ""), QueuedOutcome("a", "l-1", 2, "")]

    def test_of_a_record_that_may_be_queued_twice_one_at_most_holds_the_lease(
        self, sqs: Sqs, logged: WrittenLog
    ) -> None:
        class LosesTheAnswer:
            """A client whose call gets through and whose answer is lost."""

            def send_message(self, **record: Any) -> None:
                sqs.client.send_message(**record)
                raise ConnectionError

        leases: list[str] = []
        queue = an_outcome_queue(sqs, once=LosesTheAnswer())
        queue.add("a", lease="l-1")

        def note(queued: QueuedOutcome | QueuedInbound) -> None:
            assert isinstance(queued, QueuedOutcome)
            leases.append(queued.lease)

        queue.work_through(sqs.receive(sqs.promotional), note, InMemoryDeadLetters())

        assert sorted(leases) == ["", "l-1"]
        assert [line["message"] for line in logged.lines] == ["outcome not queued at once"]

    @pytest.mark.parametrize(
        "broken",
        [
            "garbage",
            "[]",
            "{}",
            '"text"',
            "null",
            '{"messageId": "m"}',
            '{"version": 2, "messageId": "m"}',
            '{"version": 1, "messageId": 7}',
            '{"version": 1, "messageId": ""}',
            '{"version": 1, "inboundId": ""}',
            '{"version": 1, "inboundId": 7, "work": "event"}',
            '{"version": 1, "inboundId": "u-1", "work": "other"}',
            pytest.param('{"version": 1, "messageId": ' + "[" * 100_000, id="nested without end"),
        ],
    )
    def test_one_record_that_cannot_be_read_goes_to_the_dead_letter_queue_alone(
        self, sqs: Sqs, broken: str
    ) -> None:
        seen: list[object] = []
        dead_letters = InMemoryDeadLetters()
        queue = an_outcome_queue(sqs)
        queue.add("a")
        sqs.client.send_message(QueueUrl=sqs.promotional, MessageBody=broken)
        queue.add("b")

        response = queue.work_through(sqs.receive(sqs.promotional), seen.append, dead_letters)

        assert response == {"batchItemFailures": []}
        assert dead_letters.letters == [(broken, "unreadable")]
        assert len(seen) == 2

    def test_ten_records_are_handled_side_by_side(self, sqs: Sqs) -> None:
        queue, all_are_there = an_outcome_queue(sqs), threading.Barrier(10)
        for number in range(10):
            queue.add(f"m-{number}")

        def wait_for_all(_: object) -> None:
            all_are_there.wait(60)

        records = sqs.receive(sqs.promotional)
        response = queue.work_through(records, wait_for_all, InMemoryDeadLetters())

        assert (len(records), response) == (10, {"batchItemFailures": []})

    def test_one_record_that_fails_does_not_fail_the_others(
        self, sqs: Sqs, logged: WrittenLog
    ) -> None:
        reported: list[object] = []
        queue = an_outcome_queue(sqs)
        for message_id in ("a", "fails", "b"):
            queue.add(message_id)

        def report(queued: object) -> None:
            if queued == QueuedOutcome("fails", "", 1, ""):
                raise ConnectionError("with a secret in its text")
            reported.append(queued)

        response = queue.work_through(sqs.receive(sqs.promotional), report, InMemoryDeadLetters())

        assert len(response["batchItemFailures"]) == 1
        assert len(reported) == 2
        assert "ConnectionError" in logged.text
        assert "secret" not in logged.text

    def test_a_record_that_cannot_be_hidden_or_dead_lettered_stays_as_well(self, sqs: Sqs) -> None:
        queue = an_outcome_queue(sqs)
        queue.add("a")
        sqs.client.send_message(QueueUrl=sqs.promotional, MessageBody="garbage")
        records: list[dict[str, Any]] = sqs.receive(sqs.promotional)
        hidden_no_more = [{**record, "receiptHandle": "expired"} for record in records]

        response = queue.work_through(hidden_no_more, lambda _: 5, Full())

        assert {one["itemIdentifier"] for one in response["batchItemFailures"]} == {
            record["messageId"] for record in records
        }


class TestDeadLetterQueues:
    def test_a_record_that_is_moved_leaves_its_queue_only_if_it_is_a_letter_then(
        self, dead_letters: DeadLetterQueueUnderTest
    ) -> None:
        assert dead_letters.queue.move({"messageId": "1", "body": TEXT}, reason="unreadable")
        assert dead_letters.letters() == [(TEXT, "unreadable")]

    def test_a_letter_is_the_record_as_it_was_with_its_reason(
        self, dead_letters: DeadLetterQueueUnderTest
    ) -> None:
        letters = [
            (json.dumps({"version": 1, "messageId": MESSAGE_ID}), "moengage_404"),
            ("garbage", "unreadable"),
        ]

        for body, reason in letters:
            dead_letters.queue.add({"body": body}, reason=reason)

        assert sorted(dead_letters.letters()) == sorted(letters)


def test_a_record_that_cannot_be_moved_stays_and_nothing_of_it_is_logged(
    logged: WrittenLog,
) -> None:
    sqs = InMemorySqs(TurnableClock())
    queue = SqsDeadLetterQueue(sqs.aws, "dead")

    with failing(queue, "add"):
        assert not queue.move({"messageId": "1", "body": TEXT}, reason="unreadable")

    assert [(line["message"], line["record"]) for line in logged.lines] == [
        ("record dead-lettered", "1"),
        ("record not dead-lettered", "1"),
    ]
    assert TEXT not in logged.text
