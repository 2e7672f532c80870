"""`bridge message`, `send-test`, `stats` and `replay`: what became of messages."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bridge.send_test import follow
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus
from sms_bridge.domain.state import State
from sms_bridge.storage.queues import outcome_body
from tests.bridge.deployed import PROMOTIONAL, Deployed
from tests.builders import ACCEPTED, AMBIGUOUS, NUMBER, TEXT, a_message, a_receipt

OTHER_NUMBER = "+6598765432"
IDS = [f"{digit}a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d" for digit in "0123456789"]


def reported(deployed: Deployed, message: Message) -> None:
    """Let MoEngage hear that a message was delivered."""
    outcome = Outcome(OutcomeStatus.DELIVERED)
    deployed.messages.record_result(
        message.id, 0, ACCEPTED, State.QUEUED, "2026-11-24T09:30:01.000Z"
    )
    deployed.messages.record_receipt(message.id, a_receipt("delivered"), outcome)
    deployed.messages.record_reported(message.id, "2026-11-24T09:30:05.000Z")


# ------------------------------------------------------------------------------------- message
def test_the_story_of_a_message(deployed: Deployed) -> None:
    message = deployed.keep()
    reported(deployed, message)

    lines = deployed.run("message", message.id).output.splitlines()

    assert lines[0].startswith(f"{message.id}: delivered; to 65*****567")
    assert lines[1:] == [
        "2026-11-24 (UTC)",
        "  09:30:00 accepted from MoEngage",
        "  09:30:01 8x8 took it",
        "  09:30:04 delivered to the phone",
        "  09:30:05 told MoEngage: DELIVERED",
    ]


def test_a_number_is_masked_unless_it_is_asked_for(deployed: Deployed) -> None:
    message = deployed.keep()
    digits = NUMBER.removeprefix("+")

    for words in ((message.id,), (message.id, "--json"), ("--to", NUMBER), ("--to", digits)):
        result = deployed.run("message", *words)
        assert result.exit_code == 0
        assert digits not in result.output
    assert NUMBER in deployed.run("message", message.id, "--full-numbers").output
    assert deployed.json_of("message", message.id, "--full-numbers")["messages"][0][
        "destination"
    ] == (NUMBER)


@pytest.mark.parametrize("written", [NUMBER, "6591234567", "+65 9123-4567", "(65) 9123 4567"])
def test_the_messages_to_a_number_the_newest_first(written: str, deployed: Deployed) -> None:
    for number, message_id in enumerate(IDS[:3]):
        deployed.keep(id=message_id, accepted_at=f"2026-11-24T09:3{number}:00.000Z")
    deployed.keep(id=IDS[3], destination=OTHER_NUMBER)

    found = deployed.json_of("message", "--to", written)

    assert [one["messageId"] for one in found["messages"]] == IDS[2::-1]
    assert found["thereAreMore"] is False


def test_more_messages_than_the_limit_are_said_to_be_there(deployed: Deployed) -> None:
    for message_id in IDS[:3]:
        deployed.keep(id=message_id)

    assert deployed.json_of("message", "--to", NUMBER, "--limit", "2")["thereAreMore"] is True
    assert "There are more" in deployed.run("message", "--to", NUMBER, "--limit", "2").output


def test_a_campaigns_messages_in_a_state(deployed: Deployed) -> None:
    deployed.keep(id=IDS[0], campaign_id="spring", state=State.UNKNOWN)
    deployed.keep(id=IDS[1], campaign_id="spring", state=State.DELIVERED)
    deployed.keep(id=IDS[2], campaign_id="autumn", state=State.UNKNOWN)

    found = deployed.json_of("message", "--campaign", "spring", "--state", "unknown")

    assert [one["messageId"] for one in found["messages"]] == [IDS[0]]
    shown = deployed.run("message", "--campaign", "spring").output
    assert IDS[0] in shown
    assert IDS[1] in shown
    assert NUMBER.removeprefix("+") not in shown


def test_a_message_by_8x8s_id(deployed: Deployed) -> None:
    sent = deployed.call(
        "POST",
        f"{deployed.api_url}/api/v1/subaccounts/{PROMOTIONAL}/messages",
        {"recipient": NUMBER, "message": TEXT},
        authorization="Bearer moengage-token",
    ).json

    [found] = deployed.json_of("message", "--umid", sent["umid"])["messages"]

    assert found["messageId"] == sent["messageId"]


def test_8x8_that_does_not_tell_is_no_message_that_is_not_there(deployed: Deployed) -> None:
    deployed.put_secret(eightx8ApiKey="an-old-key")

    result = deployed.run("message", "--umid", IDS[0])

    assert result.exit_code == 3
    assert "(eightx8_unauthorized): 8x8 refuses the bridge's API key" in result.stderr


@pytest.mark.parametrize(
    "words", [(IDS[0],), ("--to", OTHER_NUMBER), ("--umid", IDS[0]), ("--campaign", "winter")]
)
def test_nothing_found_is_a_failure(words: tuple[str, ...], deployed: Deployed) -> None:
    result = deployed.run("message", *words)

    assert result.exit_code == 1
    assert "there is no such message" in result.stderr
    assert OTHER_NUMBER not in result.output


@pytest.mark.parametrize(
    "words", [(), (IDS[0], "--to", NUMBER), ("--to", "call me"), ("--to", "123456")]
)
def test_a_wrong_question_is_a_wrong_use(words: tuple[str, ...], deployed: Deployed) -> None:
    assert deployed.run("message", *words).exit_code == 2


# ----------------------------------------------------------------------------------- send-test
def test_a_test_message_goes_the_whole_way_and_its_story_is_told(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def let_it_be_told(_: float) -> None:
        for message in deployed.messages.open_messages(until="9"):
            if message.outcome:
                deployed.messages.record_reported(message.id, timestamp(4_000_000_000))

    monkeypatch.setattr("bridge.send_test.sleep", let_it_be_told)

    result = deployed.run("send-test", "--to", NUMBER, "--sub-account", PROMOTIONAL)

    assert result.exit_code == 0, result.output
    assert "8x8 queued it" in result.output
    assert result.output.rstrip().endswith("told MoEngage: DELIVERED")
    assert NUMBER not in result.output
    assert deployed.eightx8.messages[0].sub_account_id == PROMOTIONAL


def test_two_test_messages_are_no_repeat(deployed: Deployed) -> None:
    for _ in range(2):
        result = deployed.run("send-test", "--to", NUMBER, "--wait", "0")
        # It is not over yet.
        assert result.exit_code == 1
        assert "Not over after 0 seconds; later: bridge message" in result.output

    assert len(deployed.eightx8.messages) == 2


def test_a_message_that_8x8_refuses_fails_the_test(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def let_it_be_told(_: float) -> None:
        for message in deployed.messages.open_messages(until="9"):
            deployed.messages.record_reported(message.id, timestamp(4_000_000_000))

    monkeypatch.setattr("bridge.send_test.sleep", let_it_be_told)

    timeline = deployed.json_of("send-test", "--to", "+6591230004", status=1)

    assert timeline["outcome"]["reason"] == "eightx8_invalid_destination"


def test_a_request_that_the_bridge_refuses_is_told_with_its_code(deployed: Deployed) -> None:
    result = deployed.run("send-test", "--to", NUMBER, "--sub-account", "Nobody")

    assert result.exit_code == 1
    assert "HTTP 403, sub_account_not_allowed" in result.stderr


def test_only_what_is_new_is_shown_and_the_end_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bridge.send_test.sleep", lambda _: None)
    accepted = a_message()
    looks: Iterator[Message | None] = iter(
        [
            None,
            accepted,
            replace(accepted, answered_at="2026-11-24T09:30:01.000Z"),
            replace(accepted, outcome_given_up="moengage_404"),
        ]
    )
    shown: list[str] = []

    last = follow(lambda: next(looks), 60, shown.append)

    assert shown == [
        "2026-11-24 (UTC)",
        "  09:30:00 accepted from MoEngage",
        "  09:30:00 handed to 8x8",
        "  09:30:00 no receipt has come yet",
        "  09:30:01 8x8 took it",
    ]
    assert last is not None
    assert last.outcome_given_up


# --------------------------------------------------------------------------------------- stats
def test_the_figures_of_all_that_is_not_over(deployed: Deployed) -> None:
    reported(deployed, deployed.keep(id=IDS[0]))
    deployed.keep(id=IDS[1], state=State.WAITING, accepted_at="2026-11-24T08:00:00.000Z")
    deployed.keep(id=IDS[2], state=State.WAITING, accepted_at="2026-11-24T07:00:00.000Z")
    unknown = deployed.keep(id=IDS[3])
    deployed.messages.record_result(
        unknown.id, unknown.attempt, AMBIGUOUS, State.UNKNOWN, unknown.accepted_at
    )
    failed = deployed.keep(id=IDS[4], state=State.FAILED)
    deployed.messages.record_outcome(
        failed.id, Outcome(OutcomeStatus.FAILED, "x"), failed.accepted_at
    )
    given_up = deployed.keep(id=IDS[5], state=State.DELIVERED)
    deployed.messages.record_given_up(given_up.id, "moengage_503", given_up.accepted_at)
    deployed.put_into("OutcomeDeadLetterQueue", "x", reason="moengage_503")
    deployed.put_into("PromotionalQueue", "x")

    figures = deployed.json_of("stats")

    assert figures["openMessages"] == {
        "waiting": {"count": 2, "oldestAcceptedAt": "2026-11-24T07:00:00.000Z"},
        "unknown": {"count": 1, "oldestAcceptedAt": unknown.accepted_at},
        "failed": {"count": 1, "oldestAcceptedAt": failed.accepted_at},
    }
    assert (figures["untoldOutcomes"], figures["toldInVain"]) == (1, 0)
    assert figures["givenUp"] == {"moengage_503": 1}
    assert figures["queues"]["PromotionalQueue"] == {"ready": 1, "heldBack": 0, "inWork": 0}
    assert figures["deadLetters"] == {"OutcomeDeadLetterQueue": {"moengage_503": 1}}

    shown = deployed.run("stats").output
    assert "moengage_503: 1" in shown
    assert "waiting" in shown


def test_a_bridge_at_rest_has_no_figures(deployed: Deployed) -> None:
    assert "No message is open." in deployed.run("stats").output


# -------------------------------------------------------------------------------------- replay
@pytest.fixture
def given_up(deployed: Deployed) -> list[Message]:
    """Outcomes that were given up: two because of 503, one for want of a URL."""
    messages = []
    for message_id, reason in zip(
        IDS[:3], ("moengage_503", "moengage_503", "no_tracking_url"), strict=True
    ):
        message = deployed.keep(id=message_id, state=State.DELIVERED)
        deployed.messages.record_outcome(
            message_id, Outcome(OutcomeStatus.DELIVERED), message.accepted_at
        )
        deployed.messages.record_given_up(message_id, reason, message.accepted_at)
        deployed.put_into(
            "OutcomeDeadLetterQueue", f'{{"messageId": "{message_id}"}}', reason=reason
        )
        messages.append(message)
    return messages


@pytest.mark.usefixtures("given_up")
def test_a_replay_without_a_yes_changes_nothing(deployed: Deployed) -> None:
    result = deployed.run("replay", "--reason", "moengage_503")

    assert result.exit_code == 0
    assert "2 outcomes would be told again. Nothing was changed" in result.output
    assert IDS[0] in result.output
    assert deployed.queue("OutcomeQueue") == []
    assert len(deployed.queue("OutcomeDeadLetterQueue")) == 3


@pytest.mark.usefixtures("given_up")
def test_replayed_outcomes_are_queued_and_leave_the_dead_letter_queue(deployed: Deployed) -> None:
    found = deployed.json_of("replay", "--reason", "moengage_503", "--yes")

    assert found["replayed"] is True
    assert [one["messageId"] for one in found["outcomes"]] == IDS[:2]
    queued = sorted(one["Body"] for one in deployed.queue("OutcomeQueue"))
    assert queued == [outcome_body(one) for one in IDS[:2]]
    replayed = deployed.messages.get(IDS[0])
    assert replayed is not None
    assert replayed.outcome_is_open
    assert deployed.json_of("replay", "--all")["outcomes"][0]["messageId"] == IDS[2]


@pytest.mark.usefixtures("given_up")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((IDS[1],), 1),
        (("--all",), 3),
        (("--all", "--limit", "2"), 2),
        (("--since", "2026-11-25"), 0),
        (("--since", "2026-11-24", "--until", "2026-11-25"), 3),
        (("--reason", "moengage_404"), 0),
    ],
)
def test_what_a_replay_takes_in(words: tuple[str, ...], found: int, deployed: Deployed) -> None:
    assert len(deployed.json_of("replay", *words)["outcomes"]) == found


def test_a_replay_of_nothing_named_is_a_wrong_use(deployed: Deployed) -> None:
    assert deployed.run("replay", "--yes").exit_code == 2
