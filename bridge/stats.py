"""`bridge stats`: how things stand."""

from __future__ import annotations

import json
import time

import typer
from rich.console import Console

from bridge.columns import columns
from bridge.options import AsJson
from bridge.queues import DEAD_LETTER_QUEUES, WORK_QUEUES, Depth, depth_of, reasons_in
from bridge.stack import Stack
from bridge.survey import LOOKED_AT_MOST, Survey, take_survey
from sms_bridge.domain.clock import seconds_of


def stats(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the messages that are not over, the outcomes that were given up, and the queues."""
    stack: Stack = context.obj
    now = time.time()
    with Console(stderr=True).status("Looking through the open messages"):
        survey = take_survey(stack.messages, now)
    depths = {name: depth_of(stack, name) for name in (*WORK_QUEUES, *DEAD_LETTER_QUEUES)}
    reasons = {name: reasons_in(stack, name) for name in DEAD_LETTER_QUEUES if depths[name].total}
    if as_json:
        facts = {
            "openMessages": {
                state: {"count": count, "oldestAcceptedAt": survey.oldest_by_state[state]}
                for state, count in survey.by_state.items()
            },
            "isComplete": survey.is_complete,
            "untoldOutcomes": survey.unreported,
            "toldInVain": survey.unacknowledged,
            "givenUp": survey.given_up,
            "queues": {name: _figures(depth) for name, depth in depths.items()},
            "deadLetters": reasons,
        }
        typer.echo(json.dumps(facts))
        return
    typer.echo(_open_messages(survey, now))
    if not survey.is_complete:
        typer.echo(f"(There are more; these are the {LOOKED_AT_MOST} that were looked at.)")
    typer.echo(f"Outcomes that MoEngage has not heard yet: {survey.unreported}")
    typer.echo(f"  told in vain at least once: {survey.unacknowledged}")
    typer.echo(f"Outcomes that were given up: {survey.given_up.total()}")
    for reason, count in survey.given_up.most_common():
        typer.echo(f"  {reason}: {count}")
    rows = [(name, one.ready, one.held_back, one.in_work) for name, one in depths.items()]
    typer.echo("\n" + columns(rows, ("Queue", "Ready", "Held back", "In work")))
    for name, found in reasons.items():
        for reason, count in found.most_common():
            typer.echo(f"  {name}, {reason}: {count}")


def _figures(depth: Depth) -> dict[str, int]:
    return {"ready": depth.ready, "heldBack": depth.held_back, "inWork": depth.in_work}


def _open_messages(survey: Survey, now: float) -> str:
    if not survey.by_state:
        return "No message is open."
    rows = [
        (state, count, _age(now - seconds_of(survey.oldest_by_state[state])))
        for state, count in survey.by_state.most_common()
    ]
    return columns(rows, ("State", "Open messages", "Oldest"))


def _age(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
