"""What `sms-bridge doctor` looks at, one module a part of the bridge; what a check finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from bridge.stack import Stack


class Level(StrEnum):
    """How bad it is: messages do not get through, somebody should look by day, or all is well."""

    PROBLEM = "problem"
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report: what was found and what it means."""

    level: Level
    id: str
    """Stable name of what is wrong, for programs and for searching the runbook."""
    what: str
    remedy: str = ""
    """The command or the step that fixes it; empty where nothing has to be done."""
    follows_from: tuple[str, ...] = ()
    """Findings that are the cause of this one, which then says nothing new."""


Check = Callable[[Stack], Iterable[Finding]]

ok, warning, problem = (partial(Finding, one) for one in (Level.OK, Level.WARNING, Level.PROBLEM))
