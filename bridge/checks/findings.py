"""What a check found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes
    ----------
    part
        Of the bridge.
    what
        What was found and what it means.
    remedy
        The command or the step that mends it; empty where nothing has to be done.
    """

    level: Level
    part: str
    what: str
    remedy: str = ""
