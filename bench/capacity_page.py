"""docs/capacity.md, made from the sums of :mod:`bench.capacity` and :mod:`bench.burst`.

`python -m bench.capacity_page` prints it, `--write` writes it.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence

from bench import artifact
from bench.burst import Burst, run, table_of
from bench.capacity import (
    MOENGAGE_MOST,
    SQS_IN_FLIGHT,
    Settings,
    as_deployed,
    campaign,
    in_time,
    limits,
    lives_by_mode,
    raised,
)
from bench.cost import TRACED_SHARE, Assumptions
from bench.usage import Life, read_lives
from sms_bridge.domain.retry_policy import seconds_for

DOCUMENT = artifact.PROJECT / "docs/capacity.md"
CAMPAIGNS = (1_000_000, 100_000_000)


def page() -> str:
    """Return the page."""
    lives = lives_by_mode(read_lives())
    assumed = Assumptions(
        memory_mb=artifact.memory_mb(),
        traced=TRACED_SHARE if artifact.is_traced() else 0.0,
        platform_lines=artifact.has_platform_lines(),
        access_log_bytes=artifact.access_log_bytes(),
    )
    parts = [
        "# Cost and capacity",
        _wrapped(
            "What a campaign costs, how long it takes, and what holds it up first. `make bench "
            "WRITE=1` makes this page, and after a change of the template "
            "`PYTHONPATH=.:layers .venv/dev/bin/python -m bench.capacity_page --write`: what a "
            "message "
            "uses was counted ([performance](performance.md), with what is assumed), what the "
            "services allow is in `bench/capacity.py`, the settings are the template's. None of it "
            "was run against AWS, 8x8 or MoEngage."
        ),
        "## Campaigns",
        _wrapped(
            "*As deployed*: the parameters' defaults, a new table, and quotas as a new account has "
            "them. *Raised*: what the last section says. *Sent* is when 8x8 has the last message, "
            "*told* when MoEngage has heard of the last outcome, if every phone answers at once. "
            "Dollars are AWS's alone, without and with keeping the records for "
            f"{assumed.days_kept} days."
        ),
        _campaigns(lives, assumed),
        "## What holds it up first",
        _wrapped(
            "Messages a second that each limit lets through; the lowest holds the campaign up. "
            "What comes faster is answered 429 by API Gateway and Lambda, and 503 by the bridge "
            "while DynamoDB throttles: nothing was sent then, and MoEngage decides whether it "
            "tries "
            "again. Set MoEngage's throttle below the others. The send queues and the outcome "
            "queue "
            "just hold what waits, and 8x8 repeats receipts that were not taken."
        ),
    ]
    for mode, (life, queued) in lives.items():
        parts += [f"### {mode}, as deployed", _limits(life, as_deployed(), assumed, queued=queued)]
    for mode, (life, queued) in lives.items():
        parts += [f"### {mode}, raised", _limits(life, raised(), assumed, queued=queued)]
    parts += [
        _wrapped(
            "SQS's standard queues take any number of messages a second. While 8x8 is down, what "
            f"`dispatch_queue` has postponed counts as in flight: at {SQS_IN_FLIGHT:,} in a queue "
            "SQS "
            "hands over nothing more until some of it is due again. Nothing is lost by that."
        ),
        "## A burst through the send queue",
        *_burst(lives["queued"][0], assumed),
        "## Raising the limits",
        _raising(),
    ]
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, break_on_hyphens=False, break_long_words=False)


def _campaigns(lives: dict[str, tuple[Life, bool]], assumed: Assumptions) -> str:
    lines = [
        "| messages | mode | settings | sent after | held up by | told after | held up by | "
        "dollars |",
        "|---:|---|---|---:|---|---:|---|---:|",
    ]
    for messages in CAMPAIGNS:
        for mode, (life, queued) in lives.items():
            for name, settings in (("as deployed", as_deployed()), ("raised", raised())):
                one = campaign(messages, life, settings, assumed, queued=queued)
                lines.append(
                    f"| {messages:,} | {mode} | {name} | {in_time(one.seconds_to_send)} | "
                    f"{one.sending.name} | {in_time(one.seconds_to_report)} | "
                    f"{one.reporting.name} | {one.dollars:,.2f}; {one.dollars_with_records:,.2f} |"
                )
    return "\n".join(lines)


def _limits(life: Life, settings: Settings, assumed: Assumptions, *, queued: bool) -> str:
    lines = [
        "| limit | messages a second | how that comes | how to raise it |",
        "|---|---:|---|---|",
    ]
    lines += [
        f"| {limit.name} | {limit.per_second:,.0f} | {limit.sum} | {limit.raising} |"
        for limit in limits(life, settings, assumed, queued=queued)
    ]
    return "\n".join(lines)


def bursts(life: Life, assumed: Assumptions) -> Sequence[tuple[str, Burst]]:
    """Return the bursts that the page shows, with what they are."""
    settings = as_deployed()
    calm = Burst(
        messages=60_000,
        arrival_rate=settings.moengage_rate,
        send_rate=settings.send_rate,
        dispatchers=settings.dispatchers,
        batch_size=settings.dispatch_batch,
        seconds_a_batch=assumed.seconds["8x8"],
        seconds_a_message=round(seconds_a_message(life, assumed), 4),
    )
    return (
        ("A minute of MoEngage's default throttle", calm),
        (
            "The same, while 8x8 answers 429 to everything from the 10th second to the 70th, and "
            "takes 500 messages a second after that",
            Burst(
                **{**vars(calm), "throttled_from": 10.0, "throttled_for": 60.0, "take_rate": 500.0}
            ),
        ),
    )


def seconds_a_message(life: Life, assumed: Assumptions) -> float:
    """Return what `dispatch_queue` needs for each message beside 8x8's answer."""
    usage = life.steps["dispatch_queue"]
    waits = sum(
        assumed.seconds[service] * times
        for service, times in usage.waits.items()
        if service != "8x8"
    )
    computing = usage.cpu * 1769 / assumed.memory_mb
    return (waits + computing) * usage.invocations / usage.messages


