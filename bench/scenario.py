"""A campaign's messages through the built functions, each step fed by the one before."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from itertools import batched
from operator import and_
from typing import Any

from bench.artifact import Function, Run
from bench.dynamodb import Charges
from bench.standins import StandIns, round_trips
from bench.template import Settings, Stack
from local.event_files import EVENTS, SUB_ACCOUNT

OUTCOMES_OF_A_BATCH = 10
# As long as what 8x8 gets for such a message.
NAKED_BODY = json.dumps({"text": "x" * 198})
_TEXT = (
    "Hi Ana, your order {0} has shipped and arrives tomorrow. Track it: https://acme.example/{0}"
)
DISPATCH = "dispatch_queue, a message"
# So many messages come in one request: the bridge takes no more, and valgrind its time.
BATCH, SMALL_BATCH = 1000, 100


def _sample(name: str, sub_account: str = SUB_ACCOUNT) -> Any:
    text = (EVENTS / f"{name}.json").read_text("utf-8")
    return json.loads(text.replace(SUB_ACCOUNT, sub_account))


@dataclass(frozen=True)
class Work:
    """A function, and what gives its events once the work before is done; messages in each."""

    name: str
    function: Function
    events: Callable[[], list[Any]]
    units: int = 1


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
    """What the steps of a message's life used, and how they are set up."""

    steps: dict[str, Usage]
    settings: Settings


@dataclass(frozen=True)
class Scenario:
    """Steps of messages' lives through functions of one make."""

    standins: StandIns
    stack: Stack
    function: Callable[..., Function]
    settings: Settings
    # By the work's name.
    runs: defaultdict[str, list[Run]] = field(default_factory=partial(defaultdict, list))

    def send(self, name: str, count: int, size: int = 0, **options: Any) -> Work:
        """`send_sms` with so many messages, each in a request or in batches of a size."""
        sub_account = SUB_ACCOUNT if name == "transactional" else "Acme_Promotional"
        events = partial(self._requests, sub_account, count, size)
        return Work(f"send_sms, {name}", self.function("send_sms", **options), events, size or 1)

    def _requests(self, sub_account: str, count: int, size: int) -> list[dict[str, Any]]:
        # In the first of 32 duplicate windows each a claim costs one write more.
        window = self.stack.number("DuplicateWindowSeconds")
        since_it_began = time.time() % max(32 * window, 600)
        if since_it_began < window + 15:
            time.sleep(window + 15 - since_it_began)
        self.standins.empty()
        bodies: list[Any] = [
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
        event = _sample(f"send_sms/{'batch' if size else 'single'}", sub_account)
        return [
            {**event, "body": one, "headers": event["headers"] | {"content-length": str(len(one))}}
            for one in map(json.dumps, bodies)
        ]

    def steps(self, count: int, *, is_queued: bool = False) -> list[Work]:
        """Return what becomes of messages, step by step, until MoEngage knows of the delivery."""
        steps = [self.send("promotional", count)]
        if is_queued:
            steps = [self.send("queued", count, DISPATCH_MODE="queued")]
            # Which does not wait here to keep its pace.
            function = self.function("dispatch_queue", SEND_RATE_LIMIT="0")
            size = self.stack.dispatch_batch
            events = partial(self._records, "dispatch_queue/one", size)
            steps.append(Work(DISPATCH, function, events, size))
        for state in ("sent", "delivered"):
            function, events = self.function("receive_callback"), partial(self._receipts, state)
            steps.append(Work(f"receive_callback, {state}", function, events))
        function, size = self.function("forward_outcome"), OUTCOMES_OF_A_BATCH
        events = partial(self._records, "forward_outcome/outcome", size)
        return [*steps, Work("forward_outcome, an outcome", function, events, size)]

    def _receipts(self, state: str) -> list[dict[str, Any]]:
        """Return a receipt for each of the messages that 8x8 took."""
        event = _sample(f"receive_callback/receipt_{state}")
        content = json.loads(event["body"])
        events = []
        for message in self.standins.eightx8.messages:
            content["payload"] |= {
                "umid": message.umid,
                "clientMessageId": message.client_message_id,
                "subAccountId": message.sub_account_id,
                "destination": message.destination,
            }
            events.append({**event, "body": json.dumps(content)})
        return events

    def _records(self, sample: str, batch_size: int) -> list[dict[str, Any]]:
        """Return the batches in which Lambda hands over what was put into a queue."""
        (record,) = _sample(sample)["Records"]
        record["attributes"]["SentTimestamp"] = str(int(time.time() * 1000))
        records = (
            {**record, "messageId": f"{number:08d}-aaaa-4bbb-8ccc-dddddddddddd", "body": body}
            for number, body in enumerate(self.standins.queued)
        )
        return [{"Records": some} for some in batched(records, batch_size, strict=False)]

    def reconcile(self) -> Work:
        events = [_sample("reconcile/every_five_minutes")] * 3
        return Work("reconcile", self.function("reconcile"), lambda: events)

    def count(self, most: int, *works: Work) -> int:
        """Count the instructions of so many invocations of the last of these works."""
        return works[-1].function.instructions(self._events(*works), most)

    def do(self, *works: Work, delay: float = 0.0) -> Run:
        """Do works one after another, see that they were done; return the last one's run."""
        events, work = self._events(*works), works[-1]
        self.standins.delay = delay
        found = work.function.run(events, is_patient=work.units > 1)
        self.standins.delay = 0.0
        for answer in found.answers:
            if answer.get("statusCode", 200) != 200:
                raise RuntimeError(f"{work.name}: {answer['body']}")
        self.runs[work.name].append(found)
        return found

    def _events(self, *works: Work) -> list[Any]:
        """Do all of these works but the last one, and return that one's events."""
        if len(works) > 1:
            self.do(*works[:-1])
        events = works[-1].events()
        self.standins.clear()
        return events

    def use(self, work: Work) -> Usage:
        """Do the work once, and count what it used; CPU times are the least of all its runs."""
        # Longer than calls made at once differ, and than moto takes for them.
        found = self.do(work, delay=0.025 if work.units == 1 else max(0.2, work.units / 2000))
        exchanges = self.standins.exchanges
        waits = [round_trips(exchanges, began, ended) for began, ended in found.invocations]
        return Usage(
            messages=len(found.answers) * work.units,
            invocations=len(found.answers),
            calls=Counter(one.service for one in exchanges),
            start_cpu=min(one.start_cpu for one in self.runs[work.name]),
            # Early ones may still wait for what was begun at start, and a busy machine adds some.
            waits=reduce(and_, waits),
            charges=self.standins.charges,
            log=found.log,
            sent_bytes=sum(one.sent_bytes for one in exchanges),
            cpu=min(one.cpu for one in self.runs[work.name]),
        )

    def live(self, count: int, *, is_queued: bool = False) -> Life:
        """Count what the steps of so many messages use."""
        steps = {work.name: self.use(work) for work in self.steps(count, is_queued=is_queued)}
        if len(self.standins.moengage.reports) != count:
            raise RuntimeError(f"not all of {count} messages were reported to MoEngage")
        return Life(steps, self.settings)

    def live_in_batches(self, queued: Life) -> Life:
        """Return a life that begins in a batch, and goes on from the send queue as others do."""
        usage = self.use(self.send("the largest batch", BATCH, BATCH))
        if len(self.standins.queued) != usage.messages:
            raise RuntimeError(f"not all of {usage.messages} messages were queued")
        return replace(queued, steps=queued.steps | {next(iter(queued.steps)): usage})
