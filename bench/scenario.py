"""A campaign's messages through the built functions, each step fed by the one before."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import batched
from statistics import median
from typing import Any

from bench.dynamodb import Charges
from bench.runs import Function, Run, count_instructions, run
from bench.standins import OUTSIDE, StandIns, round_trips
from bench.template import Settings, Stack
from local.eightx8 import SmsMessage
from local.event_files import EVENTS, SUB_ACCOUNT

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


def _sample(name: str, sub_account: str = SUB_ACCOUNT) -> Any:
    text = (EVENTS / f"{name}.json").read_text("utf-8")
    return json.loads(text.replace(SUB_ACCOUNT, sub_account))


def send_events(message_type: str, count: int, size: int = 0) -> list[dict[str, Any]]:
    """Return what is posted for a campaign: a message for each person, or batches of so many."""
    bodies: list[dict[str, Any]] = [
        {
            # 8x8's simulator makes trouble for numbers that end with 00 and two digits.
            "recipient": f"+65{90_001_000 + number}",
            "message": _TEXT.format(100_000 + number),
            "sender": "Acme",
            "campaignId": "6721f0c2a9b3",
        }
        for number in range(count)
    ]
    if size:
        bodies = [{"messages": some} for some in batched(bodies, size, strict=True)]
    event = _sample(f"send_sms/{'batch' if size else 'single'}", f"Acme_{message_type.title()}")
    return [
        {**event, "body": body, "headers": event["headers"] | {"content-length": str(len(body))}}
        for body in map(json.dumps, bodies)
    ]


def receipt_events(messages: Sequence[SmsMessage], state: str) -> list[dict[str, Any]]:
    """Return 8x8's receipts of one state for messages that it took."""
    event = _sample(f"receive_callback/receipt_{state}")
    content = json.loads(event["body"])
    events = []
    for message in messages:
        payload = content["payload"] | {
            "umid": message.umid,
            "clientMessageId": message.client_message_id,
            "subAccountId": message.sub_account_id,
            "destination": message.destination,
        }
        events.append({**event, "body": json.dumps({**content, "payload": payload})})
    return events


def queue_events(standins: StandIns, sample: str, batch_size: int) -> list[dict[str, Any]]:
    """Return the batches in which Lambda hands over what was put into a queue."""
    (record,) = _sample(sample)["Records"]
    record["attributes"]["SentTimestamp"] = str(int(time.time() * 1000))
    records = (
        {**record, "messageId": f"{number:08d}-aaaa-4bbb-8ccc-dddddddddddd", "body": body}
        for number, body in enumerate(standins.queued)
    )
    return [{"Records": list(batch)} for batch in batched(records, batch_size, strict=False)]


def metrics_in(log: bytes) -> Iterator[str]:
    """Give the custom metrics that log lines hold in CloudWatch's embedded format."""
    for line in log.splitlines():
        content = json.loads(line) if b'"_aws"' in line else {}
        for block in content.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in block["Dimensions"]:
                dimensions = ",".join(f"{name}={content.get(name)}" for name in sorted(names))
                yield from (f"{metric['Name']}[{dimensions}]" for metric in block["Metrics"])


@dataclass(frozen=True)
class Work:
    """A function, and what gives its events, so many messages in each, once ``after`` is done."""

    name: str
    function: Function
    events: Callable[[], list[Any]]
    units: int = 1
    after: "Work | None" = None


@dataclass(frozen=True)
class Usage:
    """What one step of many messages used; only a start's calls and CPU time are beside it.

    Calls and waits are by service, and a warm invocation waits once for calls made at once.
    """

    messages: int
    invocations: int
    calls: Mapping[str, int] = field(default_factory=dict)
    start_cpu: float = 0.0
    waits: Mapping[str, float] = field(default_factory=dict)
    charges: Charges = field(default_factory=Charges)
    log: bytes = b""
    sent_bytes: int = 0
    cpu: float = 0.0


