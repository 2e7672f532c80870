"""8x8's Send SMS API: one message, and a batch."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from aiohttp import web

from local.eightx8.callbacks import MASK
from local.eightx8.contract import MAX_BATCH_SIZE, faults_of, messages_of_batch
from local.eightx8.gate import check_sub_account, json_of
from local.eightx8.orders import Order, read_order
from local.eightx8.platform import Platform
from local.eightx8.records import SendRequest, SmsMessage
from local.eightx8.refusals import Refusal, invalid
from local.eightx8.scenarios import Fault, Scenario
from local.eightx8.segments import parts_of

_ACCEPTED = "SMS is accepted and queued for processing"
# As long as a load balancer would keep a silent connection.
_SECONDS_TO_HANG = 60
# Closes with a reset instead of the usual goodbye.
_NO_LINGER = struct.pack("ii", 1, 0)

Json = dict[str, Any]


class _Acceptance(NamedTuple):
    """A message that is accepted, unless a fault comes between."""

    order: Order
    scenario: Scenario


class _Rejection(NamedTuple):
    """A message of a batch that is not accepted."""

    message: Json
    description: str


class _Plan(NamedTuple):
    """What becomes of a request: accepting gives the answer."""

    scenarios: list[Scenario]
    fault: Fault | None
    accept: Callable[[], Json]


class SendApi:
    """The two ways to send."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[web.RouteDef]:
        messages = "/api/v1/subaccounts/{subAccountId}/messages"
        # That with the slash is not documented, and used by a node of n8n that an employee of 8x8
        # wrote.
        return [web.post(f"{messages}{end}", self._send) for end in ("", "/", "/batch")]

    async def _send(self, request: web.Request) -> web.Response:
        content = await request.read()
        record = SendRequest(
            sub_account_id=request.match_info["subAccountId"],
            body=_as_sent(content),
            at=self._platform.clock(),
            batch=request.path.endswith("/batch"),
            path=request.path,
            headers=_masked(request.headers),
        )
        self._platform.requests.append(record)
        try:
            sub_account_id = self._admit(request)
            body = json_of(request, content)
            plan = (self._batch if record.batch else self._one)(sub_account_id, body)
            if longest := max((one.seconds_to_answer for one in plan.scenarios), default=0):
                await self._platform.sleep(longest)
            answer = await self._answer(request, plan)
        except Refusal as refusal:
            record.status, record.code = refusal.status, refusal.code
            raise
        if answer is None:
            return web.Response()  # the connection is gone
        record.status = answer.status
        return answer

    def _admit(self, request: web.Request) -> str:
        sub_account_id = check_sub_account(self._platform, request)
        self._platform.address_throttle.pass_or_refuse(request.remote or "")
        self._platform.sub_account_throttle.pass_or_refuse(sub_account_id)
        return sub_account_id

    def _one(self, sub_account_id: str, body: Any) -> _Plan:
        order = read_order(body, self._platform.clock())
        scenario = self._platform.meet(order)

        def accept() -> Json:
            return _answer_of(self._platform.take(sub_account_id, order, scenario))

        return _Plan([scenario], scenario.fault, accept)

    def _batch(self, sub_account_id: str, body: Any) -> _Plan:
        if isinstance(body, dict) and isinstance(body.get("messages"), list):
            size = len(body["messages"])
            if size > MAX_BATCH_SIZE:
                raise Refusal(400, 1100, f"Bulk limit exceeded: {size} messages")
        if problems := faults_of("BatchEnvelope", body):
            raise invalid(problems[0].field)
        verdicts = [self._verdict_on(message) for message in messages_of_batch(body)]
        scenarios = [one.scenario for one in verdicts if isinstance(one, _Acceptance)]
        faults = (scenario.fault for scenario in scenarios if scenario.fault)
        return _Plan(
            scenarios, next(faults, None), lambda: self._take_batch(sub_account_id, body, verdicts)
        )

    def _verdict_on(self, message: Json) -> _Acceptance | _Rejection:
        try:
            order = read_order(message, self._platform.clock())
        except Refusal as refusal:
            return _Rejection(message, refusal.description)
        scenario = self._platform.meet(order)
        if scenario.fault and scenario.fault.is_of_one_message:
            return _Rejection(message, scenario.fault.message)
        return _Acceptance(order, scenario)

    def _take_batch(
        self, sub_account_id: str, body: Json, verdicts: list[_Acceptance | _Rejection]
    ) -> Json:
        own_id = str(body.get("clientBatchId", ""))
        ids = {"batch_id": self._platform.new_id(), "client_batch_id": own_id}
        answers = [
            _answer_of(self._platform.take(sub_account_id, verdict.order, verdict.scenario, **ids))
            if isinstance(verdict, _Acceptance)
            else _answer(
                self._platform.new_id(),
                verdict.message,
                destination=str(verdict.message.get("destination", "")),
                encoding=parts_of(str(verdict.message.get("text", ""))).encoding,
                rejection=verdict.description,
            )
            for verdict in verdicts
        ]
        accepted = sum(answer["status"]["code"] == "QUEUED" for answer in answers)
        return {
            "batchId": ids["batch_id"],
            "acceptedCount": accepted,
            "rejectedCount": len(answers) - accepted,
            **({"clientBatchId": own_id} if own_id else {}),
            **({"messages": answers} if body.get("includeMessagesInResponse") else {}),
        }

    async def _answer(self, request: web.Request, plan: _Plan) -> web.Response | None:
        """Accept and answer, as far as the fault lets it come to that; ``None`` for no answer."""
        fault = plan.fault
        if fault is None:
            return web.json_response(plan.accept())
        if fault.accepted:
            plan.accept()
        match fault.kind:
            case "answer":
                raise Refusal(
                    fault.status, fault.code, fault.message, retry_after=fault.retry_after
                )
            case "garbage":
                return web.Response(body=fault.page, content_type="text/html")
            case "hang":
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._platform.stopping.wait(), _SECONDS_TO_HANG)
        _reset(request)
        return None


def _answer_of(message: SmsMessage) -> Json:
    return _answer(
        message.umid,
        message.request,
        destination=message.destination.removeprefix("+"),
        encoding=message.encoding,
        rejection=message.scenario.rejection,
    )


def _answer(umid: str, message: Json, *, destination: str, encoding: str, rejection: str) -> Json:
    own_id = {"clientMessageId": message["clientMessageId"]} if "clientMessageId" in message else {}
    return {
        "umid": umid,
        **own_id,
        "destination": destination,
        "encoding": encoding,
        "status": {
            "code": "REJECTED" if rejection else "QUEUED",
            "description": rejection or _ACCEPTED,
        },
    }


def _masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Copy headers, the key hidden."""
    copied = dict(headers)
    if "Authorization" in copied:
        copied["Authorization"] = f"{copied['Authorization'].partition(' ')[0]} {MASK}"
    return copied


def _as_sent(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode(errors="replace")


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
