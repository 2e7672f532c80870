"""8x8 in virtual time: the simulator of the local stack, and what it is told to do."""

import asyncio
import json
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local.eightx8 import (
    Course,
    EightX8Simulator,
    Fault,
    Instruction,
    Pace,
    Receipt,
    Scenario,
    SmsMessage,
)
from local.eightx8.callbacks import ALL_SUB_ACCOUNTS, Target
from local.eightx8.scenarios import (
    ABSENT,
    DELIVERED,
    QUEUED,
    READ,
    REJECTED,
    RETRIED,
    SCENARIOS,
    SENT,
)
from tests.chaos.faults import Faults
from tests.chaos.wire import Mishap, Reply, Request
from tests.chaos.world import World
from tests.chaos.world_loop import Server, WorldLoop

_CALLBACK_URL = "https://bridge.invalid/callbacks/8x8"
_VIRTUAL_NUMBER = "+6598765432"


def _failed(error_code: int) -> tuple[Receipt, ...]:
    return Instruction(course=Course.FAIL, error_code=error_code).scenario.receipts


def _fault(course: Course, *, accepted: bool = True) -> Fault:
    fault = Instruction(course=course, accepted=accepted).scenario.fault
    assert fault is not None
    return fault


# What becomes of a hundred messages.
_RECEIPTS = (
    ((QUEUED, SENT, DELIVERED), 80),
    ((QUEUED, SENT, DELIVERED, READ), 5),
    ((*_failed(4), DELIVERED), 3),
    ((QUEUED, SENT, RETRIED, ABSENT), 3),
    (_failed(46), 5),
    ((QUEUED, SENT, ABSENT, DELIVERED), 2),
    ((QUEUED, REJECTED), 2),
)
_RETRY_AFTER: tuple[int | str, ...] = (1, 2, 30, 600, "soon")
_OTHER_PAGES = (b"<html>", b"[]", b"null", b'{"status": 7}', b"\xff")
_BUSY = Reply(503, b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>")


class EightX8Side:
    """8x8, and the way to it.

    Parameters
    ----------
    api_key
        The one that is valid at first.
    callback_token
        The bridge's, for callbacks.
    post
        Posts a callback to the bridge from within an activity; returns the HTTP status, 0 where
        there is none.
    heard
        Is told what happens to each message, by id.

    Attributes
    ----------
    simulator
        8x8 itself.
    """

    def __init__(
        self,
        world: World,
        loop: WorldLoop,
        faults: Faults,
        *,
        api_key: str,
        callback_token: str,
        sub_account_ids: tuple[str, ...],
        post: Callable[[Target, dict[str, Any]], int],
        heard: Callable[[str, str], None],
    ) -> None:
        self._loop = loop
        self._faults = faults
        self._post = post
        self._heard = heard
        self._random = world.random("8x8")
        self.simulator = EightX8Simulator(
            account_id="00000000-0000-4000-9000-000000000000",
            sub_account_ids=sub_account_ids,
            api_keys=[api_key],
            pace=Pace(until_export=self._random.uniform(0.0, 20.0)),
            seed=self._random.getrandbits(32),
            clock=loop.time,
        )
        self.simulator.post = self._call_back
        webhook = {
            "subAccountId": ALL_SUB_ACCOUNTS,
            "url": _CALLBACK_URL,
            "httpAuthorization": f"Bearer {callback_token}",
        }
        self.simulator.webhooks.put([webhook])
        self._server = Server(loop, world, self.simulator.application(), address="203.0.113.8")

    @property
    def accepted(self) -> dict[str, list[SmsMessage]]:
        """All messages that have a umid, by ``clientMessageId``."""
        accepted = defaultdict(list)
        for message in (*self.simulator.messages, *self.simulator.rejected):
            accepted[message.client_message_id].append(message)
        return accepted

    # ----------------------------------------------------------------------------- on the way to it
    def mishap(self, path: str) -> Mishap[Scenario]:
        """Tell what goes wrong with the next request."""
        strikes, choice = self._faults.strikes, self._faults.choice
        if strikes("outages"):
            return Mishap(is_refused=choice("outages", True, False), instead=_BUSY)
        mishap: Mishap[Scenario] = Mishap(
            is_refused=strikes("refused"),
            is_ignored=strikes("connect_timeout"),
            connects_after=self._faults.amount("slow_connect", 0.5, 10.0),
            is_unread=strikes("reset_before_read"),
        )
        if path.endswith(("/messages", "/messages/batch")):
            mishap.order = Scenario(
                fault=self._fault(), seconds_to_answer=self._seconds_to_answer()
            )
        elif strikes("export_fails"):
            message_type = choice("export_fails", "refused", "lost", "status")
            mishap.is_refused |= message_type == "refused"
            mishap.is_unread |= message_type == "lost"
            mishap.instead = Reply(choice("export_fails", 429, 500, 503, 404))
        return mishap

    def _seconds_to_answer(self) -> float:
        if self._faults.strikes("brownouts"):
            return self._faults.choice("brownouts", 20.0, 45.0)
        return self._faults.amount("slow_taking", 0.5, 40.0)

    def _fault(self) -> Fault | None:
        strikes, choice = self._faults.strikes, self._faults.choice
        throttled = replace(_fault(Course.THROTTLE), times=None)
        if strikes("throttled"):
            return replace(throttled, retry_after=None)
        if strikes("throttled_with_time"):
            return replace(throttled, retry_after=choice("throttled_with_time", *_RETRY_AFTER))
        if strikes("errors_before"):
            status = choice("errors_before", 500, 502, 503, 504)
            return replace(_fault(Course.ERROR, accepted=False), status=status)
        if strikes("reset_after_read"):
            return _fault(Course.DROP)
        if strikes("errors_after"):
            return replace(_fault(Course.ERROR), status=choice("errors_after", 500, 502, 504))
        if strikes("garbage_answers"):
            return Fault("garbage", accepted=True, page=choice("garbage_answers", *_OTHER_PAGES))
        return None

    async def answer(self, request: Request, order: Scenario | None) -> Reply:
        """Answer a request."""
        if order is None:
            if request.method == "POST":
                self._order_export()
            return await self._server.ask(request)
        is_early = self._order(request, order)
        reply = await self._server.ask(request)
        await asyncio.sleep(self._random.uniform(0.02, 0.3) + 2.0 * is_early)
        if reply.status != 200:
            return reply
        await asyncio.sleep(self._slowness())
        return self._spoiled(reply)

    def _slowness(self) -> float:
        if not self._faults.strikes("slow_answer"):
            return 0.0
        return self._faults.choice("slow_answer", 1.0, 3.2, 4.5, 14.0, 40.0)

    def _spoiled(self, reply: Reply) -> Reply:
        """Let something go wrong with the answer on its way, the messages having been taken."""
        body = reply.body
        answer = json.loads(body) if "json" in reply.headers["content-type"] else None
        if isinstance(answer, dict) and "messages" in answer:
            messages = answer["messages"]
            if self._faults.strikes("gaps_in_batches"):
                messages = self._random.sample(messages, len(messages) // 2)
            self._random.shuffle(messages)
            body = json.dumps({**answer, "messages": messages}).encode()
        if self._faults.strikes("cut_answers"):
            body = body[: self._random.randrange(len(body))]
        return replace(reply, body=body)

    # ------------------------------------------------------------------------ what it is told to do
    def _order(self, request: Request, order: Scenario) -> bool:
        """Order what becomes of the messages in a request; tells whether receipts come early."""
        body = json.loads(request.content)
        is_early = False
        for message in body.get("messages", [body]):
            number = message["destination"]
            scenario = replace(order, seconds_to_log=self._random.uniform(1.0, 90.0))
            # By the number, so that one that is refused once is refused again.
            if "refused_numbers" in self._faults.names and number.endswith("7"):
                self._faults.struck["refused_numbers"] += 1
                scenario = replace(
                    scenario, fault=replace(_fault(Course.REFUSE), refuses_batch=True)
                )
            elif scenario.fault is None or scenario.fault.accepted:
                scenario = self._with_receipts(scenario)
                is_early |= scenario.receipts[0].after == 0.0
            self.simulator.scenarios[number.removeprefix("+")] = scenario
            self._heard(message["clientMessageId"], f"8x8 is asked: {_in_words(scenario)}")
        return is_early

    def _with_receipts(self, scenario: Scenario) -> Scenario:
        strikes, amount = self._faults.strikes, self._faults.amount
        if strikes("rejected"):
            return replace(scenario, rejection=SCENARIOS["0003"].rejection)
        kinds, weights = zip(*_RECEIPTS, strict=True)
        (planned,) = self._random.choices(kinds, weights)
        is_early = strikes("receipts_early")
        receipts: list[Receipt] = []
        for receipt in planned:
            after = 0.001 * bool(receipts) if is_early else self._random.uniform(0.2, 20.0)
            if strikes("receipts_late"):
                after += self._random.uniform(3600.0, 47 * 3600.0 / len(planned))
            reported = amount("receipts_shuffled", 0.0, 120.0)
            callbacks_after: tuple[float, ...] = (reported,)
            if strikes("receipts_lost"):
                callbacks_after = ()
            elif strikes("receipts_doubled"):
                callbacks_after = (reported, reported + self._random.uniform(0.0, 60.0))
            receipts.append(replace(receipt, after=after, callbacks_after=callbacks_after))
        return replace(scenario, receipts=tuple(receipts))

    def _order_export(self) -> None:
        lag = self._faults.amount("export_lags", 60.0, 7200.0)
        self.simulator.log_lag = math.inf if self._faults.strikes("export_empty") else lag

    def receive(self, sub_account_id: str, number: str, text: str) -> None:
        """Take an SMS from a person, and call back."""

        async def receive() -> None:
            await self.simulator.receive_inbound(
                sub_account_id=sub_account_id,
                source=number,
                destination=_VIRTUAL_NUMBER,
                body=text,
            )

        self._loop.begin(receive())

    async def _call_back(self, target: Target, event: dict[str, Any]) -> int:
        try:
            async with asyncio.timeout(self.simulator.pace.callback_timeout):
                status = await self._loop.in_an_activity(lambda: self._post(target, event))
        except TimeoutError:
            status = 0
        payload = event["payload"]
        if "clientMessageId" in payload:
            reported = f"8x8 tells {payload['status']['state']}: {status or 'no answer'}"
            self._heard(payload["clientMessageId"], reported)
        return status


def _in_words(scenario: Scenario) -> str:
    fault = scenario.fault
    if scenario.rejection or (fault and not fault.accepted):
        return "not taken"
    return f"taken, to be {scenario.receipts[-1].state}" + (f", {fault.kind}" if fault else "")
