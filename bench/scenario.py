"""A campaign's messages through the built functions, each step fed by the one before."""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from statistics import fmean
from typing import Any

from bench.artifact import Artifact
from bench.runs import Function, Run, run
from bench.standins import StandIns, round_trips
from local.event_files import EventFile

SUB_ACCOUNTS = {"transactional": "Acme_Transactional", "promotional": "Acme_Promotional"}
TABLES = ("sms-bridge-MessagesTable", "messages")
TEXT = (
    "Hi Ana, your order {0} has shipped and arrives tomorrow. Track it: https://acme.example/t/{0}"
)
# As long as what 8x8 gets for such a message.
NAKED_BODY = json.dumps({"text": "x" * 198})
# Longer than calls made at once differ.
_SECONDS_OF_AN_ANSWER = 0.025
_COLD = 3
"""Invocations that may still wait for what was begun at start."""


# ---------------------------------------------------------------------------------------- events
def send_events(count: int, message_type: str) -> list[dict[str, Any]]:
    """Return what MoEngage posts for a campaign: one message for each of so many people."""
    sample = EventFile("send_sms/single", "").event
    events = []
    for number in range(count):
        event = copy.deepcopy(sample)
        event["pathParameters"]["subAccountId"] = SUB_ACCOUNTS[message_type]
        event["rawPath"] = f"/api/v1/subaccounts/{SUB_ACCOUNTS[message_type]}/messages"
        event["requestContext"]["http"]["path"] = event["rawPath"]
        body = {
            # The simulator of 8x8 makes trouble for numbers that end with 00.. and two digits.
            "recipient": f"+65{90_001_000 + number % 9_000 + number // 9_000 * 10_000}",
            "message": TEXT.format(100_000 + number),
            "sender": "Acme",
            "campaignId": "6721f0c2a9b3",
        }
        event["body"] = json.dumps(body)
        event["headers"]["content-length"] = str(len(event["body"]))
        events.append(event)
    return events


def receipt_events(messages: Sequence[Mapping[str, str]], state: str) -> list[dict[str, Any]]:
    """Return 8x8's receipts of one state for messages that it took."""
    sample = EventFile(f"receive_callback/receipt_{state}", "").event
    events = []
    for message in messages:
        event = copy.deepcopy(sample)
        body = json.loads(event["body"])
        body["payload"] |= message
        event["body"] = json.dumps(body)
        events.append(event)
    return events


def queue_events(bodies: Sequence[str], sample: str, batch_size: int) -> list[dict[str, Any]]:
    """Return the batches in which Lambda hands over what was put into a queue."""
    record = EventFile(sample, "").event["Records"][0]
    # As long ago as a record waits on a quiet day.
    sent = {"SentTimestamp": str(int(time.time() * 1000))}
    records = [
        {
            **record,
            "messageId": f"{number:08d}-aaaa-4bbb-8ccc-dddddddddddd",
            "attributes": {**record["attributes"], **sent},
            "body": body,
        }
        for number, body in enumerate(bodies)
    ]
    return [{"Records": list(batch)} for batch in batched(records, batch_size, strict=False)]


def wait_within_a_slot(window: int, clock: Callable[[], float] = time.time) -> None:
    """Wait where a claim costs one write more: in the first of 32 duplicate windows each."""
    length, first = max(32 * window, 600), window + 15
    since_it_began = clock() % length
    if since_it_began < first:
        time.sleep(first - since_it_began)


# ------------------------------------------------------------------------------------------ steps
@dataclass(frozen=True)
class Work:
    """A function, what it is given, and what has to be there before.

    Attributes
    ----------
    units
        Messages, receipts or outcomes in one event.
    """

    name: str
    function: Function
    events: Sequence[Any]
    prepare: Callable[[], None]
    units: int = 1


