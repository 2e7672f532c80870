"""What a message uses over its life: counted at the stand-ins, never assumed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.events import receipt_events, send_events, sqs_events
from bench.runs import Function, take_times
from bench.standins.running import Seen, StandIns
from bench.standins.wire import Exchange

RECORDED_LIVES = Path(__file__).with_name("recorded_lives.json")

# Answers are held back so long that calls made at once overlap, whatever else the machine does.
SECONDS_TO_TELL_APART = 0.025


@dataclass(frozen=True)
class Usage:
    """What one step of many messages used, after its function had started.

    Attributes
    ----------
    messages
        How many went through.
    invocations
        Of the function.
    calls
        Exchanges by name.
    waits
        By service, how often a warm invocation waits for it: calls made at once count as one.
    table_writes, index_writes, reads
        DynamoDB request units; those of the indexes by index.
    items_written
        Writes of items, whatever their price.
    log_bytes, log_lines
        Written to standard output.
    sent_bytes
        To 8x8 and MoEngage.
    cpu
        Seconds of a warm invocation; the median.
    """

    messages: int
    invocations: int
    calls: Mapping[str, int]
    waits: Mapping[str, int]
    table_writes: float
    index_writes: Mapping[str, float]
    reads: float
    items_written: int
    log_bytes: int
    log_lines: int
    sent_bytes: int
    cpu: float

    def calls_to(self, service: str) -> int:
        """Count the exchanges whose name begins like this."""
        return sum(count for name, count in self.calls.items() if name.startswith(service))

    @property
    def round_trips(self) -> int:
        """How many of an invocation's calls come one after the other."""
        return sum(self.waits.values())


def chain(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Return as many exchanges as possible of which each began after the one before had ended."""
    found: list[Exchange] = []
    for one in sorted(exchanges, key=lambda one: one.ended):
        if not found or one.began >= found[-1].ended:
            found.append(one)
    return found


def services(exchanges: Iterable[Exchange]) -> Counter[str]:
    """Count exchanges by service."""
    return Counter(one.name.partition(" ")[0] for one in exchanges)


def use(
    function: Function, events: Sequence[Any], messages: int, standins: StandIns
) -> tuple[Usage, list[Any], Seen]:
    """Give a function its events; returns what that used, its answers, and what was seen."""
    standins.save("before")
    standins.clear()
    take_times(function, events)
    at_start = Counter(one.name for one in standins.seen().exchanges)
    waits: list[Counter[str]] = []
    standins.delay_answers(SECONDS_TO_TELL_APART)
    for most in (1, 2):
        standins.clear()
        take_times(function, events, most=most)
        invoked = standins.seen().exchanges[at_start.total() :]
        waits.append(services(chain(invoked)))
        standins.restore("before")
    standins.delay_answers(0.0)

    standins.clear()
    run = take_times(function, events, most=len(events))
    seen = standins.seen()
    calls = Counter(one.name for one in seen.exchanges)
    calls.subtract(at_start)
    strange = [name for name in calls if name.startswith("unknown")]
    if strange:
        raise RuntimeError(f"{function.name} made calls that nothing here answers: {strange}")
    charges = seen.charges
    usage = Usage(
        messages=messages,
        invocations=len(events),
        calls=dict(+calls),
        waits=dict(waits[1] - waits[0]),
        table_writes=charges.table_writes,
        index_writes=charges.index_writes,
        reads=charges.reads,
        items_written=charges.items_written,
        log_bytes=len(run.log),
        log_lines=run.log.count(b"\n"),
        sent_bytes=sum(
            one.request_bytes for one in seen.exchanges if one.name.startswith(("8x8", "moengage"))
        ),
        cpu=median(cpu for _, cpu in run.invocations[len(events) // 5 :]),
    )
    return usage, run.answers, seen


@dataclass
class Life:
    """What the steps of a message's life used, from the request to the outcome that was told.

    Attributes
    ----------
    steps
        By the names of the functions, with what they did.
    stored_bytes
        In the table, for each message.
    """

    steps: dict[str, Usage] = field(default_factory=dict)
    stored_bytes: float = 0.0

    def per_message(self, amount: Callable[[Usage], float]) -> float:
        """Add up what a message used in all steps."""
        return sum(amount(usage) / usage.messages for usage in self.steps.values())


Find = Callable[[str], Function]
"""Finds a function by its name."""


def live(
    find: Find,
    standins: StandIns,
    *,
    messages: int,
    kind: str,
    queued: Function | None = None,
    send_batch: int = 100,
    outcome_batch: int = 10,
) -> Life:
    """Send messages, let 8x8 report that they were sent and delivered, tell MoEngage.

    Parameters
    ----------
    find
        The functions that do it.
    queued
        Given in queued mode: `send_sms` with that mode. The messages then go through
        `dispatch_queue`.
    send_batch, outcome_batch
        How many records Lambda hands over at once.
    """
    life = Life()
    standins.clear(table=True)
    send = queued or find("send_sms")
    events = send_events(messages, kind)
    life.steps["send_sms"], answers, seen = use(send, events, messages, standins)
    if queued:
        (bodies,) = seen.queues.values()
        batches = sqs_events(bodies, "dispatch_queue/one", batch_size=send_batch)
        life.steps["dispatch_queue"], _, _ = use(
            find("dispatch_queue"), batches, messages, standins
        )
    receive = find("receive_callback")
    for state in ("sent", "delivered"):
        step = f"receive_callback, {state}"
        receipts = receipt_events(answers, state)
        life.steps[step], _, seen = use(receive, receipts, messages, standins)
    (bodies,) = seen.queues.values()
    if len(bodies) != messages:
        raise RuntimeError(f"{messages} messages were delivered, {len(bodies)} outcomes are due")
    outcomes = sqs_events(bodies, "forward_outcome/outcome", batch_size=outcome_batch)
    life.steps["forward_outcome"], _, seen = use(
        find("forward_outcome"), outcomes, messages, standins
    )
    told = seen.count("moengage report")
    if told != messages:
        raise RuntimeError(f"{messages} outcomes were due, MoEngage heard {told}")
    life.stored_bytes = seen.stored_bytes / messages
    return life


def write_lives(lives: Mapping[str, Life], file: Path = RECORDED_LIVES) -> None:
    """Write down what messages used, for sums that are done without a run."""
    file.write_text(
        json.dumps({mode: asdict(life) for mode, life in lives.items()}, indent=1) + "\n"
    )


def read_lives(file: Path = RECORDED_LIVES) -> dict[str, Life]:
    """Read what a run wrote down."""
    return {
        mode: Life(
            {name: Usage(**usage) for name, usage in life["steps"].items()}, life["stored_bytes"]
        )
        for mode, life in json.loads(file.read_text("utf-8")).items()
    }
