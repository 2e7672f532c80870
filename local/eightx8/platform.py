"""What 8x8 holds and does, apart from HTTP: accounts, messages, receipts."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any

from local.eightx8.callbacks import Post, Target, Webhooks
from local.eightx8.contract import matches_parameter
from local.eightx8.events import (
    link_in,
    message_received,
    short_url_clicked,
    status_changed,
    time_text,
)
from local.eightx8.instructions import Instructions
from local.eightx8.orders import Order
from local.eightx8.records import CallbackAttempt, SendRequest, SmsMessage
from local.eightx8.refusals import Throttle
from local.eightx8.scenarios import EXPIRED, SCENARIOS, Receipt, Scenario, scenario_of
from local.eightx8.segments import parts_of

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Pace:
    """Seconds between the things that 8x8 does on its own.

    Attributes
    ----------
    until_receipt
        Before each change of a message's state.
    between_retries
        Before each new attempt at a callback; 8x8 documents 1, 10, 30 and 90.
    callback_timeout
        For an answer to a callback. 8x8 documents none for SMS.
    until_export
        Before an export is ready.
    """

    until_receipt: float = 0.5
    between_retries: tuple[float, ...] = (1, 10, 30, 90)
    callback_timeout: float = 5
    until_export: float = 1


class Platform:
    """One account of 8x8's.

    Parameters
    ----------
    account_id
        A UUID, as 8x8's are.
    seed
        Of the ids and of all chance.
    clock, sleep
        Replaced by tests that turn the time.

    Attributes
    ----------
    api_keys
        Those that are valid now; may be changed at any time.
    post
        How callbacks leave; nothing may be called back without it.
    has_old_webhook
        Whether the account has a webhook of the format before this one; may be changed.
    log_lag
        How many seconds exports of the log are behind; may be changed at any time.
    scenarios
        By the last digits of the destination; add to it or replace.
    instructions
        Come before the scenarios, but not before that of a whole number.
    messages, rejected
        What was accepted, and what was answered 200 and ``REJECTED`` by its scenario, in order.
    requests, callbacks
        Every send request that arrived, and every attempt at a callback, in order.
    sub_account_throttle, address_throttle, read_throttle
        Send requests per sub-account and per IP address, reads per sub-account.
    """

    def __init__(
        self,
        *,
        account_id: str,
        sub_account_ids: Iterable[str],
        api_keys: Iterable[str],
        pace: Pace = Pace(),
        seed: int = 8,
        clock: Clock = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.account_id = account_id
        self.sub_account_ids = frozenset(sub_account_ids)
        names = {"accountId": [account_id], "subAccountId": self.sub_account_ids}
        for parameter, values in names.items():
            for value in values:
                if not matches_parameter(parameter, value):
                    raise ValueError(f"{value!r} has not the form of 8x8's {parameter}")
        self.api_keys = set(api_keys)
        self.post: Post | None = None
        self.pace = pace
        self.log_lag = 0.0
        self.has_old_webhook = False
        self.clock = clock
        self.sleep = sleep
        self.scenarios: dict[str, Scenario] = dict(SCENARIOS)
        self.instructions = Instructions()
        self.messages: list[SmsMessage] = []
        self.rejected: list[SmsMessage] = []
        self.requests: list[SendRequest] = []
        self.callbacks: list[CallbackAttempt] = []
        self.webhooks = Webhooks()
        self.sub_account_throttle = Throttle(1_800, clock)
        self.address_throttle = Throttle(3_000, clock)
        self.read_throttle = Throttle(1, clock)
        self.stopping = asyncio.Event()
        # Apart, so that the ids do not depend on how events interleave.
        self._ids = random.Random(f"{seed} ids")  # noqa: S311 - meant to be repeatable  # nosec B311
        self.chance = random.Random(f"{seed} chance")  # noqa: S311  # nosec B311
        self._fault_counts: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: list[BaseException] = []

    @property
    def pending(self) -> int:
        """How many messages, callbacks and retries are under way."""
        return len(self._tasks)

    def new_id(self) -> str:
        """Return a UUID of the simulator's own sequence."""
        return str(uuid.UUID(int=self._ids.getrandbits(128)))

    def meet(self, order: Order) -> Scenario:
        """Return what becomes of a message at the request at hand, and count the request.

        A fault that it has met often enough is left out.
        """
        number = order.number.e164
        instruction = None
        if number.removeprefix("+") not in self.scenarios:
            instruction = self.instructions.meet(order.client_message_id)
        scenario = instruction.scenario if instruction else scenario_of(self.scenarios, number)
        if scenario.fault is None or scenario.fault.times is None:
            return scenario
        counted = order.client_message_id if instruction else number
        self._fault_counts[counted] += 1
        met_enough = self._fault_counts[counted] > scenario.fault.times
        return replace(scenario, fault=None) if met_enough else scenario

    def take(
        self,
        sub_account_id: str,
        order: Order,
        scenario: Scenario,
        *,
        batch_id: str = "",
        client_batch_id: str = "",
    ) -> SmsMessage:
        """Give a message its umid and start its receipts."""
        parts = parts_of(order.body["text"], order.body.get("encoding", "AUTO"))
        now = self.clock()
        message = SmsMessage(
            umid=self.new_id(),
            sub_account_id=sub_account_id,
            request=order.body,
            destination=order.number.e164,
            country=order.number.country,
            encoding=parts.encoding,
            segments=parts.count,
            cut_off=parts.cut_off,
            scenario=scenario,
            accepted_at=now,
            scheduled_at=order.scheduled_at,
            expires_at=order.expires_at,
            batch_id=batch_id,
            client_batch_id=client_batch_id,
            last_at=now,
            logged_at=now + scenario.seconds_to_log,
        )
        if scenario.rejection:
            self.rejected.append(message)
        else:
            self.messages.append(message)
            self._start(self._live(message))
        return message

    async def receive_inbound(
        self, *, sub_account_id: str, source: str, destination: str, body: str
    ) -> str:
        """Let a person send an SMS to a virtual number of a sub-account."""
        if sub_account_id not in self.sub_account_ids:
            raise ValueError("no virtual number belongs to this sub-account")
        parts = parts_of(body)
        umid = self.new_id()
        payload = {
            "umid": umid,
            "subAccountId": sub_account_id,
            "timestamp": time_text(self.clock(), self.chance),
            "source": source,
            "destination": destination,
            "body": body,
            "encoding": parts.encoding,
            "smsCount": parts.count,
        }
        self._send_event(message_received(payload), self.webhooks.target(sub_account_id))
        return umid

    def click(self, umid: str) -> None:
        """Let a person click the link in a message that is on the phone."""
        for message in self.messages:
            if message.umid == umid and link_in(message):
                at = time_text(self.clock(), self.chance)
                event = short_url_clicked(message, self.new_id(), at)
                self._send_event(event, self.webhooks.target(message.sub_account_id))
                return
        raise ValueError("no message with a link has this umid")

    async def settled(self, seconds: float) -> None:
        """Wait until no message, callback or retry is under way."""
        async with asyncio.timeout(seconds):
            while self._tasks:
                await asyncio.wait(self._tasks)
        self._raise_broken()

    async def _stop(self) -> None:
        self.stopping.set()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._raise_broken()

    async def _live(self, message: SmsMessage) -> None:
        target = self._target_of(message)
        events = []
        for planned in message.scenario.receipts:
            await self.sleep(self.pace.until_receipt if planned.after is None else planned.after)
            receipt = planned
            if message.state == "queued" and planned.state != "queued":
                receipt = await self._leave_queue(message, planned)
            message.last, message.last_at = receipt, self.clock()
            message.history.append(receipt)
            event = status_changed(message, self.chance)
            if message.scenario.callbacks in ("in order", "doubled"):
                for seconds in receipt.callbacks_after:
                    self._send_event(event, target, after=seconds)
            if message.scenario.callbacks == "doubled":
                self._send_event(event, target)
            events.append(event)
            if receipt is EXPIRED:
                break
        if message.scenario.callbacks == "doubled and shuffled":
            events *= 2
            self.chance.shuffle(events)
        if message.scenario.callbacks in ("doubled and shuffled", "reversed"):
            for event in reversed(events):
                self._send_event(event, target)

    async def _leave_queue(self, message: SmsMessage, planned: Receipt) -> Receipt:
        """Wait for the scheduled time; a message that is too old by then expires."""
        if message.scheduled_at > self.clock():
            await self.sleep(message.scheduled_at - self.clock())
        return EXPIRED if self.clock() >= message.expires_at else planned

    def _target_of(self, message: SmsMessage) -> Target | None:
        """Return where a message's receipts go.

        It is not documented that the account's ``Authorization`` value also goes to a message's
        own URL, so it does not.
        """
        own = message.request.get("dlrCallbackUrl")
        return Target(own) if own else self.webhooks.target(message.sub_account_id)

    def _send_event(
        self, event: dict[str, Any], target: Target | None, *, after: float = 0.0
    ) -> None:
        if target is None:
            return
        if self.post is None:
            raise RuntimeError("the simulator does not run")
        self._start(self._call_back(self.post, event, target, after))

    async def _call_back(
        self, post: Post, event: dict[str, Any], target: Target, after: float
    ) -> None:
        """Post an event until it is accepted or the last retry has failed, then never again."""
        for number, wait in enumerate((after, *self.pace.between_retries), start=1):
            if wait:
                await self.sleep(wait)
            attempt = CallbackAttempt(event, target.url, number, at=self.clock())
            self.callbacks.append(attempt)
            attempt.status = await post(target, event)
            if 0 < attempt.status < 400:
                return

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._broken.append(error)

    def _raise_broken(self) -> None:
        if self._broken:
            raise self._broken[0]