@dataclass(frozen=True)
class Usage:
    """What one step of many messages used, after its function had started.

    Attributes
    ----------
    calls
        By service.
    waits
        By service, how often a warm invocation waits for it; calls made at once count as one.
    write_units
        By index; "" is the table itself.
    reads_secret
        Whether the function reads the secret, at start or later.
    metrics
        Custom metrics in the lines, each with its dimensions.
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
        """All custom metrics."""
        return frozenset().union(*(usage.metrics for usage in self.steps.values()))

    def per_message(self, amount: Callable[[Usage], float]) -> float:
        """Add up what a message used in all steps."""
        return sum(amount(usage) / usage.messages for usage in self.steps.values())


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


@dataclass
class Scenario:
    """Steps of messages' lives, on the bridge or on the baseline."""

    artifact: Artifact
    is_baseline: bool = False

    @property
    def standins(self) -> StandIns:
        """What the functions meet."""
        return self.artifact.standins

    def function(self, name: str, **options: Any) -> Function:
        """Return a function of the bridge's or of the baseline's."""
        find = self.artifact.baseline if self.is_baseline else self.artifact.function
        return find(name, **options)

    def send(self, message_type: str, count: int, **options: Any) -> Work:
        """`send_sms`."""

        def prepare() -> None:
            if not self.is_baseline:
                wait_within_a_slot(self.artifact.stack.number("DuplicateWindowSeconds"))
            self.standins.clear(table=True)

        events = send_events(count, message_type)
        return Work(
            f"send_sms, {message_type}", self.function("send_sms", **options), events, prepare
        )

    def receipts(self, state: str, taken: Sequence[Mapping[str, str]]) -> Work:
        """`receive_callback` with a receipt for each of the messages that 8x8 took."""
        events = receipt_events(taken, state)
        return self._from_here(
            f"receive_callback, {state}", self.function("receive_callback"), events
        )

    def dispatches(self, batch_size: int, **changes: str) -> Work:
        """`dispatch_queue` with what `send_sms` has queued."""
        (bodies,) = self.standins.queued.values()
        events = queue_events(bodies, "dispatch_queue/one", batch_size)
        function = self.function("dispatch_queue", **changes)
        return self._from_here("dispatch_queue", function, events, batch_size)

    def outcomes(self, batch_size: int) -> Work:
        """`forward_outcome` with what final receipts have queued."""
        (bodies,) = self.standins.queued.values()
        events = queue_events(bodies, "forward_outcome/outcome", batch_size)
        return self._from_here(
            "forward_outcome", self.function("forward_outcome"), events, batch_size
        )

    def reconcile(self) -> Work:
        """`reconcile`, as its schedule calls it."""
        event = EventFile("reconcile/every_five_minutes", "").event
        return self._from_here("reconcile", self.function("reconcile"), [event] * 3)

    def _from_here(
        self, name: str, function: Function, events: Sequence[Any], units: int = 1
    ) -> Work:
        """Return work that begins each time with the tables as they are now."""
        key = f"{name} {id(events)}"
        self.standins.save(key)
        return Work(name, function, events, lambda: self.standins.restore(key), units)

    def taken(self) -> list[dict[str, str]]:
        """Return the messages that 8x8 took, as its receipts name them."""
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
    def use(self, work: Work) -> tuple[Usage, Run]:
        """Do the work once, and count what it used."""
        work.prepare()
        self.standins.delay = _SECONDS_OF_AN_ANSWER
        found = run(work.function, work.events)
        self.standins.delay = 0.0
        invoked = [one for one in self.standins.exchanges if one.began >= found.started]
        charges = self.standins.charges
        warm = found.invocations[_COLD:] or found.invocations[-1:]
        waits = [
            Counter(
                one.service
                for one in round_trips(one for one in invoked if began <= one.began <= ended)
            )
            for began, ended, _ in warm
        ]
        return Usage(
            messages=len(work.events) * work.units,
            invocations=len(work.events),
            calls=Counter(one.service for one in invoked),
            waits={
                service: fmean(one[service] for one in waits)
                for service in sorted(set().union(*waits))
            },
            write_units=dict(charges.writes),
            read_units=charges.reads,
            items_written=charges.items_written,
            log_bytes=len(found.log),
            log_lines=found.log.count(b"\n"),
            sent_bytes=sum(
                one.request_bytes for one in invoked if one.service in ("8x8", "moengage")
            ),
            cpu=found.warm_cpu,
            start_cpu=found.start_cpu,
            reads_secret=any(one.service == "secretsmanager" for one in self.standins.exchanges),
            metrics=metrics_in(found.log),
        ), found

    def live(self, count: int, *, queued: int = 0, outcomes: int = 10) -> Life:
        """Send messages, let 8x8 report that they were sent and delivered, report to MoEngage.

        Parameters
        ----------
        queued
            Messages of a batch through the send queue; 0 for direct mode.
        outcomes
            Outcomes of a batch.
        """
        life = Life()
        mode = {"DISPATCH_MODE": "queued"} if queued else {}
        life.steps["send_sms"], _ = self.use(self.send("promotional", count, **mode))
        if queued:
            work = self.dispatches(queued, SEND_RATE_LIMIT="0")
            life.steps["dispatch_queue"], _ = self.use(work)
        taken = self.taken()
        _expect(len(taken), count, "messages that 8x8 took")
        for state in ("sent", "delivered"):
            work = self.receipts(state, taken)
            life.steps[work.name], _ = self.use(work)
        _expect(sum(map(len, self.standins.queued.values())), count, "outcomes that are due")
        life.steps["forward_outcome"], _ = self.use(self.outcomes(outcomes))
        _expect(len(self.standins.moengage.reports), count, "outcomes that MoEngage heard")
        life.stored_bytes = self.standins.stored_bytes(TABLES[self.is_baseline]) / count
        return life

    def works(self, count: int) -> Iterator[Work]:
        """Give the work of each warm figure, prepared by the steps before it."""
        yield self.send("promotional", count)
        yield self.send("transactional", count)
        self._done(self.send("promotional", count))
        taken = self.taken()
        sent = self.receipts("sent", taken)
        yield sent
        self._done(sent)
        delivered = self.receipts("delivered", taken)
        yield delivered
        self._done(delivered)
        outcomes = self.outcomes(10)
        yield outcomes
        batch_size = self.artifact.stack.dispatch_batch
        self._done(self.send("promotional", 3 * batch_size, DISPATCH_MODE="queued"))
        yield self.dispatches(batch_size, SEND_RATE_LIMIT="0")

    def _done(self, work: Work) -> None:
        work.prepare()
        for answer in run(work.function, work.events).answers:
            if answer.get("statusCode", 200) != 200:
                raise RuntimeError(f"{work.name}: {answer['body']}")


def _expect(found: int, expected: int, what: str) -> None:
    if found != expected:
        raise RuntimeError(f"{what}: {found} in place of {expected}")
