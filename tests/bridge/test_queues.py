"""`sms-bridge redrive` and `replay`: what was given up is sent or reported, if it still may be."""

import json

import pytest

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import MessageType, Outcome, OutcomeStatus, State
from tests.bridge.deployed import IDS, Deployed
from tests.builders import AT, SUB_ACCOUNT
from tests.fakes.aws import TABLE, client_of

EARLY, LATE = "2026-11-24T09:00:00.000Z", "2026-11-24T10:00:00.000Z"
TOMORROW, YESTERDAY = "2999-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"


def keep_unreadable(message_id: str) -> None:
    odd = {"id": message_id, "accepted_at": YESTERDAY, "state": "teleported"}
    item = {name: {"S": value} for name, value in odd.items()}
    client_of("dynamodb").put_item(TableName=TABLE, Item=item)


# ---------------------------------------------------------------------------------------- redrive
def body(message_id: str) -> str:
    return json.dumps({"version": 1, "message": {"id": message_id}})


@pytest.fixture
def letters(deployed: Deployed) -> Deployed:
    """One of each type that may be sent, three that may not, and no record of ours."""
    for message_id, message_type in zip(IDS, MessageType, strict=False):
        deployed.keep(
            id=message_id, state=State.WAITING, send_before=TOMORROW, message_type=message_type
        )
    deployed.keep(id=IDS[2], state=State.WAITING, send_before=YESTERDAY)
    deployed.keep(id=IDS[3], state=State.UNKNOWN, send_before=TOMORROW)
    deployed.messages.record_outcome(IDS[3], Outcome(OutcomeStatus.FAILED), AT)
    deployed.keep(id=IDS[4], state=State.SENT, send_before=TOMORROW)
    for message_id in IDS[:5]:
        deployed.put_into("SendDeadLetterQueue", body(message_id))
    deployed.put_into("SendDeadLetterQueue", "not ours", reason="unreadable")
    return deployed


def test_without_a_yes_it_only_shows(letters: Deployed) -> None:
    shown = letters.shown("redrive")

    assert "2 put back into the send queue" in shown
    assert "Nothing was changed; add --yes." in shown
    assert len(letters.queue("SendDeadLetterQueue")) == 6
    assert letters.queue("PromotionalQueue") == []


def test_what_may_be_sent_goes_back_to_its_queue_and_the_rest_is_named(letters: Deployed) -> None:
    done = letters.json_of("redrive", "--yes")

    assert done == {"done": True, "records": {"sent": 2, "over": 3, "unreadable": 1}}
    assert [one["Body"] for one in letters.queue("TransactionalQueue")] == [body(IDS[0])]
    [promotional] = letters.queue("PromotionalQueue")
    assert promotional["Body"] == body(IDS[1])
    assert promotional["Attributes"] == {"MessageGroupId": SUB_ACCOUNT}
    assert [one["Body"] for one in letters.queue("SendDeadLetterQueue")] == ["not ours"]


def test_one_item_that_cannot_be_read_stops_no_other(letters: Deployed) -> None:
    letters.put_into("SendDeadLetterQueue", body(IDS[5]))
    keep_unreadable(IDS[5])

    done = letters.json_of("redrive", "--yes")

    assert done["records"] == {"sent": 2, "over": 3, "unreadable": 2}
    left = [one["Body"] for one in letters.queue("SendDeadLetterQueue")]
    assert sorted(left) == sorted([body(IDS[5]), "not ours"])


def test_none_is_no_failure(deployed: Deployed) -> None:
    assert "There are no dead letters" in deployed.shown("redrive", "--yes")


# ----------------------------------------------------------------------------------------- replay
# When they were accepted, and why they were given up.
GIVEN_UP = {"a": (EARLY, "moengage_503"), "b": (LATE, "moengage_503"), "c": (LATE, "moengage_404")}
REPORTED = {"reported": (EARLY, "moengage_503")}


@pytest.fixture
def given_up(deployed: Deployed) -> Deployed:
    """Three outcomes that were given up, one that is open, and one that was reported since."""
    for name, (accepted_at, reason) in {**GIVEN_UP, **REPORTED}.items():
        deployed.keep_over(id=name, accepted_at=seconds_of(accepted_at))
        deployed.messages.record_given_up(name, reason, AT)
        put_letter(deployed, name)
    deployed.messages.record_reported("reported", Outcome(OutcomeStatus.DELIVERED), AT)
    deployed.keep_over(id="open")
    return deployed


def put_letter(deployed: Deployed, message_id: str) -> None:
    letter = json.dumps({"version": 1, "messageId": message_id})
    deployed.put_into("OutcomeDeadLetterQueue", letter, reason="moengage_503")


def named_in(deployed: Deployed, queue: str) -> list[str]:
    """Return the messages that a queue's records are about."""
    return sorted(json.loads(one["Body"]).get("messageId") for one in deployed.queue(queue))


@pytest.mark.parametrize(
    ("words", "replayed"),
    [
        ("--all", "abc"),
        ("--reason moengage_503", "ab"),
        ("--reason moengage_5", ""),
        (f"--until {EARLY}", "a"),
        (f"--since {LATE}", "bc"),
        (f"--since {LATE} --reason moengage_404", "c"),
        ("--since 2026-11-24 --until 2026-11-25", "abc"),
        ("a c a", "ac"),
        ("a c --reason moengage_404", "c"),
        ("open reported nobody", ""),
    ],
)
def test_what_is_named_is_shown_and_on_a_yes_reported_again(
    words: str, replayed: str, given_up: Deployed
) -> None:
    shown = given_up.shown("replay", *words.split())

    assert f"{len(replayed)} outcomes would be reported again. Nothing was changed" in shown
    assert given_up.queue("OutcomeQueue") == []
    assert len(given_up.queue("OutcomeDeadLetterQueue")) == 4

    done = given_up.json_of("replay", *words.split(), "--yes")

    assert done["replayed"] is True
    assert sorted(one["umid"] for one in done["outcomes"]) == list(replayed)
    assert named_in(given_up, "OutcomeQueue") == list(replayed)
    left = sorted(set("abc") - set(replayed))
    assert named_in(given_up, "OutcomeDeadLetterQueue") == left
    for name in replayed:
        message = given_up.messages.get(name)
        assert message is not None
        assert message.outcome_is_open


def test_no_more_than_the_limit_are_reported(given_up: Deployed) -> None:
    shown = given_up.shown("replay", "--all", "--limit", "2", "--yes")

    assert "There may be more: --limit is 2." in shown
    assert len(given_up.queue("OutcomeQueue")) == 2


def test_one_item_that_cannot_be_read_keeps_its_letter_and_stops_nothing(
    given_up: Deployed,
) -> None:
    keep_unreadable("odd")
    for name in ("odd", "forgotten", ""):
        put_letter(given_up, name)

    assert "3 outcomes are queued" in given_up.shown("replay", "--all", "--yes")
    assert named_in(given_up, "OutcomeDeadLetterQueue") == ["", "odd"]


def test_a_named_item_that_cannot_be_read_is_called_that(deployed: Deployed) -> None:
    keep_unreadable("odd")

    shown = deployed.shown("replay", "odd", "--yes", status=1)

    assert "the item of odd cannot be read: ValueError" in shown


def test_it_wants_to_know_which(given_up: Deployed) -> None:
    given_up.shown("replay", "--yes", status=2)

    assert given_up.queue("OutcomeQueue") == []
