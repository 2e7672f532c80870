"""The figures, what they are to reach, and what they were."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

RECORDED = Path(__file__).with_name("recorded.json")

MARGIN = 0.15
"""By how much of itself a figure may be worse than the recorded one before the bench fails."""

AS_PEOPLE_WRITE_IT = "as people write it"
"""In the name of each figure of the baseline, which nothing here can make worse."""

MARGIN_OF_TIMES = 0.50
"""The same for figures that are times: on a machine that does other things they vary."""


@dataclass(frozen=True)
class Figure:
    """One measured ratio or count; less is better.

    Attributes
    ----------
    reach
        What it is to be at most; ``None`` where nothing is asked.
    unit
        ``x`` for ratios.
    how
        What else the run found of it.
    is_time
        Whether it is a time or made of times.
    """

    name: str
    value: float
    reach: float | None = None
    unit: str = "x"
    how: str = ""
    is_time: bool = False

    @property
    def is_reached(self) -> bool | None:
        """Tell whether it is good enough; ``None`` where nothing is asked."""
        return None if self.reach is None else self.value <= self.reach

    @property
    def verdict(self) -> str:
        """The same in words."""
        return {None: "", True: "reached", False: "NOT REACHED"}[self.is_reached]


def regressions(figures: Iterable[Figure], recorded: Mapping[str, float]) -> list[str]:
    """Return what got worse than recorded by more than its margin, in words."""
    worse = []
    for figure in figures:
        if AS_PEOPLE_WRITE_IT in figure.name:
            continue
        margin = MARGIN_OF_TIMES if figure.is_time else MARGIN
        before = recorded.get(figure.name)
        if before is not None and figure.value > before * (1 + margin):
            worse.append(
                f"{figure.name}: {figure.value:.4g}, recorded {before:.4g} (+{margin:.0%} allowed)"
            )
    return worse


def read_recorded(file: Path = RECORDED) -> dict[str, float]:
    """Read the recorded figures; none where nothing was recorded yet."""
    if not file.exists():
        return {}
    recorded: dict[str, float] = json.loads(file.read_text("utf-8"))
    return recorded


def record(figures: Iterable[Figure], file: Path = RECORDED) -> None:
    """Write the figures down, for later runs to be held against."""
    values = {figure.name: float(f"{figure.value:.4g}") for figure in figures}
    file.write_text(json.dumps(values, indent=2) + "\n", "utf-8")
