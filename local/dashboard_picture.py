"""`make dashboard`: draws docs/dashboard.png, the template's dashboard with data of a local run.

The widgets are drawn from their own definitions, at their own places. What only CloudWatch can
show, the metrics of AWS's services and tables of log lines, stays an empty frame that says so.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich.console import Console

from local.campaign import GSM_7, LONG, UNICODE, play
from local.dashboard import Point, Series, Widget, dashboard_body, points_of, series_of
from local.moengage import Fault
from local.progress import Step, steps_on
from local.stack import SUB_ACCOUNT_IDS, LocalStack
from sms_bridge.observability import NAMESPACE, SERVICE

PROJECT = Path(__file__).resolve().parents[1]
PICTURE = PROJECT / "docs/dashboard.png"

_COLUMNS = 24
_INCHES_A_UNIT = 0.72
_DOTS_AN_INCH = 100
_PERIODS = (1, 2, 5, 10, 30, 60, 300)
_MOST_POINTS = 40
_COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f")
_GREY, _INK, _FRAME, _PAGE = "#687078", "#16191f", "#d5dbdb", "#f2f3f3"

# The last four digits tell 8x8's simulator what to make of a number: delivered, mostly.
_ENDINGS = (
    *("1111", "1112", "1113", "1114", "0001", "0005", "0006", "0009"),
    *("1115", "1116", "0002", "0004", "1117", "0014", "1118", "0008"),
)
_WAVES = 12
_SECONDS_BETWEEN_WAVES = 1.0
_SECONDS_TO_SETTLE = 60


async def campaign_lines(step: Step) -> list[str]:
    """Run the local stack, play a campaign through it and return what the functions logged."""
    async with LocalStack(step) as stack:
        with step("Playing a campaign through MoEngage's simulator"):
            await play(stack)
            await _play_waves(stack)
        return await asyncio.to_thread(stack.logs)


async def _play_waves(stack: LocalStack) -> None:
    """Send more, to one who opted out as well, while MoEngage fails for a moment."""
    await stack.eightx8.receive_inbound(
        sub_account_id=SUB_ACCOUNT_IDS[1],
        source="+6582001112",
        destination="+6590000000",
        body="STOP",
    )
    await stack.eightx8.settled(_SECONDS_TO_SETTLE)
    stack.moengage.faults.extend([Fault(http_status=503)] * 3)
    campaign_id = f"autumn-{secrets.token_hex(4)}"
    messages = []
    for wave in range(_WAVES):
        for number, ending in enumerate(_ENDINGS[: 4 + wave]):
            messages.append(
                await stack.moengage.send(
                    (stack.senders.transactional, stack.senders.promotional)[number % 2],
                    destination=f"+658{200 + wave}{ending}",
                    text=(GSM_7, UNICODE, LONG)[number % 3],
                    campaign_id=campaign_id,
                )
            )
        await asyncio.sleep(_SECONDS_BETWEEN_WAVES)

    def all_told() -> bool:
        return all(message.reports for message in messages if message.unique_id)

    await stack.moengage.until(all_told, _SECONDS_TO_SETTLE)


# ----------------------------------------------------------------------------------------- drawing
def draw(lines: Sequence[str], path: Path) -> None:
    """Draw the dashboard with the metrics that log lines carry.

    Raises
    ------
    ValueError
        The lines carry none.
    """
    points = points_of(lines)
    if not points:
        raise ValueError("the log lines carry no metrics")
    begin, end = min(point.at for point in points), max(point.at for point in points)
    period = next((one for one in _PERIODS if (end - begin) / one <= _MOST_POINTS), _PERIODS[-1])
    begin -= begin % period
    [service] = {dict(point.dimensions)[SERVICE] for point in points}
    names = {"AWS::StackName": service, "RunbookUrl": "docs/runbook.md"}
    widgets = dashboard_body(load(str(PROJECT / "template.yaml")), names)["widgets"]
    with mpl.rc_context({"font.size": 8, "text.parse_math": False, "text.color": _INK}):
        figure = Figure(
            figsize=(_COLUMNS * _INCHES_A_UNIT, _height(widgets) * _INCHES_A_UNIT),
            dpi=_DOTS_AN_INCH,
            facecolor=_PAGE,
        )
        canvas = _Canvas(figure, _height(widgets), points, begin, end, period)
        for widget in widgets:
            canvas.draw(widget)
        figure.savefig(path)


def _height(widgets: Sequence[Widget]) -> int:
    return max(int(widget["y"] + widget["height"]) for widget in widgets)


class _Canvas:
    """Draws widgets on the dashboard's grid."""

    def __init__(
        self,
        figure: Figure,
        height: int,
        points: Sequence[Point],
        begin: float,
        end: float,
        period: float,
    ) -> None:
        self._figure = figure
        self._height = height
        self._points = points
        self._begin = begin
        self._end = end
        self._period = period

    def draw(self, widget: Widget) -> None:
        if widget["type"] == "text":
            self._text(widget)
            return
        axes = self._place(widget, 0.08, 0.08)
        axes.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1), facecolor="white")
        for spine in axes.spines.values():
            spine.set_color(_FRAME)
        self._title(axes, widget)
        match widget["type"]:
            case "alarm":
                self._alarms(axes, widget)
            case "log":
                self._query(axes, widget)
            case _:
                self._metrics(axes, widget)

    def _place(self, widget: Widget, side: float, top: float, bottom: float = 0.08) -> Axes:
        """Return axes at a widget's place, with margins in units of the grid."""
        return self._figure.add_axes(
            (
                (widget["x"] + side) / _COLUMNS,
                1 - (widget["y"] + widget["height"] - bottom) / self._height,
                (widget["width"] - 2 * side) / _COLUMNS,
                (widget["height"] - top - bottom) / self._height,
            )
        )

    @staticmethod
    def _title(axes: Axes, widget: Widget) -> None:
        axes.annotate(
            widget["properties"]["title"],
            (0, 1),
            (8, -16),
            xycoords="axes fraction",
            textcoords="offset points",
            weight="bold",
            size=9,
        )

    def _text(self, widget: Widget) -> None:
        axes = self._place(widget, 0.12, 0.0, 0.0)
        axes.axis("off")
        heading, _, rest = widget["properties"]["markdown"].partition("\n")
        axes.text(0, 0.55 if rest else 0.2, heading.lstrip("# "), weight="bold", size=13)
        axes.text(0, 0.15, rest, color=_GREY, size=9)

    @staticmethod
    def _alarms(axes: Axes, widget: Widget) -> None:
        columns = 2
        names = [arn.rpartition(":alarm:")[2] for arn in widget["properties"]["alarms"]]
        rows = -(-len(names) // columns)
        for at, name in enumerate(names):
            axes.text(
                0.03 + at // rows * 0.485,
                0.86 - at % rows * 0.84 / rows,
                name,
                va="center",
                size=7.5,
                bbox={"boxstyle": "round,pad=0.45", "facecolor": _PAGE, "edgecolor": _FRAME},
            )

    @staticmethod
    def _query(axes: Axes, widget: Widget) -> None:
        commands = [
            part.strip()
            for part in widget["properties"]["query"].split(" | ")
            if not part.startswith("SOURCE")
        ]
        width = 150 if widget["width"] == _COLUMNS else 72
        text = "\n| ".join(
            textwrap.fill(part, width, subsequent_indent="    ") for part in commands
        )
        axes.text(0.01, 0.84, text, va="top", family="monospace", size=7, color=_GREY)
        axes.text(
            0.01, 0.05, "CloudWatch shows the lines that Logs Insights finds.", color=_GREY, size=7
        )

    def _metrics(self, axes: Axes, widget: Widget) -> None:
        series = series_of(widget, self._points, period=self._period, begin=self._begin)
        ours = [one for one in series if one.line.namespace == NAMESPACE]
        if series and not ours:
            axes.text(
                0.5,
                0.45,
                "AWS's own metrics: only there in AWS\n\n"
                + textwrap.fill(", ".join(one.line.label for one in series), 44),
                ha="center",
                va="center",
                color=_GREY,
            )
        elif widget["properties"]["view"] == "singleValue":
            self._numbers(axes, ours)
        elif not any(one.values for one in ours):
            axes.text(0.5, 0.45, "nothing in this run", ha="center", va="center", color=_GREY)
        else:
            self._graph(widget, ours)

    @staticmethod
    def _numbers(axes: Axes, series: Sequence[Series]) -> None:
        for at, one in enumerate(series):
            x, y = 0.08 + at % 2 * 0.48, 0.62 - at // 2 * 0.42
            axes.text(x, y, f"{sum(one.values.values()):g}", size=34, color=one.line.color)
            axes.text(x, y - 0.09, one.line.label, size=10, color=_GREY)

    def _graph(self, widget: Widget, series: Sequence[Series]) -> None:
        axes = self._place(widget, 0.08, 0.8, 1.35)
        left, _, width, height = axes.get_position().bounds
        has_right = any(one.line.on_the_right for one in series)
        unit = 1 / _COLUMNS
        axes.set_position(
            (
                left + 0.7 * unit,
                axes.get_position().y0,
                width - (1.5 if has_right else 0.85) * unit,
                height,
            )
        )
        right = axes.twinx() if has_right else axes
        stacked = widget["properties"].get("stacked", False)
        ground: dict[float, float] = {}
        drawn: list[Any] = []
        colors = cycle(_COLORS)
        for one in series:
            color = one.line.color or next(colors)
            times = [at - self._begin for at in one.values]
            values = list(one.values.values())
            target = right if one.line.on_the_right else axes
            if stacked:
                below = [ground.get(at, 0.0) for at in times]
                drawn.append(
                    target.bar(times, values, self._period * 0.8, below, color=color, align="edge")
                )
                ground |= {
                    at: low + value for at, low, value in zip(times, below, values, strict=True)
                }
            else:
                drawn += target.plot(times, values, color=color, marker=".", lw=1.2, ms=4)
        self._scale(axes, widget, "left")
        if has_right:
            self._scale(right, widget, "right")
        axes.legend(
            drawn,
            [one.line.label for one in series],
            loc="upper left",
            bbox_to_anchor=(-0.08, -0.12),
            ncols=2 if len(series) > 2 else len(series),
            frameon=False,
            fontsize=6.5,
            handlelength=1.0,
            columnspacing=0.8,
            labelspacing=0.25,
        )

    def _scale(self, axes: Axes, widget: Widget, side: str) -> None:
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, max(self._end - self._begin, self._period) + self._period)
        axes.grid(axis="y", color="#eaeded", lw=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, labelsize=6.5, colors=_GREY)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(self._time_of_day))
        for spine in axes.spines.values():
            spine.set_visible(False)
        label = widget["properties"].get("yAxis", {}).get(side, {}).get("label", "")
        axes.set_ylabel(label, size=6.5, color=_GREY, labelpad=2)

    def _time_of_day(self, seconds: float, _position: object) -> str:
        return f"{datetime.fromtimestamp(self._begin + seconds, UTC):%H:%M:%S}"


def main() -> int:
    """Read the command line, get log lines and draw them."""
    parser = argparse.ArgumentParser(prog="python -m local.dashboard_picture", description=__doc__)
    parser.add_argument("lines", type=Path, nargs="?", help="a file of log lines, not a new run")
    parser.add_argument("--to", type=Path, default=PICTURE, help="where to put the picture")
    arguments = parser.parse_args()
    console = Console()
    if arguments.lines:
        lines = arguments.lines.read_text("utf-8").splitlines()
    else:
        lines = asyncio.run(campaign_lines(steps_on(console)))
    draw(lines, arguments.to)
    console.print(f"drawn: {arguments.to}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
