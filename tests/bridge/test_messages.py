"""`sms-bridge message`, `send-test`, `stats` and `failures`: what became of messages."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.calls import call
from bridge.message import follow, missing_step
from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, State
from tests.bridge.deployed import IDS, MOENGAGE_TOKEN, OTHER_NUMBER, PROMOTIONAL, Deployed
from tests.builders import ACCEPTED, AMBIGUOUS, AT, EVER, NUMBER, TEXT, a_message, a_receipt


def reported(deployed: Deployed, **facts: Any) -> Message:
    """Keep a message that MoEngage acknowledged as delivered."""
    message, outcome = deployed.keep(**facts), Outcome(OutcomeStatus.DELIVERED)
    answered, acknowledged = (seconds_of(f"2026-11-24T09:30:0{one}.000Z") for one in (1, 5))
    deployed.messages.record_result(message.id, 0, ACCEPTED, State.QUEUED, answered)
    deployed.messages.record_receipt(message.id, a_receipt("delivered"), outcome)
    deployed.messages.record_reported(message.id, outcome, acknowledged)
    return message


# ------------------------------------------------------------------------------------- message
def test_the_timeline_of_a_message(deployed: Deployed) -> None:
    message = reported(deployed)

    lines = deployed.shown("message", message.id).splitlines()

    assert lines[0].startswith(f"{message.id}: delivered; to 65*****567")
    assert lines[1:] == [
        "2026-11-24 (UTC)",
        "  09:30:00 accepted from MoEngage",
        "  09:30:01 8x8 accepted it",
        "  09:30:04 delivered to the phone",
        "  09:30:05 reported to MoEngage: DELIVERED",
    ]


def test_a_number_is_masked_unless_it_is_asked_for(deployed: Deployed) -> None:
    message = deployed.keep()
    digits = NUMBER.removeprefix("+")

    for words in ((message.id,), (message.id, "--json"), (NUMBER,), ("--to", digits)):
        assert digits not in deployed.shown("message", *words)
    assert NUMBER in deployed.shown("message", message.id, "--full-numbers")
    [found] = deployed.json_of("message", message.id, "--full-numbers")["messages"]
    assert found["destination"] == NUMBER


@pytest.mark.parametrize("written", [NUMBER, "6591234567", "+65 9123-4567", "(65) 9123 4567"])
def test_the_messages_to_a_number_the_newest_first(written: str, deployed: Deployed) -> None:
    for number, message_id in enumerate(IDS[:3]):
        deployed.keep(id=message_id, accepted_at=AT + 60 * number)
    deployed.keep(id=IDS[3], destination=OTHER_NUMBER)

    found = deployed.json_of("message", "--to", written)

    assert [one["umid"] for one in found["messages"]] == IDS[2::-1]
    assert found["thereAreMore"] is False
    assert deployed.json_of("message", "--to", written, "--limit", "2")["thereAreMore"] is True
    assert "There are more" in deployed.shown("message", "--to", written, "--limit", "2")


def test_a_campaigns_messages_in_a_state(deployed: Deployed) -> None:
    deployed.keep(id=IDS[0], campaign_id="spring", state=State.UNKNOWN)
    deployed.keep(id=IDS[1], campaign_id="spring", state=State.DELIVERED)
    deployed.keep(id=IDS[2], campaign_id="autumn", state=State.UNKNOWN)

    found = deployed.json_of("message", "--campaign", "spring", "--state", "unknown")

    assert [one["umid"] for one in found["messages"]] == [IDS[0]]
    shown = deployed.shown("message", "--campaign", "spring")
    assert IDS[0] in shown
    assert IDS[1] in shown
    assert NUMBER.removeprefix("+") not in shown


def test_a_message_by_8x8s_id(deployed: Deployed) -> None:
    url = deployed.stack.send_url(PROMOTIONAL)
    call("POST", url, token=MOENGAGE_TOKEN, body={"recipient": NUMBER, "message": TEXT})

    [found] = deployed.json_of("message", deployed.eightx8.messages[0].umid)["messages"]

    assert found["destination"] == "65*****567"


def test_8x8_that_does_not_tell_is_no_message_that_is_not_there(deployed: Deployed) -> None:
    deployed.put_secret(eightx8ApiKey="an-old-key")

    shown = deployed.shown("message", IDS[0], status=3)

    assert "whether it is 8x8's is not known: 8x8 refuses the bridge's API key" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((IDS[0],), f"no message with the id {IDS[0]} in stack sms-bridge, region us-east-1"),
        ((OTHER_NUMBER,), "no message to 65*****432 in stack sms-bridge, region us-east-1"),
        (("91234567",), "numbers need a country code"),
        (("--campaign", "winter"), "no message of campaign winter in stack sms-bridge, region"),
    ],
)
def test_nothing_found_is_a_failure_that_says_where(
    words: tuple[str, ...], said: str, deployed: Deployed
) -> None:
    shown = deployed.shown("message", *words, status=1)

    assert said in shown
    assert OTHER_NUMBER not in shown


@pytest.mark.parametrize("words", [(), (IDS[0], "--to", NUMBER), ("--to", "call me")])
def test_a_wrong_question_is_a_wrong_use(words: tuple[str, ...], deployed: Deployed) -> None:
    deployed.shown("message", *words, status=2)


def test_the_first_line_sums_up_and_blank_lines_part_the_messages(deployed: Deployed) -> None:
    for message_id in IDS[:2]:
        reported(deployed, id=message_id)
    opted_out = deployed.keep_over("opted_out", id=IDS[2])

    lines = deployed.shown("message", NUMBER).splitlines()

    assert lines[0] == "3 messages to 65*****567: 2 delivered, 1 opted out"
    assert lines[1] == f"recipient_hash {opted_out.recipient_hash}"
    assert lines.count("") == 3


def test_the_number_may_come_from_standard_input_or_a_file(
    deployed: Deployed, tmp_path: Path
) -> None:
    deployed.keep()
    file = tmp_path / "number"
    file.write_text(f"{NUMBER}\n")

    for words, typed in (("-", f"{NUMBER}\n"), (f"@{file}", "")):
        assert deployed.shown("message", words, typed=typed).startswith("1 message to 65*****567")


def test_times_may_be_those_of_this_machine(deployed: Deployed) -> None:
    message = deployed.keep()
    with deployed.monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Singapore")
        time.tzset()
        shown = deployed.shown("message", message.id, "--local-time")
    time.tzset()

    assert "2026-11-24 (+08)" in shown
    assert "  17:30:00 accepted" in shown


def test_only_messages_since_then_are_shown(deployed: Deployed) -> None:
    deployed.keep(id=IDS[0], accepted_at=AT - 86_400, campaign_id="spring")
    deployed.keep(id=IDS[1], campaign_id="spring")

    for words in ((NUMBER,), ("--campaign", "spring")):
        found = str(deployed.json_of("message", *words, "--since", "2026-11-24"))
        assert [one in found for one in IDS[:2]] == [False, True]


def test_a_campaign_begins_with_totals_by_state_and_reason(deployed: Deployed) -> None:
    for message_id in IDS[:3]:
        deployed.keep_over("opted_out", id=message_id, campaign_id="spring")
    for message_id in IDS[3:5]:
        deployed.keep(id=message_id, campaign_id="spring", state=State.DELIVERED)

    lines = deployed.shown("message", "--campaign", "spring", "--limit", "1").splitlines()

    assert lines[0] == "5 messages of spring"
    assert [line.split() for line in lines[2:4]] == [
        ["failed", "opted_out", "3"],
        ["delivered", "2"],
    ]
    times = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", lines[-2])
    assert len(times) == 1, "accepted, and not reported yet"
    assert lines[-1] == "There are more: --limit is 1."


# ----------------------------------------------------------------------------------- send-test
@pytest.fixture
def reporting(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """A bridge that reports each outcome while a command waits for it, when all receipts are in."""

    def report(_: float) -> None:
        for message in deployed.messages.open_messages(until=EVER):
            is_refused = message.state is State.FAILED
            if message.outcome and (is_refused or len(message.receipts) == 3):
                deployed.messages.record_reported(message.id, message.outcome, 4_000_000_000.0)

    monkeypatch.setattr("bridge.message.sleep", report)
    return deployed


def test_a_test_message_goes_the_whole_way_and_its_timeline_is_shown(reporting: Deployed) -> None:
    shown = reporting.shown("send-test", "--to", NUMBER, "--sub-account", PROMOTIONAL)

    assert "8x8 queued it" in shown
    assert shown.rstrip().endswith("reported to MoEngage: DELIVERED")
    assert NUMBER not in shown
    assert reporting.eightx8.messages[0].sub_account_id == PROMOTIONAL


def test_two_test_messages_are_no_repeat(deployed: Deployed) -> None:
    for _ in range(2):
        # It is not over yet.
        shown = deployed.shown("send-test", "--to", NUMBER, "--wait", "0", status=1)
        assert "Not over after 0 seconds: " in shown
        assert "Later: sms-bridge message" in shown

    assert len(deployed.eightx8.messages) == 2


def test_a_message_that_8x8_refuses_fails_the_test(reporting: Deployed) -> None:
    timeline = reporting.json_of("send-test", "--to", "+6591230004", status=1)

    assert timeline["outcome"]["reason"] == "eightx8_invalid_destination"


def test_a_request_that_the_bridge_refuses_is_shown_with_its_code(deployed: Deployed) -> None:
    shown = deployed.shown("send-test", "--to", NUMBER, "--sub-account", "Nobody", status=1)

    assert "HTTP 403, sub_account_not_allowed" in shown


def test_only_what_is_new_is_shown_and_the_end_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bridge.message.sleep", lambda _: None)
    accepted = a_message()
    looks: Iterator[Message | None] = iter(
        [
            None,
            accepted,
            replace(accepted, answered_at=seconds_of("2026-11-24T09:30:01.000Z")),
            replace(accepted, outcome_given_up="moengage_404"),
        ]
    )

    last = follow(lambda: next(looks), 60)

    assert capsys.readouterr().out.splitlines() == [
        "2026-11-24 (UTC)",
        "  09:30:00 accepted from MoEngage",
        "  09:30:00 handed to 8x8",
        "  09:30:00 no receipt has come yet",
        "  09:30:01 8x8 accepted it",
    ]
    assert last is not None
    assert last.outcome_given_up


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        ({"state": State.WAITING}, "send queue"),
        ({"state": State.UNKNOWN}, "8x8 did not say"),
        ({"state": State.SENDING}, "8x8 has sent no receipt"),
        ({"state": State.SENT, "receipts": (a_receipt("sent"),)}, "operator has not reported"),
        ({"outcome": Outcome(OutcomeStatus.DELIVERED)}, "MoEngage has not acknowledged"),
    ],
)
def test_the_step_that_is_missing_is_named(facts: dict[str, Any], step: str) -> None:
    assert step in missing_step(a_message(**facts))


# --------------------------------------------------------------------------------------- stats
def test_the_figures_of_all_that_is_not_over(deployed: Deployed) -> None:
    reported(deployed, id=IDS[0])
    deployed.keep(id=IDS[1], state=State.WAITING, accepted_at=AT - 9000)
    deployed.keep(id=IDS[2], state=State.WAITING, accepted_at=AT - 5400)
    unknown = deployed.keep(id=IDS[3])
    deployed.messages.record_result(
        unknown.id, unknown.attempt, AMBIGUOUS, State.UNKNOWN, unknown.accepted_at
    )
    failed = deployed.keep_over("x", id=IDS[4])
    given_up = deployed.keep(id=IDS[5], state=State.DELIVERED)
    deployed.messages.record_given_up(given_up.id, "moengage_503", given_up.accepted_at)
    deployed.log("SendSms", *[{"Accepted": 1, "Sent": 1}] * 2)
    receipt = {"Receipts": 1, "Delivered": 1, "Segments": 2, "Cost": 0.25, "currency": "USD"}
    deployed.log("ReceiveCallback", *[receipt] * 3, {"Failed": 1, "outcome_reason": "x"})
    deployed.log("SendSms", {"Accepted": 1}, minutes_ago=120)
    deployed.put_into("OutcomeDeadLetterQueue", "x", reason="moengage_503")
    deployed.put_into("PromotionalQueue", "x")

    figures = deployed.json_of("stats")

    assert figures["openMessages"] == {
        "waiting": {"count": 2, "oldestAcceptedAt": "2026-11-24T07:00:00.000Z"},
        "unknown": {"count": 1, "oldestAcceptedAt": timestamp(unknown.accepted_at)},
        "failed": {"count": 1, "oldestAcceptedAt": timestamp(failed.accepted_at)},
    }
    assert (figures["unreportedOutcomes"], figures["unacknowledgedOutcomes"]) == (1, 0)
    assert figures["waiting"] == 2
    assert figures["lastHour"] == {
        "accepted": 2,
        "delivered": 3,
        "failed": 1,
        "deliveredPercent": 75.0,
        "sms": 2,
        "segments": 6,
        "price": "0.75 USD",
    }
    assert figures["lastDay"]["accepted"] == 3
    assert figures["givenUp"] == {"moengage_503": 1}
    assert figures["queues"]["PromotionalQueue"] == {"ready": 1, "heldBack": 0, "inWork": 0}
    assert figures["deadLetters"] == {"OutcomeDeadLetterQueue": {"moengage_503": 1}}

    shown = deployed.shown("stats")
    assert "moengage_503: 1" in shown
    assert "waiting" in shown


def test_a_bridge_at_rest_has_no_figures(deployed: Deployed) -> None:
    assert "No message is open." in deployed.shown("stats")


# ------------------------------------------------------------------------------------ failures
@pytest.fixture
def failed(deployed: Deployed) -> Deployed:
    """Three messages that failed, one of them long ago, and a request that was refused."""
    line = {"message": "message not sent", "Failed": 1, "campaign_id": "spring"}
    for message_id in IDS[:2]:
        of_now = {**line, "outcome_reason": "eightx8_rejected", "message_id": message_id}
        deployed.log("SendSms", of_now)
    long_ago = {**line, "outcome_reason": "expired", "message_id": IDS[2]}
    deployed.log("DispatchQueue", long_ago, minutes_ago=150)
    deployed.log("SendSms", {"reason": "field_missing", "RequestsRefused": 1})
    deployed.log("SendSms", {"message_id": IDS[3], "Accepted": 1})
    deployed.keep(id=IDS[0])
    return deployed


def test_failures_are_counted_by_reason_with_an_example(failed: Deployed) -> None:
    assert failed.json_of("failures") == {
        "failed": {"eightx8_rejected": {"count": 2, "example": IDS[1]}},
        "refusedRequests": [{"function": "SendSms", "reason": "field_missing", "count": 1}],
    }
    earlier = failed.json_of("failures", "--since", "3h")["failed"]
    assert set(earlier) == {"eightx8_rejected", "expired"}
    assert IDS[1] in failed.shown("failures")


def test_whom_to_text_again_is_listed_with_numbers_only_when_asked_for(failed: Deployed) -> None:
    listed = failed.json_of("failures", "--list", "--reason", "eightx8_rejected")

    assert [one["umid"] for one in listed["messages"]] == IDS[:2]
    assert listed["messages"][0]["campaignId"] == "spring"
    assert NUMBER not in str(listed)
    shown = failed.shown("failures", "--list", "--full-numbers")
    assert NUMBER in shown
    assert IDS[3] not in shown


@pytest.mark.parametrize("since", ["yesterday", "5", "-1h", "99999999h"])
def test_a_time_that_is_none_is_said(since: str, deployed: Deployed) -> None:
    for command in ("failures", "replay"):
        shown = deployed.shown(command, f"--since={since}", status=2)

        assert "a time is written 90m, 24h, 7d or" in shown
