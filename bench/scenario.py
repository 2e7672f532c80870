"""A campaign's messages through the built functions, each step fed by the one before."""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import batched
from statistics import median
from typing import Any

from bench.artifact import Artifact
from bench.runs import Function, Run, run
from bench.standins import StandIns, round_trips
from local.event_files import EventFile

TABLES = ("sms-bridge-MessagesTable", "messages")
OUTCOMES_OF_A_BATCH = 10
# As long as what 8x8 gets for such a message.
NAKED_BODY = json.dumps({"text": "x" * 198})
_TEXT = (
    "Hi Ana, your order {0} has shipped and arrives tomorrow. Track it: https://acme.example/{0}"
)
# Invocations that may still wait for what was begun at start.
_COLD = 3

BATCHES = (100, 1000)
"""So many messages come in one request; the latter are as many as the bridge takes."""


# ---------------------------------------------------------------------------------------- events
def _sample(name: str) -> dict[str, Any]:
    return copy.deepcopy(EventFile(name, "").event)


def send_events(count: int, message_type: str) -> list[dict[str, Any]]:
    """Return what MoEngage posts for a campaign: one message for each of so many people."""
    events = []
    for number in range(count):
        body = {
            # 8x8's simulator makes trouble for numbers that end with 00 and two digits.
            "recipient": f"+65{90_001_000 + number}",
            "message": _TEXT.format(100_000 + number),
            "sender": "Acme",
            "campaignId": "6721f0c2a9b3",
        }
        events.append(_send_event("send_sms/single", message_type, body))
    return events


def _send_event(sample: str, message_type: str, body: Any) -> dict[str, Any]:
    event = _sample(sample)
    theirs, ours = event["pathParameters"]["subAccountId"], f"Acme_{message_type.title()}"
    event["pathParameters"]["subAccountId"] = ours
    event["rawPath"] = event["rawPath"].replace(theirs, ours)
    event["requestContext"]["http"]["path"] = event["rawPath"]
    event["body"] = json.dumps(body)
    event["headers"]["content-length"] = str(len(event["body"]))
    return event


def batch_events(count: int, size: int) -> list[dict[str, Any]]:
    """Return so many batches of the same messages, each message to somebody else."""
    bodies = (json.loads(event["body"]) for event in send_events(count * size, "promotional"))
    return [
        _send_event("send_sms/batch", "promotional", {"messages": messages})
        for messages in batched(bodies, size, strict=True)
    ]


def receipt_events(messages: Sequence[Mapping[str, str]], state: str) -> list[dict[str, Any]]:
    """Return 8x8's receipts of one state for messages that it took."""
    events = []
    for message in messages:
        event = _sample(f"receive_callback/receipt_{state}")
        body = json.loads(event["body"])
        body["payload"] |= message
        event["body"] = json.dumps(body)
        events.append(event)
    return events


def queue_events(bodies: Sequence[str], sample: str, batch_size: int) -> list[dict[str, Any]]:
    """Return the batches in which Lambda hands over what was put into a queue."""
    record = _sample(sample)["Records"][0]
    record["attributes"]["SentTimestamp"] = str(int(time.time() * 1000))
    records = (
        {**record, "messageId": f"{number:08d}-aaaa-4bbb-8ccc-dddddddddddd", "body": body}
        for number, body in enumerate(bodies)
    )
    return [{"Records": list(batch)} for batch in batched(records, batch_size, strict=False)]


def metrics_in(log: bytes) -> frozenset[str]:
    """Return the custom metrics that log lines hold in CloudWatch's embedded format."""
    found = set()
    for line in log.splitlines():
        content = json.loads(line) if b'"_aws"' in line else {}
        for block in content.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in block["Dimensions"]:
                dimensions = ",".join(f"{name}={content.get(name)}" for name in sorted(names))
                found |= {f"{metric['Name']}[{dimensions}]" for metric in block["Metrics"]}
    return frozenset(found)


# ------------------------------------------------------------------------------------------ steps
@dataclass(frozen=True)
class Work:
    """A function, what it is given (so many messages in an event), and what has to be there."""

    name: str
    function: Function
    events: list[Any]
    prepare: Callable[[], None]
    units: int = 1