@dataclass(frozen=True)
class Life:
    """What the steps of a message's life used, and how they are set up; bytes that it stores."""

    steps: Mapping[str, Usage]
    settings: Settings
    stored_bytes: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """Steps of messages' lives through functions of one make."""

    standins: StandIns
    stack: Stack
    function: Callable[..., Function]
    settings: Settings

    def send(self, message_type: str, count: int, size: int = 0, **options: Any) -> Work:
        """`send_sms` with so many messages, each in a request or in batches of a size."""

        def events() -> list[Any]:
            # In the first of 32 duplicate windows each a claim costs one write more.
            window = self.stack.number("DuplicateWindowSeconds")
            since_it_began = time.time() % max(32 * window, 600)
            if since_it_began < window + 15:
                time.sleep(window + 15 - since_it_began)
            self.standins.empty()
            return send_events(message_type, count, size)

        name = "a batch, a message" if size else message_type
        return Work(f"send_sms, {name}", self.function("send_sms", **options), events, size or 1)

    def receipts(self, state: str, after: Work | None = None) -> Work:
        """`receive_callback` with a receipt for each of the messages that 8x8 took."""
        events = partial(receipt_events, self.standins.eightx8.messages, state)
        function = self.function("receive_callback")
        return Work(f"receive_callback, {state}", function, events, after=after)

    def dispatches(self, after: Work | None = None) -> Work:
        """`dispatch_queue`, which does not wait here to keep its pace."""
        size = self.stack.dispatch_batch
        function = self.function("dispatch_queue", SEND_RATE_LIMIT="0")
        events = partial(queue_events, self.standins, "dispatch_queue/one", size)
        return Work("dispatch_queue, a message", function, events, size, after)

    def outcomes(self, after: Work | None = None) -> Work:
        """`forward_outcome`, within the 100 seconds for which an outcome is its first record's."""
        function, size = self.function("forward_outcome"), OUTCOMES_OF_A_BATCH
        events = partial(queue_events, self.standins, "forward_outcome/outcome", size)
        return Work("forward_outcome, an outcome", function, events, size, after)

    def reconcile(self) -> Work:
        events = [_sample("reconcile/every_five_minutes")] * 3
        return Work("reconcile", self.function("reconcile"), lambda: events)

    def works(self, count: int) -> list[Work]:
        """Return the work of each warm figure; what comes before it is done anew each time."""
        sends = self.send("promotional", count)
        sent = self.receipts("sent", sends)
        delivered = self.receipts("delivered", sent)
        queued = self.send("promotional", 3 * self.stack.dispatch_batch, DISPATCH_MODE="queued")
        batches = self.send("promotional", 3 * BATCHES[0], BATCHES[0])
        received = [sent, delivered, self.outcomes(delivered), self.dispatches(queued)]
        return [self.send("transactional", count), sends, *received, batches]

    def count(self, work: Work, most: int) -> int:
        """Count the instructions of so many of its invocations, and of all before them."""
        return count_instructions(work.function, self._events(work), most)

    def do(self, work: Work, delay: float = 0.0) -> Run:
        """Do the work once, and see that it was done."""
        events = self._events(work)
        self.standins.delay = delay
        found = run(work.function, events, is_patient=work.units > 1)
        self.standins.delay = 0.0
        for answer in found.answers:
            if answer.get("statusCode", 200) != 200:
                raise RuntimeError(f"{work.name}: {answer['body']}")
        return found

    def _events(self, work: Work) -> list[Any]:
        """Do what comes before the work, and return its events."""
        if work.after:
            self.do(work.after)
        events = work.events()
        self.standins.clear()
        return events

    def use(self, work: Work) -> Usage:
        """Do the work once, and count what it used."""
        # Longer than calls made at once differ, and than moto takes for them.
        found = self.do(work, 0.025 if work.units == 1 else max(0.2, work.units / 2000))
        exchanges = self.standins.exchanges
        invocations = found.invocations[_COLD:] or found.invocations[-1:]
        waits = [round_trips(exchanges, began, ended) for began, ended, _ in invocations]
        return Usage(
            messages=len(found.answers) * work.units,
            invocations=len(found.answers),
            calls=Counter(one.service for one in exchanges),
            start_cpu=found.start_cpu,
            waits={s: median(one[s] for one in waits) for s in sorted(set().union(*waits))},
            charges=self.standins.charges,
            log=found.log,
            sent_bytes=sum(one.request_bytes for one in exchanges if one.service in OUTSIDE),
            cpu=found.warm_cpu,
        )

    def live(self, count: int, *, is_queued: bool = False) -> Life:
        """Send messages, let 8x8 report that they were sent and delivered, report to MoEngage."""
        mode: dict[str, Any] = {"DISPATCH_MODE": "queued"} if is_queued else {}
        steps = {"send_sms": self.use(self.send("promotional", count, **mode))}
        if is_queued:
            steps["dispatch_queue"] = self.use(self.dispatches())
        for state in ("sent", "delivered"):
            steps[f"receive_callback, {state}"] = self.use(self.receipts(state))
        steps["forward_outcome"] = self.use(self.outcomes())
        if len(self.standins.moengage.reports) != count:
            raise RuntimeError(f"not all of {count} messages were reported to MoEngage")
        return Life(steps, self.settings, self.standins.stored_bytes / count)

    def live_in_batches(self, queued: Life, size: int) -> Life:
        """Return a life that begins in a batch, and goes on from the send queue as others do."""
        usage = self.use(self.send("promotional", BATCHES[-1], size))
        if len(self.standins.queued) != usage.messages:
            raise RuntimeError(f"not all of {usage.messages} messages were queued")
        return replace(queued, steps={**queued.steps, "send_sms": usage})
