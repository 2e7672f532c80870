"""`bridge replay`: tells outcomes again that MoEngage did not take."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from bridge.columns import columns
from bridge.options import AsJson
from bridge.stack import Stack
from sms_bridge.domain.message import Message
from sms_bridge.services.replay import ReplayScope, find_replays
from sms_bridge.services.replay import replay as replay_one
from sms_bridge.storage.queues import outcome_body

_SHOWN = 20


def replay(
    context: typer.Context,
    message_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[MESSAGE_ID]...", help="Only these messages.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only messages accepted since then (UTC).")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only messages accepted until then (UTC).")
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Only outcomes given up for this reason, such as moengage_503.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it. Without this nothing changes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell outcomes again that MoEngage did not take.

    They keep their ids, and get all their tries again. What MoEngage has heard since is left out.
    Without --yes it only shows what it would do.
    """
    stack: Stack = context.obj
    if not (message_ids or since or until or reason or everything):
        raise typer.BadParameter("say which: MESSAGE_ID, --since, --until, --reason or --all")
    scope = ReplayScope(
        since=_text_of(since) or "0",
        until=_text_of(until) or "9",
        reason=reason,
        message_ids=frozenset(message_ids or ()),
    )
    found = list(islice(find_replays(stack.messages, scope), limit))
    console = Console(stderr=True)
    if yes:
        for message in track(found, "Replaying", console=console, disable=not console.is_terminal):
            replay_one(message, stack.messages, stack.outcomes)
        stack.outcome_dead_letters.take_out({outcome_body(one.id) for one in found})
    if as_json:
        typer.echo(json.dumps({"replayed": yes, "outcomes": [_line(one) for one in found]}))
        return
    if found:
        typer.echo(_table(found))
    if len(found) == limit:
        typer.echo(f"There may be more: --limit is {limit}.")
    if yes:
        typer.echo(f"{len(found)} outcomes are queued and will be told again.")
    else:
        typer.echo(f"{len(found)} outcomes would be told again. Nothing was changed; add --yes.")


def _text_of(moment: datetime | None) -> str:
    return moment.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z") if moment else ""


def _line(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "acceptedAt": message.accepted_at,
        "status": message.outcome.status if message.outcome else "",
        "givenUp": message.outcome_given_up,
        "givenUpAt": message.outcome_given_up_at,
    }


def _table(found: list[Message]) -> str:
    rows = [list(_line(message).values()) for message in found[:_SHOWN]]
    table = columns(rows, ("Message", "Accepted", "Outcome", "Given up because", "Given up at"))
    more = len(found) - _SHOWN
    return f"{table}\n... and {more} more" if more > 0 else table
