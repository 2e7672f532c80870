"""What a check found, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from bridge.stack import Stack


class Level(StrEnum):
    """How bad it is."""

    PROBLEM = "problem"
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes
    ----------
    id
        Stable name of what is wrong, for programs and for searching the runbook.
    what
        What was found and what it means.
    remedy
        The command or the step that fixes it; empty where nothing has to be done.
    follows_from
        Findings that are the cause of this one, which then says nothing new.
    """

    level: Level
    id: str
    what: str
    remedy: str = ""
    follows_from: tuple[str, ...] = ()


Check = Callable[[Stack], Iterable[Finding]]


def ok(id: str, what: str) -> Finding:
    """Return that something is well."""
    return Finding(Level.OK, id, what)


def warning(id: str, what: str, remedy: str, *causes: str) -> Finding:
    """Return what somebody should look at by day."""
    return Finding(Level.WARNING, id, what, remedy, causes)


def problem(id: str, what: str, remedy: str, *causes: str) -> Finding:
    """Return what keeps messages or outcomes from getting through."""
    return Finding(Level.PROBLEM, id, what, remedy, causes)
