"""How a batch of outcomes is worked through."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from sms_bridge.storage.outcome_queue import SqsOutcomeQueue
from tests.fakes.aws import a_queue
from tests.fakes.logs import WrittenLog

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.usefixtures("aws")


class Batch:
    """Messages in a queue, received as Lambda receives them."""

    def __init__(self, *bodies: str) -> None:
        self.client, self.url = a_queue()
        self.hidden_for: list[int] = []
        self._watch(self.client)
        for body in bodies:
            self.client.send_message(QueueUrl=self.url, MessageBody=body)
        received = self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
        )["Messages"]
        self.records: list[dict[str, Any]] = [
            {
                "messageId": one["MessageId"],
                "receiptHandle": one["ReceiptHandle"],
                "body": one["Body"],
                "attributes": one["Attributes"],
            }
            for one in received
        ]

    def _watch(self, client: "SQSClient") -> None:
        def note(params: dict[str, Any], **_: Any) -> None:
            self.hidden_for.append(params["VisibilityTimeout"])

        client.meta.events.register("provide-client-params.sqs.ChangeMessageVisibility", note)

    def work_through(self, tell: Any) -> list[str]:
        """Return the bodies of what stays in the queue."""
        answer = SqsOutcomeQueue(self.client, self.url).work_through(self.records, tell)
        bodies = {record["messageId"]: record["body"] for record in self.records}
        return [bodies[failure["itemIdentifier"]] for failure in answer["batchItemFailures"]]


def body(message_id: str) -> str:
    return json.dumps({"messageId": message_id})


def test_what_was_told_leaves_the_queue() -> None:
    told = []

    def tell(message_id: str, tries: int) -> None:
        told.append((message_id, tries))

    assert Batch(body("a"), body("b")).work_through(tell) == []
    assert sorted(told) == [("a", 1), ("b", 1)]


def test_what_has_to_be_told_again_stays_out_of_sight_until_then() -> None:
    batch = Batch(body("a"), body("b"))

    stays = batch.work_through(lambda message_id, _: 7200 if message_id == "b" else None)

    assert (stays, batch.hidden_for) == ([body("b")], [7200])


@pytest.mark.parametrize("broken", ["garbage", "[]", "{}", '"text"', "null"])
def test_one_record_that_fails_does_not_fail_the_others(broken: str, logged: WrittenLog) -> None:
    told = []

    def tell(message_id: str, tries: int) -> None:
        if message_id == "fails":
            raise ConnectionError("with a secret in its text")
        told.append((message_id, tries))

    stays = Batch(body("a"), broken, body("fails"), body("b")).work_through(tell)

    assert sorted(stays) == sorted([broken, body("fails")])
    assert sorted(told) == [("a", 1), ("b", 1)]
    assert "ConnectionError" in logged.text
    assert "secret" not in logged.text


def test_a_message_that_cannot_be_hidden_stays_as_well(logged: WrittenLog) -> None:
    batch = Batch(body("a"))
    batch.records[0]["receiptHandle"] = "expired"

    assert batch.work_through(lambda *_: 5) == [body("a")]
    assert len(logged.lines) == 1
