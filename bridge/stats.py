"""`sms-bridge stats`: how things stand."""

import time

import typer

from bridge.activity import DAY, HOUR, Activity, activity_of
from bridge.options import AsJson
from bridge.queues import DEAD_LETTER_QUEUES, WORK_QUEUES, depth_of, reasons_in
from bridge.stack import Stack
from bridge.survey import LOOKED_AT_MOST, Survey, take_survey
from bridge.terminal import columns, minutes, say, say_json, waiting
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.state import State


def stats(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the last hour and day, open messages and queues."""
    stack: Stack = context.obj
    now = time.time()
    with waiting("Reading log lines and open messages"):
        spans = {
            "last hour": activity_of(stack, now - HOUR, now),
            "last day": activity_of(stack, now - DAY, now),
        }
        survey = take_survey(stack.messages, now)
    depths = {name: depth_of(stack, name) for name in (*WORK_QUEUES, *DEAD_LETTER_QUEUES)}
    reasons = {name: reasons_in(stack, name) for name in DEAD_LETTER_QUEUES if depths[name].total}
    if as_json:
        hour, day = map(_figures, spans.values())
        say_json(
            {
                "lastHour": hour,
                "lastDay": day,
                "openMessages": {
                    state: {
                        "count": count,
                        "oldestAcceptedAt": timestamp(survey.oldest_by_state[state]),
                    }
                    for state, count in survey.by_state.items()
                },
                "isComplete": survey.is_complete,
                "waiting": survey.by_state[State.WAITING],
                "unreportedOutcomes": survey.unreported,
                "unacknowledgedOutcomes": survey.unacknowledged,
                "givenUp": survey.given_up,
                "queues": {
                    name: {"ready": one.ready, "heldBack": one.held_back, "inWork": one.in_work}
                    for name, one in depths.items()
                },
                "deadLetters": reasons,
            }
        )
        return
    rows = [[name, *_figures(one).values()] for name, one in spans.items()]
    headings = ("", "Accepted", "Delivered", "Failed", "Delivered %", "SMS", "Segments", "Price")
    say(*columns(rows, headings), "")
    say(*_open_messages(survey, now))
    if not survey.is_complete:
        say(f"(There are more; these are the {LOOKED_AT_MOST} that were looked at.)")
    say(f"Outcomes that MoEngage has not acknowledged yet: {survey.unreported}")
    say(f"  with at least one failed report: {survey.unacknowledged}")
    say(f"Outcomes that were given up: {survey.given_up.total()}")
    say(*(f"  {reason}: {count}" for reason, count in survey.given_up.most_common()))
    queues = [(name, one.ready, one.held_back, one.in_work) for name, one in depths.items()]
    say("", *columns(queues, ("Queue", "Ready", "Held back", "In work")))
    for name, found in reasons.items():
        say(*(f"  {name}, {reason}: {count}" for reason, count in found.most_common()))


def _figures(activity: Activity) -> dict[str, object]:
    figures = activity.figures
    over = figures["Delivered"] + figures["Failed"]
    return {
        "accepted": figures["Accepted"],
        "delivered": figures["Delivered"],
        "failed": figures["Failed"],
        "deliveredPercent": round(100 * figures["Delivered"] / over, 1) if over else "",
        "sms": figures["Sent"],
        "segments": figures["Segments"],
        "price": ", ".join(f"{cost:.2f} {name}" for name, cost in activity.cost.items()),
    }


def _open_messages(survey: Survey, now: float) -> list[str]:
    if not survey.by_state:
        return ["No message is open."]
    rows = [
        (state, count, minutes(now - survey.oldest_by_state[state]))
        for state, count in survey.by_state.most_common()
    ]
    return columns(rows, ("State", "Open messages", "Oldest"))
