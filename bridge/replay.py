"""`sms-bridge replay`: reports outcomes again that were given up."""

import time
from itertools import islice
from typing import Annotated, Any

import typer

from bridge.options import AsJson, DoIt, Since
from bridge.stack import Stack
from bridge.terminal import columns, progress, read_since, say_result
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message
from sms_bridge.errors import UnreadableItemError
from sms_bridge.services.replay import ReplayScope, find_replays
from sms_bridge.services.replay import replay as replay_one

_SHOWN = 20
_HEADINGS = ("Message", "Accepted", "Outcome", "Given up because", "Given up at")


def replay(
    context: typer.Context,
    message_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[MESSAGE_ID]...", help="Only these messages.")
    ] = None,
    since: Since = "",
    until: Annotated[
        str, typer.Option(metavar="TIME", help="Only messages accepted until then.")
    ] = "",
    reason: Annotated[
        str, typer.Option(help="Only outcomes given up for this reason, such as moengage_503.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    yes: DoIt = False,
    as_json: AsJson = False,
) -> None:
    """Report outcomes again that were given up.

    They keep their ids, and get all their tries again. What MoEngage has acknowledged since is
    left out. Without --yes it only shows what it would do.
    """
    stack: Stack = context.obj
    if not (message_ids or since or until or reason or everything):
        raise typer.BadParameter("say which: MESSAGE_ID, --since, --until, --reason or --all")
    now = time.time()
    scope = ReplayScope(
        since=read_since(since, now) if since else 0.0,
        until=read_since(until, now) if until else float("inf"),
        reason=reason,
        message_ids=frozenset(message_ids or ()),
    )
    found = list(islice(find_replays(stack.messages, scope), limit))
    if yes:
        for message in progress(found, "Replaying"):
            replay_one(message, stack.messages, stack.outcomes)
        replayed = {message.id for message in found}

        def is_done(message_id: str) -> bool:
            if not message_id or message_id in replayed:
                return bool(message_id)
            try:
                message = stack.messages.get(message_id)
            except UnreadableItemError:
                # It stays; `doctor` names such items.
                return False
            # Of a message that is gone, or was forgotten, nothing can be reported any more.
            return message is None or bool(message.outcome_reported_at)

        stack.outcome_dead_letters.take_out(is_done)
    outcomes = [_line(one) for one in found]
    rows = [list(one.values()) for one in outcomes[:_SHOWN]]
    lines = columns(rows, _HEADINGS) if rows else []
    if len(found) > _SHOWN:
        lines.append(f"... and {len(found) - _SHOWN} more")
    if len(found) == limit:
        lines.append(f"There may be more: --limit is {limit}.")
    if yes:
        lines.append(f"{len(found)} outcomes are queued and will be reported again.")
    else:
        lines.append(
            f"{len(found)} outcomes would be reported again. Nothing was changed; add --yes."
        )
    say_result({"replayed": yes, "outcomes": outcomes}, *lines, as_json=as_json)


def _line(message: Message) -> dict[str, Any]:
    return {
        "umid": message.id,
        "acceptedAt": timestamp(message.accepted_at),
        "status": message.outcome.status if message.outcome else "",
        "givenUp": message.outcome_given_up,
        "givenUpAt": timestamp(message.outcome_given_up_at),
    }
