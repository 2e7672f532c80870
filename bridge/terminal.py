"""What the tool prints.

Values come from callers, from 8x8 and from phones. None reaches the terminal as it is: a line is
one line, without escape sequences, whatever is in it.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, tzinfo

import typer
from rich.console import Console
from rich.progress import track

from sms_bridge.domain.clock import seconds_of


def safe(value: object) -> str:
    """Return a text without characters that a terminal would act on.

    Control characters (ESC, C1, line breaks), bidirectional and invisible ones appear as escapes.
    """
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value)
    )


def say(*lines: object, error: bool = False) -> None:
    """Print lines: each value is one line."""
    for line in lines:
        typer.echo(safe(line), err=error)


def say_marked(mark: str, colour: str, line: object) -> None:
    """Print a line after a mark, which is coloured on a terminal."""
    if not os.environ.get("NO_COLOR"):
        mark = typer.style(mark, fg=colour)
    typer.echo(mark + safe(line))


def say_json(value: object) -> None:
    """Print a value for a program, in ASCII."""
    typer.echo(json.dumps(value).replace("\x7f", "\\u007f"))


def say_result(facts: object, *lines: object, as_json: bool) -> None:
    """Print what was done: facts for a program, or lines for people."""
    if as_json:
        say_json(facts)
    else:
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


# -------------------------------------------------------------------------------------------- time
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
