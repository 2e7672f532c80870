"""`sms-bridge redrive`: dead letters of the send queues are sent, if they still may be."""

import json

import pytest

from sms_bridge.domain.message import MessageType, State
from tests.bridge.deployed import IDS, Deployed
from tests.builders import SUB_ACCOUNT
from tests.fakes.aws import TABLE, client_of

TOMORROW, YESTERDAY = "2999-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"


def body(message_id: str) -> str:
    return json.dumps({"version": 1, "message": {"id": message_id}})


@pytest.fixture
def letters(deployed: Deployed) -> Deployed:
    """One of each type that may be sent, an expired one, one that failed, and no record of ours."""
    for message_id, message_type in zip(IDS, MessageType, strict=False):
        deployed.keep(
            id=message_id, state=State.WAITING, send_before=TOMORROW, message_type=message_type
        )
    deployed.keep(id=IDS[2], state=State.WAITING, send_before=YESTERDAY)
    deployed.keep_over("x", id=IDS[3], send_before=TOMORROW)
    for message_id in IDS[:4]:
        deployed.put_into("SendDeadLetterQueue", body(message_id))
    deployed.put_into("SendDeadLetterQueue", "not ours", reason="unreadable")
    return deployed


def test_without_a_yes_it_only_shows(letters: Deployed) -> None:
    shown = letters.shown("redrive")

    assert "2 put back into the send queue" in shown
    assert "Nothing was changed; add --yes." in shown
    assert len(letters.queue("SendDeadLetterQueue")) == 5
    assert letters.queue("PromotionalQueue") == []


def test_what_may_be_sent_goes_back_to_its_queue_and_the_rest_is_named(letters: Deployed) -> None:
    done = letters.json_of("redrive", "--yes")

    assert done == {"done": True, "records": {"sent": 2, "over": 2, "unreadable": 1}}
    assert [one["Body"] for one in letters.queue("TransactionalQueue")] == [body(IDS[0])]
    [promotional] = letters.queue("PromotionalQueue")
    assert promotional["Body"] == body(IDS[1])
    assert promotional["Attributes"] == {"MessageGroupId": SUB_ACCOUNT}
    assert [one["Body"] for one in letters.queue("SendDeadLetterQueue")] == ["not ours"]


def test_one_item_that_cannot_be_read_stops_no_other(letters: Deployed) -> None:
    letters.put_into("SendDeadLetterQueue", body(IDS[4]))
    odd = {"id": IDS[4], "accepted_at": YESTERDAY, "state": "teleported"}
    item = {name: {"S": value} for name, value in odd.items()}
    client_of("dynamodb").put_item(TableName=TABLE, Item=item)

    done = letters.json_of("redrive", "--yes")

    assert done["records"] == {"sent": 2, "over": 2, "unreadable": 2}
    left = [one["Body"] for one in letters.queue("SendDeadLetterQueue")]
    assert sorted(left) == sorted([body(IDS[4]), "not ours"])


def test_none_is_no_failure(deployed: Deployed) -> None:
    assert "There are no dead letters" in deployed.shown("redrive", "--yes")
