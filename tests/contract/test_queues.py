"""What every queue promises: SQS itself, and the adapters over it."""

import json
from typing import Any

import pytest

from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import MessageRequest, MessageType
from sms_bridge.observability import identity_of
from sms_bridge.storage.queues import SendRecord, SqsOutcomeQueue, SqsSendQueue, outcome_body
from tests.builders import MESSAGE_ID, NUMBER, TEXT, a_message, a_request
from tests.contract.conftest import DeadLetterQueueUnderTest, Sqs
from tests.fakes.logs import WrittenLog
from tests.fakes.queues import InMemoryDeadLetters

OTHER_ID = "1a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"

EVERY_FIELD = MessageRequest(
    sub_account_id="acme",
    destination=NUMBER,
    text='Ünï 🙂 \x00 \\ "quoted" \n',
    message_type=MessageType.TRANSACTIONAL,
    source="Acme",
    options={"country": "SG", "scheduled": "2026-11-24T09:30:00+08:00"},
    client_message_id="theirs",
    idempotency_key="key",
    campaign_id="c-1",
    dlt_template_id="d-1",
)


def a_send_queue(sqs: Sqs) -> SqsSendQueue:
    return SqsSendQueue(
        sqs.client,
        {
            MessageType.TRANSACTIONAL: sqs.transactional,
            MessageType.PROMOTIONAL: sqs.promotional,
        },
    )


class TestSendQueues:
    @pytest.mark.parametrize("request_", [EVERY_FIELD, a_request()], ids=["every field", "few"])
    def test_a_message_comes_back_as_it_was_queued(
        self, sqs: Sqs, request_: MessageRequest
    ) -> None:
        message = a_message(
            message_type=request_.message_type,
            sub_account_id="Az09-._&",
            recipient_hash="45f8e458864f9827",
            campaign_id="Grüße, 你好 🎉",
            accepted_at="2026-11-24T09:30:00.125Z",
        )
        a_send_queue(sqs).add(message, request_)

        (raw,) = sqs.receive(sqs.transactional) + sqs.receive(sqs.promotional)
        record = SendRecord(raw)
        assert (record.message_id, record.message_type) == (message.id, message.message_type)
        assert (record.sub_account_id, record.recipient_hash) == ("Az09-._&", "45f8e458864f9827")
        assert timestamp(record.accepted_at) == message.accepted_at
        assert timestamp(record.send_before) == message.send_before
        assert record.is_scheduled is ("scheduled" in request_.options)
        assert json.loads(record.sms) == json.loads(request_.sms(message.id))
        assert json.loads(record.identity) == identity_of(message)
        assert (record.tries, record.record_id, record.raw) == (1, raw["messageId"], raw)

    def test_each_kind_has_a_queue_of_its_own(self, sqs: Sqs) -> None:
        queue = a_send_queue(sqs)
        queue.add(a_message(message_type=MessageType.PROMOTIONAL), a_request())
        queue.add(a_message(id=OTHER_ID, message_type=MessageType.TRANSACTIONAL), a_request())

        assert [
            [SendRecord(raw).message_id for raw in sqs.receive(url)]
            for url in (sqs.promotional, sqs.transactional)
        ] == [[MESSAGE_ID], [OTHER_ID]]

    @pytest.mark.parametrize("seconds", [5, 900, 5000])
    def test_a_delay_holds_it_back_and_is_never_longer_than_sqs_allows(
        self, sqs: Sqs, seconds: int
    ) -> None:
        a_send_queue(sqs).add(a_message(), a_request(), delay_seconds=seconds)

        assert (sqs.receive(sqs.promotional), sqs.held_back(sqs.promotional)) == ([], 1)

    @pytest.mark.parametrize("seconds", [1, 900])
    def test_a_record_can_be_hidden_and_shown_again(self, sqs: Sqs, seconds: int) -> None:
        queue = a_send_queue(sqs)
        queue.add(a_message(), a_request())
        (raw,) = sqs.receive(sqs.promotional)
        record = SendRecord(raw)

        queue.postpone([(record, seconds)])
        assert (sqs.receive(sqs.promotional), sqs.held_back(sqs.promotional)) == ([], 1)

        queue.postpone([(record, 0)])
        (raw,) = sqs.receive(sqs.promotional)
        assert SendRecord(raw).tries == 2

    def test_many_records_can_be_hidden_each_for_its_own_time(self, sqs: Sqs) -> None:
        queue = a_send_queue(sqs)
        for message_type in [*[MessageType.PROMOTIONAL] * 13, MessageType.TRANSACTIONAL]:
            queue.add(a_message(message_type=message_type), a_request())
        urls = (sqs.promotional, sqs.promotional, sqs.transactional)
        records = [SendRecord(raw) for url in urls for raw in sqs.receive(url)]

        queue.postpone([(record, 0 if number < 4 else 60) for number, record in enumerate(records)])

        assert len(records) == 14
        assert len(sqs.receive(sqs.promotional)) == 4
        assert sqs.receive(sqs.transactional) == []

    def test_one_that_cannot_be_hidden_leaves_the_others_alone(
        self, sqs: Sqs, logged: WrittenLog
    ) -> None:
        queue = a_send_queue(sqs)
        for _ in range(2):
            queue.add(a_message(), a_request())
        records = [SendRecord(raw) for raw in sqs.receive(sqs.promotional)]
        bad = SendRecord({**records[0].raw, "receiptHandle": "not-a-handle"})

        queue.postpone([(bad, 0), (records[1], 0)])

        assert len(sqs.receive(sqs.promotional)) == 1
        (line,) = logged.lines
        assert (line["message"], line["message_id"]) == ("record not postponed", MESSAGE_ID)

    def test_a_record_never_shows_number_text_or_handle(self, sqs: Sqs) -> None:
        a_send_queue(sqs).add(a_message(), a_request())

        (raw,) = sqs.receive(sqs.promotional)
        shown = repr(SendRecord(raw))
        assert not any(part in shown for part in (NUMBER, TEXT, raw["receiptHandle"]))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "garbage",
        '{"messageId": "m"}',
        "{}\n{}\n{}",
        "{}\nm\tpromotional\ta\th\t1000\t2000\tat once",
        "\nm\tpromotional\ta\th\t1000\t2000\tat once\n{}",
        "{}\nm\tpromotional\ta\th\t1000\t2000\tat once\n",
        "{}\n\tpromotional\ta\th\t1000\t2000\tat once\n{}",
        "{}\nm\tother\ta\th\t1000\t2000\tat once\n{}",
        "{}\nm\tpromotional\ta\th\t1000\tsoon\tat once\n{}",
        "{}\nm\tpromotional\ta\th\t1000\t2000\n{}",
        "{}\nm\tpromotional\ta\th\t1000\t2000\tat once\tnew\n{}",
    ],
)
def test_a_record_that_the_bridge_did_not_write_is_told_apart(body: str) -> None:
    raw = {
        "messageId": "r",
        "receiptHandle": "h",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
    }

    with pytest.raises((ValueError, LookupError)):
        SendRecord(raw)


