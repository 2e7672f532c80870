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
from local.eightx8.contract import MAX_BATCH_SIZE, faults_of_batch, messages_of_batch
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


class _Acceptance(NamedTuple):
    """A message that is accepted, unless a fault comes between."""

    order: Order
    scenario: Scenario


class _Rejection(NamedTuple):
    """A message of a batch that is not accepted."""

    message: dict[str, Any]
    description: str


class SendApi:
    """The two ways to send."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[web.RouteDef]:
        """Return the API's routes."""
        messages = "/api/v1/subaccounts/{subAccountId}/messages"
        return [
            web.post(messages, self._send_one),
            # Not documented, and used by a node of n8n that an employee of 8x8 wrote.
            web.post(f"{messages}/", self._send_one),
            web.post(f"{messages}/batch", self._send_batch),
        ]

    async def _send_one(self, request: web.Request) -> web.Response:
        return await self._recorded(request, batch=False)

    async def _send_batch(self, request: web.Request) -> web.Response:
        return await self._recorded(request, batch=True)

    async def _recorded(self, request: web.Request, *, batch: bool) -> web.Response:
        content = await request.read()
        record = SendRequest(
            sub_account_id=request.match_info["subAccountId"],
            body=_as_sent(content),
            at=self._platform.clock(),
            batch=batch,
            path=request.path,
            headers=_masked(request.headers),
        )
        self._platform.requests.append(record)
        try:
            sub_account_id = self._admit(request)
            body = json_of(request, content)
            if batch:
                answer = await self._batch(request, sub_account_id, body)
            else:
                answer = await self._one(request, sub_account_id, body)
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

    async def _one(
        self, request: web.Request, sub_account_id: str, body: Any
    ) -> web.Response | None:
        order = read_order(body, self._platform.clock())
        scenario = self._platform.meet(order)
        await self._think(scenario)

        def accept() -> web.Response:
            return web.json_response(
                _answer_of(self._platform.take(sub_account_id, order, scenario))
            )

        return await self._answer(request, scenario.fault, accept)

    async def _batch(
        self, request: web.Request, sub_account_id: str, body: Any
    ) -> web.Response | None:
        if isinstance(body, dict) and isinstance(body.get("messages"), list):
            size = len(body["messages"])
            if size > MAX_BATCH_SIZE:
                raise Refusal(400, 1100, f"Bulk limit exceeded: {size} messages")
        if problems := faults_of_batch(body):
            raise invalid(problems[0].field)
        verdicts: list[_Acceptance | _Rejection] = []
        faults_of_all: list[Fault] = []
        for message in messages_of_batch(body):
            try:
                order = read_order(message, self._platform.clock())
            except Refusal as refusal:
                verdicts.append(_Rejection(message, refusal.description))
                continue
            scenario = self._platform.meet(order)
            fault = scenario.fault
            if fault and fault.is_of_one_message:
                verdicts.append(_Rejection(message, fault.message))
                continue
            verdicts.append(_Acceptance(order, scenario))
            faults_of_all += [fault] if fault else []
        await self._think(*(one.scenario for one in verdicts if isinstance(one, _Acceptance)))

        def accept() -> web.Response:
            return web.json_response(self._take_batch(sub_account_id, body, verdicts))

        return await self._answer(request, next(iter(faults_of_all), None), accept)

    def _take_batch(
        self,
        sub_account_id: str,
        body: dict[str, Any],
        verdicts: list[_Acceptance | _Rejection],
    ) -> dict[str, Any]:
        ids = {"batch_id": self._platform.new_id(), "client_batch_id": _client_batch_id(body)}
        answers = [
            _answer_of(self._platform.take(sub_account_id, verdict.order, verdict.scenario, **ids))
            if isinstance(verdict, _Acceptance)
            else _rejection_of(self._platform.new_id(), verdict)
            for verdict in verdicts
        ]
        accepted = sum(answer["status"]["code"] == "QUEUED" for answer in answers)
        summary: dict[str, Any] = {
            "batchId": ids["batch_id"],
            "acceptedCount": accepted,
            "rejectedCount": len(answers) - accepted,
        }
        if ids["client_batch_id"]:
            summary["clientBatchId"] = ids["client_batch_id"]
        if body.get("includeMessagesInResponse"):
            summary["messages"] = answers
        return summary

    async def _think(self, *scenarios: Scenario) -> None:
        longest = max((scenario.seconds_to_answer for scenario in scenarios), default=0)
        if longest:
            await self._platform.sleep(longest)

    async def _answer(
        self, request: web.Request, fault: Fault | None, accept: Callable[[], web.Response]
    ) -> web.Response | None:
        """Accept and answer, as far as the fault lets it come to that; ``None`` for no answer."""
        if fault is None:
            return accept()
        if fault.accepted:
            accept()
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


def _answer_of(message: SmsMessage) -> dict[str, Any]:
    rejection = message.scenario.rejection
    return _answer(
        message.umid,
        message.request,
        destination=message.destination.removeprefix("+"),
        encoding=message.encoding,
        code="REJECTED" if rejection else "QUEUED",
        description=rejection or _ACCEPTED,
    )


def _rejection_of(umid: str, rejection: _Rejection) -> dict[str, Any]:
    message = rejection.message
    return _answer(
        umid,
        message,
        destination=str(message.get("destination", "")),
        encoding=parts_of(str(message.get("text", ""))).encoding,
        code="REJECTED",
        description=rejection.description,
    )


def _answer(
    umid: str,
    message: dict[str, Any],
    *,
    destination: str,
    encoding: str,
    code: str,
    description: str,
) -> dict[str, Any]:
    own_id = {"clientMessageId": message["clientMessageId"]} if "clientMessageId" in message else {}
    return {
        "umid": umid,
        **own_id,
        "destination": destination,
        "encoding": encoding,
        "status": {"code": code, "description": description},
    }


def _client_batch_id(body: dict[str, Any]) -> str:
    return str(body.get("clientBatchId", ""))


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
