"""How commands are called, and what they print.

Values come from callers, from 8x8 and from phones. None reaches the terminal as it is: a line is
one line, without escape sequences, whatever is in it.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import wraps
from inspect import Signature, signature
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from sms_bridge.domain.clock import seconds_of

json_is_wanted = ContextVar("json_is_wanted", default=False)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function as a command of Typer's: it is given the stack, and takes ``--json``."""

    def run(
        context: typer.Context,
        *,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
        **options: Any,
    ) -> None:
        before = json_is_wanted.set(as_json)
        try:
            function(context.obj, **options)
        finally:
            json_is_wanted.reset(before)

    _, *options = signature(function).parameters.values()
    own = signature(run).parameters
    vars(run)["__signature__"] = Signature([own["context"], *options, own["as_json"]])
    return wraps(function)(run)


def safe(value: object) -> str:
    """Return a text without characters that a terminal would act on.

    Control characters (ESC, C1, line breaks), bidirectional and invisible ones appear as escapes.
    """
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value)
    )


def say(*lines: object, error: bool = False, mark: str = "", colour: str = "") -> None:
    """Print lines for people: each value is one line, after a mark that a terminal colours."""
    if mark and not os.environ.get("NO_COLOR"):
        mark = typer.style(mark, fg=colour)
    if not json_is_wanted.get():
        for line in lines:
            typer.echo(mark + safe(line), err=error)


def say_result(facts: object, *lines: object) -> None:
    """Print what was done: facts for a program, in ASCII, or lines for people."""
    if json_is_wanted.get():
        typer.echo(json.dumps(facts).replace("\x7f", "\\u007f"))
    say(*lines)


def columns(rows: Iterable[Sequence[object]], headings: Sequence[str] = ()) -> list[str]:
    """Return rows as aligned lines; nothing is cut off or wrapped."""
    lines = [[safe(value) for value in row] for row in [*([headings] if headings else []), *rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless the answer was given with ``--yes``; a no ends the command."""
    if not yes:
        typer.confirm(safe(question), abort=True, err=True)


def waiting(what: str) -> AbstractContextManager[object]:
    return Console(stderr=True).status(what)


def progress[Value](values: Sequence[Value], what: str) -> Iterator[Value]:
    """Go through values and show on a terminal how far it is."""
    console = Console(stderr=True)
    yield from track(values, what, console=console, disable=not console.is_terminal)


def shown_time(moment: float, zone: tzinfo | None) -> str:
    """Return a time as people read it, in a time zone; ``None`` is this machine's."""
    at = datetime.fromtimestamp(moment, UTC).astimezone(zone)
    return at.strftime("%Y-%m-%d %H:%M:%S %Z")


_UNITS = {"m": 60, "h": 3600, "d": 86_400}


def read_since(text: str) -> float:
    """Read ``90m``, ``24h``, ``7d`` or a date with or without a time (UTC); nothing is 0."""
    number, unit = text[:-1], text[-1:]
    if number.isascii() and number.isdecimal() and len(number) < 6 and unit in _UNITS:
        return time.time() - int(number) * _UNITS[unit]
    try:
        return seconds_of(text) if text else 0.0
    except ValueError:
        raise typer.BadParameter("a time is written 90m, 24h, 7d or 2026-11-24T09:30") from None