class TestOutcomeQueues:
    def test_an_outcome_can_be_received_at_once(self, sqs: Sqs) -> None:
        SqsOutcomeQueue(sqs.client, sqs.promotional).add(MESSAGE_ID)

        (raw,) = sqs.receive(sqs.promotional)
        assert raw["body"] == outcome_body(MESSAGE_ID)

    @pytest.mark.parametrize("seconds", [6, 60, 900])
    def test_an_outcome_with_a_delay_is_held_back(self, sqs: Sqs, seconds: int) -> None:
        SqsOutcomeQueue(sqs.client, sqs.promotional).add(MESSAGE_ID, delay_seconds=seconds)

        assert (sqs.receive(sqs.promotional), sqs.held_back(sqs.promotional)) == ([], 1)

    def test_what_was_told_leaves_and_what_was_not_is_held_back(self, sqs: Sqs) -> None:
        queue = SqsOutcomeQueue(sqs.client, sqs.promotional)
        for message_id in ("told", "later"):
            queue.add(message_id)
        records = sqs.receive(sqs.promotional)

        response = queue.work_through(
            records, lambda one, _: 7200 if one == "later" else None, InMemoryDeadLetters()
        )

        bodies = {record["messageId"]: record["body"] for record in records}
        stays = [bodies[failure["itemIdentifier"]] for failure in response["batchItemFailures"]]
        assert stays == [outcome_body("later")]
        assert sqs.receive(sqs.promotional) == []

    @pytest.mark.parametrize(("is_first", "reported"), [(True, [1, 2, 3]), (False, [0, 0, 0])])
    def test_whoever_tells_learns_how_often_the_first_record_was_received(
        self, sqs: Sqs, *, is_first: bool, reported: list[int]
    ) -> None:
        received: list[int] = []
        queue = SqsOutcomeQueue(sqs.client, sqs.promotional, once=sqs.client)
        queue.add("a", is_first=is_first)

        def not_now(_: str, times: int) -> int:
            received.append(times)
            return 0

        for _ in range(3):
            queue.work_through(sqs.receive(sqs.promotional), not_now, InMemoryDeadLetters())

        assert received == reported

    def test_of_a_record_that_may_be_queued_twice_one_at_most_is_the_first(
        self, sqs: Sqs, logged: WrittenLog
    ) -> None:
        class LosesTheAnswer:
            """A client whose call gets through, of which nobody hears."""

            def send_message(self, **record: Any) -> None:
                sqs.client.send_message(**record)
                raise ConnectionError

        once: Any = LosesTheAnswer()
        received: list[int] = []
        queue = SqsOutcomeQueue(sqs.client, sqs.promotional, once=once)
        queue.add("a", is_first=True)

        queue.work_through(
            sqs.receive(sqs.promotional),
            lambda _, times: received.append(times),
            InMemoryDeadLetters(),
        )

        assert sorted(received) == [0, 1]
        assert [line["message"] for line in logged.lines] == ["outcome not queued at once"]

    def test_without_a_client_that_never_repeats_a_call_no_record_is_the_first(
        self, sqs: Sqs
    ) -> None:
        received: list[int] = []
        queue = SqsOutcomeQueue(sqs.client, sqs.promotional)
        queue.add("a", is_first=True)

        queue.work_through(
            sqs.receive(sqs.promotional),
            lambda _, times: received.append(times),
            InMemoryDeadLetters(),
        )

        assert received == [0]

    @pytest.mark.parametrize(
        "broken", ["garbage", "[]", "{}", '"text"', "null", '{"messageId": 7}', '{"messageId": ""}']
    )
    def test_one_record_that_cannot_be_read_goes_to_the_dead_letter_queue_alone(
        self, sqs: Sqs, broken: str
    ) -> None:
        reported: list[str] = []
        dead_letters = InMemoryDeadLetters()
        queue = SqsOutcomeQueue(sqs.client, sqs.promotional)
        queue.add("a")
        sqs.client.send_message(QueueUrl=sqs.promotional, MessageBody=broken)
        queue.add("b")

        response = queue.work_through(
            sqs.receive(sqs.promotional), lambda one, _: reported.append(one), dead_letters
        )

        assert response == {"batchItemFailures": []}
        assert dead_letters.letters == [(broken, "unreadable")]
        assert sorted(reported) == ["a", "b"]

    def test_one_record_that_fails_does_not_fail_the_others(
        self, sqs: Sqs, logged: WrittenLog
    ) -> None:
        reported: list[str] = []
        queue = SqsOutcomeQueue(sqs.client, sqs.promotional)
        for message_id in ("a", "fails", "b"):
            queue.add(message_id)

        def report(message_id: str, _: int) -> None:
            if message_id == "fails":
                raise ConnectionError("with a secret in its text")
            reported.append(message_id)

        response = queue.work_through(sqs.receive(sqs.promotional), report, InMemoryDeadLetters())

        assert len(response["batchItemFailures"]) == 1
        assert sorted(reported) == ["a", "b"]
        assert "ConnectionError" in logged.text
        assert "secret" not in logged.text

    def test_a_record_that_cannot_be_hidden_or_buried_stays_as_well(self, sqs: Sqs) -> None:
        class Full(InMemoryDeadLetters):
            def add(self, body: str, *, reason: str) -> None:  # noqa: ARG002
                raise ConnectionError

        queue = SqsOutcomeQueue(sqs.client, sqs.promotional)
        queue.add("a")
        sqs.client.send_message(QueueUrl=sqs.promotional, MessageBody="garbage")
        records: list[dict[str, Any]] = sqs.receive(sqs.promotional)
        hidden_no_more = [{**record, "receiptHandle": "expired"} for record in records]

        response = queue.work_through(hidden_no_more, lambda *_: 5, Full())

        assert {one["itemIdentifier"] for one in response["batchItemFailures"]} == {
            record["messageId"] for record in records
        }


class TestDeadLetterQueues:
    def test_a_letter_is_the_record_as_it_was_with_its_reason(
        self, dead_letters: DeadLetterQueueUnderTest
    ) -> None:
        letters = [
            (json.dumps({"messageId": MESSAGE_ID}), "moengage_404"),
            ("garbage", "unreadable"),
        ]

        for body, reason in letters:
            dead_letters.queue.add(body, reason=reason)

        assert sorted(dead_letters.letters()) == sorted(letters)

    def test_letters_that_are_named_are_taken_out_and_all_others_stay(
        self, dead_letters: DeadLetterQueueUnderTest
    ) -> None:
        for name in ("a", "b", "c"):
            dead_letters.queue.add(outcome_body(name), reason="moengage_503")

        taken = dead_letters.queue.take_out({outcome_body("a"), outcome_body("c"), "not there"})

        assert taken == 2
        assert dead_letters.letters() == [(outcome_body("b"), "moengage_503")]

    def test_an_empty_queue_gives_nothing(self, dead_letters: DeadLetterQueueUnderTest) -> None:
        assert dead_letters.letters() == []
