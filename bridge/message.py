"""`bridge message`: what became of a message."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

import typer

from bridge.columns import columns
from bridge.errors import BridgeError, NotToldError
from bridge.options import AsJson, FullNumbers, read_number
from bridge.stack import Stack
from bridge.stories import heading_of, lines_of, number_of
from sms_bridge.api.look_up import look_up_answer
from sms_bridge.domain.message import Message
from sms_bridge.domain.state import State
from sms_bridge.providers.eightx8_log import DetailsFailedError
from sms_bridge.services.look_up import Page, Wanted

_HEADINGS = ("Message", "Recipient", "Accepted", "State", "Outcome", "MoEngage heard")


def message(
    context: typer.Context,
    message_id: Annotated[
        str | None, typer.Argument(metavar="[MESSAGE_ID]", help="The bridge's and MoEngage's id.")
    ] = None,
    umid: Annotated[str | None, typer.Option(help="8x8's id; 8x8 is asked for ours.")] = None,
    to: Annotated[
        str | None,
        typer.Option(callback=read_number, metavar="NUMBER", help="All messages to a number."),
    ] = None,
    campaign: Annotated[
        str | None, typer.Option(metavar="ID", help="The messages of a campaign, as a list.")
    ] = None,
    state: Annotated[
        State | None, typer.Option(help="With --to or --campaign: only those in this state.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="With --to or --campaign: at most so many.")
    ] = 20,
    full_numbers: FullNumbers = False,
    as_json: AsJson = False,
) -> None:
    """Tell the story of a message, or of the newest messages to a number or of a campaign.

    Exit status 1 when there is none, 3 when 8x8 does not say whether there is (--umid).
    """
    stack: Stack = context.obj
    if sum(map(bool, (message_id, umid, to, campaign))) != 1:
        raise typer.BadParameter("say which: MESSAGE_ID, --umid, --to or --campaign")
    if message_id:
        page = _page_of(stack.look_up.by_id(message_id))
    elif umid:
        page = _page_of(_by_umid(stack, umid))
    else:
        wanted = Wanted(destination=to or "", campaign_id=campaign or "", state=state, limit=limit)
        page = _collect(stack, wanted)
    if as_json:
        _print_json(page, full_numbers=full_numbers)
    elif campaign and page.messages:
        _print_list(page, full_numbers=full_numbers)
    else:
        for one in page.messages:
            typer.echo(heading_of(one, full_numbers=full_numbers))
            typer.echo("\n".join(lines_of(one)))
    if not page.messages:
        raise BridgeError("there is no such message")
    if page.next and not as_json:
        typer.echo(f"There are more: --limit is {limit}.")


def _by_umid(stack: Stack, umid: str) -> Message | None:
    try:
        return stack.look_up.by_umid(umid)
    except DetailsFailedError as failure:
        raise NotToldError(
            f"whether there is such a message is not known ({failure.code}): {failure}; "
            "see bridge doctor, or ask by another way"
        ) from None


def _page_of(found: Message | None) -> Page:
    return Page([found] if found else [], None)


def _collect(stack: Stack, wanted: Wanted) -> Page:
    """Return as many as are wanted, page after page: of a rare state a page may hold few."""
    hash_key = stack.secret().hash_key
    page = stack.look_up.page(wanted, hash_key=hash_key)
    while page.next and len(page.messages) < wanted.limit:
        rest = replace(wanted, before=page.next, limit=wanted.limit - len(page.messages))
        more = stack.look_up.page(rest, hash_key=hash_key)
        page = Page([*page.messages, *more.messages], more.next)
    return page


def _print_json(page: Page, *, full_numbers: bool) -> None:
    messages: list[dict[str, Any]] = [
        look_up_answer(one, full_number=full_numbers) for one in page.messages
    ]
    typer.echo(json.dumps({"messages": messages, "thereAreMore": page.next is not None}))


def _print_list(page: Page, *, full_numbers: bool) -> None:
    rows = []
    for one in page.messages:
        outcome = f"{one.outcome.status} {one.outcome.reason}".strip() if one.outcome else ""
        number = number_of(one, full_numbers=full_numbers)
        reported = one.outcome_reported_at or one.outcome_given_up
        rows.append((one.id, number, one.accepted_at, one.state, outcome, reported))
    typer.echo(columns(rows, _HEADINGS))
