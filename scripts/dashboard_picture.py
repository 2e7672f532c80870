"""`make dashboard`: draws docs/dashboard.png, the dashboard's first two rows, with made-up figures.

Titles, places, labels and colors are the template's own. The figures are those of a campaign of
4,000 messages, during which 8x8 is out of service for some minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.template.test_observability import dashboard, series_of_widget

PROJECT = Path(__file__).resolve().parents[1]
PICTURE = PROJECT / "docs/dashboard.png"
TOP, ROWS = 1, 13
"""Where the first two rows begin below the title, and their height, in CloudWatch's units."""

RINGS = "8x8-unavailable"
GREEN, RED, GREY, FRAME = "#2ca02c", "#d62728", "#687078", "#d5dbdb"
COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b")
MINUTES = range(60)
OUTAGE = range(24, 32)


def during(
    start: int, end: int, rate: float, outage: float | None = None
) -> Callable[[int], float]:
    """Return what happens a minute, between two minutes and while 8x8 is out of service."""

    def at(minute: int) -> float:
        if outage is not None and minute in OUTAGE:
            return outage
        return rate * (0.95 + 0.05 * ((minute * 7) % 5) / 2) if start <= minute < end else 0.0

    return at


def waiting(minute: int) -> float:
    """Return how many messages wait: more while 8x8 is away, fewer when it is back."""
    if minute in OUTAGE:
        return 100.0 * (minute - OUTAGE.start + 1)
    return max(0.0, 800.0 - 200.0 * (minute - OUTAGE.stop + 1)) if minute > OUTAGE.start else 0.0


SENT = during(8, 48, 98, 0)
FIGURES: Mapping[str, Callable[[int], float]] = {
    "Accepted": during(8, 48, 100),
    "Sent": lambda minute: SENT(minute) + (85 if OUTAGE.stop <= minute < OUTAGE.stop + 8 else 0),
    "Delivered": lambda minute: 0.95 * FIGURES["Sent"](minute - 1),
    "Failed": lambda minute: 0.03 * FIGURES["Sent"](minute - 1),
    "OutcomesForwarded": lambda minute: 0.98 * FIGURES["Sent"](minute - 1),
    "promotional": waiting,
    "transactional": lambda minute: waiting(minute) / 8,
    "outcomes": during(9, 50, 4),
    "all": during(8, 49, 290, 105),
    "refused (4xx)": during(8, 48, 2),
}
"""By the metric's name or the series' label; what is not here is 0."""


def draw(path: Path) -> None:
    """Draw the picture."""
    figure = Figure(figsize=(16, 16 * ROWS / 24), dpi=100, facecolor="#f2f3f3")
    for widget in dashboard("basic"):
        if widget["y"] >= TOP + ROWS or widget["type"] == "text":
            continue
        height = widget["height"]
        axes = figure.add_axes(
            (
                (widget["x"] + 0.9) / 24,
                1 - (widget["y"] - TOP + height - 0.7) / ROWS,
                (widget["width"] - 1.2) / 24,
                (height - 1.6) / ROWS,
            )
        )
        axes.set_title(widget["properties"]["title"], loc="left", fontsize=12, weight="bold")
        axes.set_facecolor("white")
        for spine in axes.spines.values():
            spine.set_color(FRAME)
        if widget["type"] == "alarm":
            _draw_alarms(axes, widget)
        elif widget["properties"]["view"] == "singleValue":
            _draw_values(axes, widget)
        else:
            _draw_lines(axes, widget)
    figure.savefig(path, metadata={"Software": ""})


def _draw_alarms(axes: Axes, widget: Mapping[str, Any]) -> None:
    names = [arn.rpartition(":alarm:sms-bridge-")[2] for arn in widget["properties"]["alarms"]]
    names.sort(key=lambda name: name != RINGS)
    _without_scales(axes)
    for number, name in enumerate(names):
        y = 1 - (number + 0.5) / len(names)
        color, state = (RED, "In alarm") if name == RINGS else (GREEN, "OK")
        axes.text(0.03, y, "●", color=color, fontsize=15, va="center")
        axes.text(0.10, y, name, fontsize=12, va="center")
        axes.text(0.97, y, state, color=color, fontsize=12, va="center", ha="right")


def _draw_values(axes: Axes, widget: Mapping[str, Any]) -> None:
    totals = {label: sum(map(values, MINUTES)) for label, _, values in _series(widget)}
    share = 100 * totals["delivered"] / (totals["delivered"] + totals["failed"])
    texts = [(label, f"{total:,.0f}") for label, total in totals.items()]
    texts.append(("delivered %", f"{share:.1f}"))
    _without_scales(axes)
    for number, (label, text) in enumerate(texts):
        x, y = (number % 2) / 2 + 0.05, 0.80 - (number // 2) / 3
        axes.text(x, y, text, fontsize=24, color="#16191f")
        axes.text(x, y - 0.09, label, fontsize=11, color=GREY)


def _draw_lines(axes: Axes, widget: Mapping[str, Any]) -> None:
    for label, color, values in _series(widget):
        axes.plot(list(MINUTES), [values(minute) for minute in MINUTES], label=label, color=color)
    axes.set_ylim(0, max(5, 1.7 * axes.get_ylim()[1]))
    axes.set_xticks([0, 15, 30, 45, 60], ["9:00", "9:15", "9:30", "9:45", "10:00"])
    axes.tick_params(labelsize=10, colors=GREY)
    axes.grid(color=FRAME, linewidth=0.5)
    axes.legend(fontsize=9, loc="upper left", frameon=False)


def _series(widget: Mapping[str, Any]) -> list[tuple[str, str, Callable[[int], float]]]:
    rows = [one for one in widget["properties"]["metrics"] if isinstance(one[0], str)]
    found = []
    for number, (row, (_, name, _)) in enumerate(zip(rows, series_of_widget(widget), strict=True)):
        options = row[-1]
        values = FIGURES.get(name) or FIGURES.get(options["label"]) or (lambda _: 0.0)
        found.append((options["label"], options.get("color", COLORS[number]), values))
    return found


def _without_scales(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


if __name__ == "__main__":
    mpl.use("Agg")
    mpl.rcParams["font.family"] = "DejaVu Sans"
    draw(PICTURE)
