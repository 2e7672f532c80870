"""How a load is shown: in the terminal, in docs/load.md, and drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bench import artifact
from bench.load.traffic import BurstResult, Step, in_short, percentile

DOCUMENT = artifact.PROJECT / "docs/load.md"
PICTURE = artifact.PROJECT / "docs/load.png"


def milliseconds(values: Sequence[float], share: int) -> str:
    """Return a percentile as text."""
    return f"{percentile(values, share) * 1000:,.1f} ms"


def show_step(step: Step) -> str:
    """Return a line for a rate."""
    errors = ", ".join(f"{times} x {in_short(error)}" for error, times in step.errors.items())
    return (
        f"{step.offered:6g} messages/s offered, {step.reached:7.1f} reached; "
        f"sends p50 {milliseconds(step.sends, 50)}, p99 {milliseconds(step.sends, 99)}; "
        f"receipts p50 {milliseconds(step.receipts, 50)}, p99 {milliseconds(step.receipts, 99)}; "
        f"{step.told} of {step.messages} told; errors: {errors or 'none'}"
    )


def show_burst(result: BurstResult) -> str:
    """Say what came of the burst."""
    errors = ", ".join(f"{times} x {in_short(error)}" for error, times in result.errors.items())
    accepted_a_second = result.accepted / max(result.seconds_to_accept, 1e-9)
    return (
        f"A burst of {result.offered:,} messages in queued mode: {result.accepted:,} accepted in "
        f"{result.seconds_to_accept:.0f} s ({accepted_a_second:,.0f} a second), p50 "
        f"{milliseconds(result.answers, 50)}, p99 {milliseconds(result.answers, 99)}; at most "
        f"{result.deepest:,} waited in the send queue, which was empty after "
        f"{result.seconds_to_drain:.0f} s; 8x8 took {result.taken:,}, {result.taken_twice} of them "
        f"twice; errors: {errors or 'none'}."
    )


def write_page(
    steps: Sequence[Step], result: BurstResult, environments: Mapping[str, int], seconds: float
) -> None:
    """Write docs/load.md and docs/load.png."""
    draw(steps)
    machine = artifact.machine()
    running = ", ".join(f"{size} of `{name}`" for name, size in environments.items())
    rows = [
        "| offered, messages/s | reached | sends, p50 | p99 | receipts, p50 | p99 | told | errors "
        "|",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {step.offered:g} | {step.reached:.1f} | {milliseconds(step.sends, 50)} | "
            f"{milliseconds(step.sends, 99)} | {milliseconds(step.receipts, 50)} | "
            f"{milliseconds(step.receipts, 99)} | {step.told} of {step.messages} | "
            f"{step.errors.total()} |"
            for step in steps
        ),
    ]
    parts = [
        "# Under load",
        textwrap.fill(
            f"What `sam build` made, run by AWS's Runtime Interface Emulator and runtime interface "
            f"client ({running}), before stand-ins of 8x8, DynamoDB, SQS, Secrets Manager and "
            f"MoEngage that answer at once. `make load WRITE=1` wrote this page on "
            f"{datetime.now(UTC):%d.%m.%Y}: {machine['processor']}; {machine['system']}. "
            "Functions, "
            "stand-ins and the client share the machine: where the line ends it is full, not the "
            "bridge. On Lambda every environment has its own share of a processor, and there are "
            "as "
            "many as are needed. Emulated: no limit of memory or processor, no freezing, no new "
            "environments, no TLS.",
            100,
            break_on_hyphens=False,
        ),
        "## Rising rates",
        textwrap.fill(
            f"Each rate for {seconds:g} seconds, until one is not kept up with (under 90 %). A "
            "message is a request in direct mode, two receipts, and an outcome that MoEngage "
            "hears. "
            "Times run from when a request was due to its answer.",
            100,
            break_on_hyphens=False,
        ),
        "\n".join(rows),
        "![Messages a second offered and reached, and how long answers took](load.png)",
        "## A burst",
        textwrap.fill(show_burst(result), 100, break_on_hyphens=False),
    ]
    DOCUMENT.write_text("\n\n".join(parts) + "\n", "utf-8")


def draw(steps: Sequence[Step]) -> None:
    """Draw throughput and latency over the offered rate."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    offered = [step.offered for step in steps]
    figure, (through, late) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    through.plot(offered, offered, color="0.7", linestyle="--", label="offered")
    through.plot(offered, [step.reached for step in steps], marker="o", label="reached")
    through.set(xlabel="messages a second offered", ylabel="messages a second", title="Throughput")
    for name, share, style in (("p50", 50, "-"), ("p99", 99, ":")):
        for what, color in (("sends", "tab:blue"), ("receipts", "tab:orange")):
            values = [percentile(getattr(step, what), share) * 1000 for step in steps]
            late.plot(offered, values, style, color=color, marker=".", label=f"{what}, {name}")
    late.set(
        xlabel="messages a second offered",
        ylabel="milliseconds",
        yscale="log",
        title="Added latency",
    )
    for axes in (through, late):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(PICTURE, dpi=110)
    pyplot.close(figure)
