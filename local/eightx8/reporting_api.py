"""8x8's Reporting API: one message's details, and exports of the log."""

from __future__ import annotations

import csv
import io
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from local.eightx8.contract import faults_of
from local.eightx8.events import given, time_text
from local.eightx8.gate import check_sub_account, json_of
from local.eightx8.numbers import masked
from local.eightx8.platform import Platform
from local.eightx8.records import CURRENCY, SmsMessage
from local.eightx8.refusals import Refusal, invalid

MASKED_TEXT = "**MASKED**"
_NO_PRICE = {"total": 0, "perSms": 0, "currency": CURRENCY}
# Links live for a month.
_SECONDS_OF_A_LINK = 30 * 24 * 3600


@dataclass(frozen=True)
class _Export:
    sub_account_id: str
    token: str
    asked_at: float
    ready_at: float
    rows: list[dict[str, Any]]


class ReportingApi:
    """Tells what became of messages, with numbers and texts masked."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._exports: dict[str, _Export] = {}

    def routes(self) -> list[web.RouteDef]:
        messages = "/api/v1/subaccounts/{subAccountId}/messages"
        return [
            web.post(f"{messages}/exports", self._start_export),
            web.get(f"{messages}/exports/{{jobId}}", self._get_export),
            web.get(f"{messages}/download/{{token}}", self._download),
            web.get(f"{messages}/{{umid}}", self._get_message),
            web.delete(f"{messages}/{{umid}}/pii", self._erase),
        ]

    async def _get_message(self, request: web.Request) -> web.Response:
        sub_account_id = check_sub_account(self._platform, request)
        self._platform.read_throttle.pass_or_refuse(sub_account_id)
        return web.json_response(self._details(self._one_of(request, sub_account_id)))

    async def _erase(self, request: web.Request) -> web.Response:
        self._one_of(request, check_sub_account(self._platform, request)).is_erased = True
        return web.Response(status=202)

    def _one_of(self, request: web.Request, sub_account_id: str) -> SmsMessage:
        umid = request.match_info["umid"].lower()
        try:
            uuid.UUID(umid)
        except ValueError:
            raise Refusal(400, 1000, "Invalid umid.") from None
        for message in self._all_of(sub_account_id):
            if message.umid == umid:
                return message
        raise Refusal(404, 1300, "Message not found.")

    async def _start_export(self, request: web.Request) -> web.Response:
        sub_account_id = check_sub_account(self._platform, request)
        content = await request.read()
        body: dict[str, Any] = json_of(request, content) if content else {}
        if faults := faults_of("LogExportRequest", body):
            raise invalid(faults[0].field)
        now = self._platform.clock()
        job_id = self._long_id()
        self._exports[job_id] = _Export(
            sub_account_id,
            self._long_id(),
            now,
            now + self._platform.pace.until_export,
            [self._row(message) for message in self._asked_for(sub_account_id, body)],
        )
        return web.json_response({"jobId": job_id}, status=202)

    async def _get_export(self, request: web.Request) -> web.Response:
        sub_account_id = check_sub_account(self._platform, request)
        export = self._exports.get(request.match_info["jobId"])
        if export is None or export.sub_account_id != sub_account_id:
            raise Refusal(404, 4018, "Invalid jobId")
        now = self._platform.clock()
        if now < export.ready_at:
            half_way = (export.asked_at + export.ready_at) / 2
            return web.json_response({"status": "queued" if now < half_way else "running"})
        if not export.rows:
            return web.json_response({"status": "empty"})
        path = f"/api/v1/subaccounts/{sub_account_id}/messages/download/{export.token}"
        expires = self._time(export.ready_at + _SECONDS_OF_A_LINK)
        answer = {"status": "succeeded", "data": [f"{request.url.origin()}{path}"]}
        return web.json_response({**answer, "expires": expires})

    async def _download(self, request: web.Request) -> web.Response:
        now = self._platform.clock()
        for export in self._exports.values():
            if (
                export.token == request.match_info["token"]
                and export.ready_at <= now < export.ready_at + _SECONDS_OF_A_LINK
            ):
                file = io.StringIO(newline="")
                writer = csv.DictWriter(file, list(export.rows[0]))
                writer.writeheader()
                writer.writerows(export.rows)
                return web.Response(text=file.getvalue(), content_type="text/csv")
        raise Refusal(404, 1300, "File not found.")

    def _asked_for(self, sub_account_id: str, body: dict[str, Any]) -> list[SmsMessage]:
        today = datetime.fromtimestamp(self._platform.clock(), UTC).date()
        begin = _moment(body, "from", str(today - timedelta(days=7)))
        end = _moment(body, "to", str(today), end_of_day=True)
        if begin >= end:
            raise invalid("from", body.get("from"))
        number = body.get("phoneNumber", "").removeprefix("+")
        countries = body.get("countries", [])
        found = [
            message
            for message in self._all_of(sub_account_id)
            if begin <= message.accepted_at < end
            and message.logged_at + self._platform.log_lag <= self._platform.clock()
            and (not number or message.destination == f"+{number}")
            and (not countries or message.country in countries)
        ]
        return found[: body.get("limit", 0) or None]

    def _all_of(self, sub_account_id: str) -> list[SmsMessage]:
        of_both = [*self._platform.messages, *self._platform.rejected]
        return [message for message in of_both if message.sub_account_id == sub_account_id]

    def _details(self, message: SmsMessage) -> dict[str, Any]:
        ids = {
            "clientMessageId": message.client_message_id,
            "clientBatchId": message.client_batch_id,
            "batchId": message.batch_id,
        }
        return {
            "umid": message.umid,
            "subAccountId": message.sub_account_id,
            "direction": "outbound",
            "country": message.country,
            "status": given(self._status(message)),
            "msisdn": masked(message.destination),
            "source": message.source,
            "body": MASKED_TEXT,
            "encoding": message.encoding,
            "createdAt": self._time(message.accepted_at),
            "smsCount": message.segments,
            "price": message.price or _NO_PRICE,
            **given(ids),
        }

    def _row(self, message: SmsMessage) -> dict[str, Any]:
        status = self._status(message)
        price = message.price or _NO_PRICE
        return {
            "umid": message.umid,
            "subaccountid": message.sub_account_id,
            "direction": 1,
            "country": message.country,
            "operator": "",
            "mcc": "",
            "mnc": "",
            "status_value": status["state"],
            "status_details": status["detail"],
            "status_errorcode": status["errorCode"] or "",
            "status_errormessage": status["errorMessage"],
            "status_timestamp": status["timestamp"],
            "msisdn": masked(message.destination),
            "source": message.source,
            "encoding": message.encoding,
            "createdat": self._time(message.accepted_at),
            "smscount": message.segments,
            "price_currency": price["currency"],
            "price_persms": price["perSms"],
            "price_total": price["total"],
            "clientmessageid": message.client_message_id,
            "clientbatchid": message.client_batch_id,
            "batchid": message.batch_id,
            "body": MASKED_TEXT,
        }

    def _status(self, message: SmsMessage) -> dict[str, Any]:
        """Return the status in the words of reports, which know no ``rejected``."""
        state = "undelivered" if message.state == "rejected" else message.state
        rejection = message.scenario.rejection
        return {
            "state": "failed" if rejection else state,
            "detail": message.last.detail,
            "errorCode": message.last.error_code,
            "errorMessage": rejection or message.last.error_message,
            "timestamp": self._time(message.last_at),
        }

    def _time(self, seconds: float) -> str:
        return time_text(seconds, self._platform.chance)

    def _long_id(self) -> str:
        return (self._platform.new_id() + self._platform.new_id()).replace("-", "")


def _moment(body: dict[str, Any], field: str, otherwise: str, *, end_of_day: bool = False) -> float:
    """Read a date, or a time that is UTC unless it has an offset."""
    text = body.get(field, otherwise)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(field, text) from None
    if end_of_day and len(text) == len("2026-11-24"):
        moment += timedelta(days=1)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