@dataclass(frozen=True)
class Usage:
    """What one step of many messages used, after its function had started.

    Calls and waits are by service, and a warm invocation waits once for calls made at once; write
    units are by index, "" being the table itself.
    """

    messages: int
    invocations: int
    calls: Mapping[str, int] = field(default_factory=dict)
    waits: Mapping[str, float] = field(default_factory=dict)
    write_units: Mapping[str, int] = field(default_factory=dict)
    read_units: float = 0.0
    items_written: int = 0
    log_bytes: int = 0
    log_lines: int = 0
    sent_bytes: int = 0
    cpu: float = 0.0
    start_cpu: float = 0.0
    reads_secret: bool = False
    metrics: frozenset[str] = frozenset()


@dataclass
class Life:
    """What the steps of a message's life used, by function; bytes stored for each message."""

    steps: dict[str, Usage] = field(default_factory=dict)
    stored_bytes: float = 0.0

    @property
    def metrics(self) -> frozenset[str]:
        return frozenset().union(*(usage.metrics for usage in self.steps.values()))

    def per_message(self, amount: Callable[[Usage], float]) -> float:
        return sum(amount(usage) / usage.messages for usage in self.steps.values())


@dataclass
class Scenario:
    """Steps of messages' lives, on the bridge or on the baseline."""

    artifact: Artifact
    is_baseline: bool = False

    @property
    def standins(self) -> StandIns:
        return self.artifact.standins

    def function(self, name: str, **options: Any) -> Function:
        find = self.artifact.baseline if self.is_baseline else self.artifact.function
        return find(name, **options)

    def send(self, message_type: str, count: int, **options: Any) -> Work:
        name, function = f"send_sms, {message_type}", self.function("send_sms", **options)
        return Work(name, function, send_events(count, message_type), self._prepare_to_send)

    def send_batches(self, count: int, size: int) -> Work:
        events, name = batch_events(count, size), "send_sms, a batch"
        return Work(name, self.function("send_sms"), events, self._prepare_to_send, size)

    def _prepare_to_send(self) -> None:
        # In the first of 32 duplicate windows each a claim costs one write more.
        window = self.artifact.stack.number("DuplicateWindowSeconds")
        since_it_began = time.time() % max(32 * window, 600)
        if not self.is_baseline and since_it_began < window + 15:
            time.sleep(window + 15 - since_it_began)
        self.standins.clear(table=True)

    def receipts(self, state: str, taken: Sequence[Mapping[str, str]]) -> Work:
        """`receive_callback` with a receipt for each of the messages that 8x8 took."""
        function = self.function("receive_callback")
        return self._from_here(f"receive_callback, {state}", function, receipt_events(taken, state))

    def dispatches(self) -> Work:
        """`dispatch_queue`, which does not wait here to keep its pace."""
        size, name = self.artifact.stack.dispatch_batch, "dispatch_queue"
        function = self.function(name, SEND_RATE_LIMIT="0")
        return self._from_here(name, function, self._queued(f"{name}/one", size), size)

    def outcomes(self, receipts: Work) -> Work:
        """`forward_outcome`, after receipts that are handed over anew each time.

        An outcome is leased to its first record, which is to be handled within 100 seconds.
        """
        name, size = "forward_outcome", OUTCOMES_OF_A_BATCH

        def queue_anew() -> None:
            self.do(receipts)
            work.events[:] = self._queued(f"{name}/outcome", size)
            self.standins.clear()

        work = Work(name, self.function(name), [], queue_anew, size)
        return work

    def _queued(self, sample: str, batch_size: int) -> list[dict[str, Any]]:
        """Return the batches of what has been queued."""
        (bodies,) = self.standins.queued.values()
        return queue_events(bodies, sample, batch_size)

    def reconcile(self) -> Work:
        events = [_sample("reconcile/every_five_minutes")] * 3
        return self._from_here("reconcile", self.function("reconcile"), events)

    def _from_here(self, name: str, function: Function, events: list[Any], units: int = 1) -> Work:
        """Return work that begins each time with the tables as they are now."""
        self.standins.save(name)
        return Work(name, function, events, lambda: self.standins.restore(name), units)

    def taken(self) -> list[dict[str, str]]:
        return [
            {
                "umid": one.umid,
                "clientMessageId": one.client_message_id,
                "subAccountId": one.sub_account_id,
                "destination": one.destination,
            }
            for one in self.standins.eightx8.messages
        ]

    # --------------------------------------------------------------------------------------- usage
    def use(self, work: Work) -> Usage:
        """Do the work once, and count what it used."""
        work.prepare()
        # Longer than calls made at once differ, and than moto takes for them.
        self.standins.delay = 0.025 if work.units == 1 else max(0.2, work.units / 2000)
        found = run(work.function, work.events, is_patient=work.units > 1)
        self.standins.delay = 0.0
        invoked = [one for one in self.standins.exchanges if one.began >= found.started]
        outside = [one.request_bytes for one in invoked if one.service in ("8x8", "moengage")]
        charges = self.standins.charges
        waits = [
            Counter(
                one.service
                for one in round_trips(one for one in invoked if began <= one.began <= ended)
            )
            for began, ended, _ in found.invocations[_COLD:] or found.invocations[-1:]
        ]
        return Usage(
            messages=len(work.events) * work.units,
            invocations=len(work.events),
            calls=Counter(one.service for one in invoked),
            waits={s: median(one[s] for one in waits) for s in sorted(set().union(*waits))},
            write_units=dict(charges.writes),
            read_units=charges.reads,
            items_written=charges.items_written,
            log_bytes=len(found.log),
            log_lines=found.log.count(b"\n"),
            sent_bytes=sum(outside),
            cpu=found.warm_cpu,
            start_cpu=found.start_cpu,
            reads_secret=any(one.service == "secretsmanager" for one in self.standins.exchanges),
            metrics=metrics_in(found.log),
        )

    def live(self, count: int, *, is_queued: bool = False) -> Life:
        """Send messages, let 8x8 report that they were sent and delivered, report to MoEngage."""
        life = Life()
        mode = {"DISPATCH_MODE": "queued"} if is_queued else {}
        life.steps["send_sms"] = self.use(self.send("promotional", count, **mode))
        if is_queued:
            life.steps["dispatch_queue"] = self.use(self.dispatches())
        taken = self.taken()
        _expect(len(taken), count, "messages that 8x8 took")
        for state in ("sent", "delivered"):
            work = self.receipts(state, taken)
            life.steps[work.name] = self.use(work)
        _expect(sum(map(len, self.standins.queued.values())), count, "outcomes that are due")
        life.steps["forward_outcome"] = self.use(self.outcomes(work))
        _expect(len(self.standins.moengage.reports), count, "outcomes that MoEngage heard")
        life.stored_bytes = self.standins.stored_bytes(TABLES[self.is_baseline]) / count
        return life

    def live_in_batches(self, queued: Life, size: int) -> Life:
        """Return a life that begins in a batch, and goes on from the send queue as others do."""
        usage = self.use(self.send_batches(BATCHES[-1] // size, size))
        _expect(len(*self.standins.queued.values()), usage.messages, "messages that are queued")
        return replace(queued, steps=queued.steps | {"send_sms": usage})

    def works(self, count: int) -> Iterator[Work]:
        """Give the work of each warm figure, prepared by the steps before it."""
        yield self.send("transactional", count)
        sends = self.send("promotional", count)
        yield sends
        self.do(sends)
        taken = self.taken()
        for state in ("sent", "delivered"):
            receipts = self.receipts(state, taken)
            yield receipts
            self.do(receipts)
        yield self.outcomes(receipts)
        batch_size = self.artifact.stack.dispatch_batch
        self.do(self.send("promotional", 3 * batch_size, DISPATCH_MODE="queued"))
        yield self.dispatches()
        yield self.send_batches(3, BATCHES[0])

    @staticmethod
    def do(work: Work) -> Run:
        """Do the work once, and see that it was done."""
        work.prepare()
        found = run(work.function, work.events)
        for answer in found.answers:
            if answer.get("statusCode", 200) != 200:
                raise RuntimeError(f"{work.name}: {answer['body']}")
        return found


def _expect(found: int, expected: int, what: str) -> None:
    if found != expected:
        raise RuntimeError(f"{what}: {found} in place of {expected}")