def _burst(life: Life, assumed: Assumptions) -> list[str]:
    settings = as_deployed()
    pace = seconds_for(
        settings.dispatch_batch, rate=settings.send_rate, at_once=2 * settings.dispatchers
    )
    parts = [
        _wrapped(
            "Simulated, with the bridge's own rules for the pace and for the waits between tries; "
            "`PYTHONPATH=.:layers .venv/dev/bin/python -m bench.burst --help` lists what can be "
            f"changed. A function takes at least {settings.dispatch_batch} x "
            f"{2 * settings.dispatchers} / {settings.send_rate:,.0f} = {pace:.2f} s for a batch, "
            "so "
            "that the functions of both queues together keep under `SendRateLimit`."
        )
    ]
    for title, burst in bursts(life, assumed):
        changed = " ".join(
            f"--{name.replace('_', '-')} {value:g}"
            for name, value in vars(burst).items()
            if value != getattr(Burst(), name)
        )
        parts += [f"**{title}** (`{changed}`)", table_of(burst, run(burst), rows=10)]
    return parts


def _raising() -> str:
    settings = raised()
    steps = [
        f"MoEngage: have the campaign throttle raised, up to {MOENGAGE_MOST:,.0f} a second.",
        f"AWS quotas: Lambda's concurrent executions to {settings.lambda_concurrency:,}; write "
        "units "
        f"of a table to more than {settings.table_writes:,.0f} only beyond what is shown above.",
        "DynamoDB: set the table's and its indexes' warm throughput to "
        f"{settings.table_writes:,.0f} "
        "write units before the first large campaign (`aws dynamodb update-table "
        "--warm-throughput`). It is paid once.",
        f"`ThrottlingRateLimit={settings.api_requests_a_route:.0f}`.",
        f"Queued mode: `DispatchConcurrency={settings.dispatchers}` and "
        f"`SendRateLimit={settings.send_rate:.0f}`, if 8x8 agrees to it.",
        f"the maximum concurrency of `ForwardOutcome` to {settings.tellers:,}, if MoEngage "
        "agrees to it.",
    ]
    return "\n".join(
        textwrap.fill(f"{number}. {step}", 100, subsequent_indent="   ", break_on_hyphens=False)
        for number, step in enumerate(steps, 1)
    )


def main() -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity_page", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/capacity.md")
    if parser.parse_args().write:
        DOCUMENT.write_text(page(), "utf-8")
    else:
        print(page())


if __name__ == "__main__":
    main()
