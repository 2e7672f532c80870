"""MoEngage as far as an SMS service provider meets it.

It sends a webhook a message and judges the answer, takes delivery reports, and keeps what it
believes of each message. Where its documentation is silent, the less convenient reading was
accepted: a report about an id that it has not read yet is lost, and a first report stands.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from local.moengage.configuration import (
    DeliveryTracking,
    Macro,
    Sender,
    WebhookRequest,
    fill_in,
)
from local.moengage.data_api import DataApi
from local.moengage.records import CampaignMessage, Fault, Report, WebhookAnswer
from local.servers import serve

SECONDS_TO_ANSWER = 5.0
RETRIES = 3
SECONDS_BETWEEN_RETRIES = 5.0
REPORT_LIMIT_BYTES = 150 * 1024

Exchange = Callable[[WebhookRequest], Awaitable[tuple[int, bytes]]]
"""Makes a webhook's request; returns the HTTP status and the content of the answer.

Raises ``TimeoutError`` without an answer in time, and ``ConnectionError`` without any.
"""

# None of these is MoEngage's to add.
NOT_ADDED = ("Content-Type", "Accept-Encoding")


class MoEngageSimulator:
    """A workspace with custom SMS service providers.

    Parameters
    ----------
    retries, seconds_between_retries
        What follows a failure. Not every workspace retries.
    clock
        Seconds since the epoch; replaced by tests that turn the time.

    Attributes
    ----------
    exchange
        How webhooks leave; set while it runs.
    reports
        Every call to a delivery-tracking URL that exists, in order.
    lost
        Acknowledged reports about an id that no service provider gave.
    faults
        What happens to the next reports, one each.
    """

    def __init__(
        self,
        *,
        seconds_to_answer: float = SECONDS_TO_ANSWER,
        retries: int = 0,
        seconds_between_retries: float = SECONDS_BETWEEN_RETRIES,
        data_api: DataApi | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._changed = asyncio.Condition()
        self.data_api = data_api or DataApi("workspace", secrets.token_urlsafe(16))
        self.messages: list[CampaignMessage] = []
        self.reports: list[Report] = []
        self.lost: list[Report] = []
        self.faults: deque[Fault] = deque()
        self.exchange: Exchange | None = None
        self.seconds_to_answer = seconds_to_answer
        self._retries = retries
        self._seconds_between_retries = seconds_between_retries
        self._senders: list[Sender] = []
        self._trackings: dict[str, tuple[str, DeliveryTracking]] = {}
        self._by_unique_id: dict[str, CampaignMessage] = {}
        self._clock = clock

    def application(self) -> web.Application:
        """Return what answers the requests for delivery tracking and to the Data API."""
        application = web.Application(client_max_size=REPORT_LIMIT_BYTES)
        application.add_routes(self.data_api.routes())
        application.router.add_post("/sms/dlr/custom/{connector_id}", self._take_report)
        return application

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[str]:
        """Serve delivery tracking and the Data API on loopback; gives their base URL."""
        timeout = aiohttp.ClientTimeout(total=self.seconds_to_answer)
        async with (
            aiohttp.ClientSession(
                timeout=timeout, skip_auto_headers=NOT_ADDED, trust_env=False
            ) as session,
            serve(self.application(), port=port) as url,
        ):

            async def exchange(request: WebhookRequest) -> tuple[int, bytes]:
                try:
                    async with session.request(
                        request.method,
                        URL(request.url, encoded=True),
                        headers=request.headers,
                        data=request.body or None,
                        allow_redirects=False,
                    ) as answer:
                        return answer.status, await answer.read()
                except aiohttp.ClientError as error:
                    # Some of them are timeouts as well.
                    is_late = isinstance(error, TimeoutError)
                    raise TimeoutError if is_late else ConnectionError from error

            self.exchange = exchange
            yield url

    async def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until a condition holds, looking at each report that comes."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    # ---------------------------------------------------------------------------- the settings
    def save_sender(self, sender: Sender, *, instead_of: Sender | None = None) -> None:
        """Save a sender, a new one or in place of one that is edited."""
        others = [other for other in self._senders if other != instead_of]
        for other in others:
            if other.name == sender.name:
                raise ValueError("there is a sender of this name already")
            same_host = urlsplit(other.api_url).netloc == urlsplit(sender.api_url).netloc
            if same_host and other.service_provider != sender.service_provider:
                raise ValueError("every service provider needs a host name of its own")
        if instead_of in self._senders:
            self._senders[self._senders.index(instead_of)] = sender
        else:
            self._senders.append(sender)

    def save_delivery_tracking(
        self, service_provider: str, connector_id: str, tracking: DeliveryTracking
    ) -> None:
        """Save how the reports of a service provider are to be read."""
        if all(sender.service_provider != service_provider for sender in self._senders):
            raise ValueError("the service provider has no sender yet")
        self._trackings[connector_id] = (service_provider, tracking)

    def renew_connector(self, connector_id: str, new: str) -> None:
        """Give a service provider another id, as if its sender was deleted and made again."""
        self._trackings[new] = self._trackings.pop(connector_id)

    @property
    def senders(self) -> tuple[Sender, ...]:
        return tuple(self._senders)

    def tracking_of(self, service_provider: str) -> DeliveryTracking | None:
        """Return how the reports of a service provider are read, ``None`` if it is not set up."""
        return next(
            (known for provider, known in self._trackings.values() if provider == service_provider),
            None,
        )

    # ------------------------------------------------------------------------------ the sending
    async def send(
        self, sender: Sender, *, destination: str, text: str, campaign_id: str = ""
    ) -> CampaignMessage:
        """Send one message of a campaign, with the retries of this workspace."""
        message = self.add(sender, destination=destination, text=text, campaign_id=campaign_id)
        await self.run(message)
        return message

    def add(
        self, sender: Sender, *, destination: str, text: str, campaign_id: str = ""
    ) -> CampaignMessage:
        """Add a message to a campaign that is yet to run."""
        values = {
            Macro.DESTINATION: destination,
            Macro.MESSAGE: text,
            Macro.CAMPAIGN_ID: campaign_id,
        }
        message = CampaignMessage(
            sender=sender,
            destination=destination,
            request=fill_in(sender, values),
            text=text,
            campaign_id=campaign_id,
            at=self._clock(),
        )
        self.messages.append(message)
        return message

    async def run(self, message: CampaignMessage) -> None:
        """Make a message's request, and again after failures, as this workspace does."""
        await self.send_again(message)
        for _ in range(self._retries):
            if message.sent:
                break
            await asyncio.sleep(self._seconds_between_retries)
            await self.send_again(message)

    async def send_again(self, message: CampaignMessage) -> WebhookAnswer:
        """Make a message's request (once more: a batch may be run again after trouble)."""
        at = self._clock()
        answer = await self._call(message.request, message.sender.service_provider)
        answer = replace(answer, at=at, seconds=self._clock() - at)
        message.answers.append(answer)
        if answer.unique_id:
            self._by_unique_id[answer.unique_id] = message
        return answer

    async def _call(self, request: WebhookRequest, service_provider: str) -> WebhookAnswer:
        assert self.exchange is not None, "the simulator is not running"  # noqa: S101  # nosec B101
        try:
            status, answered = await self.exchange(request)
        except TimeoutError:
            return WebhookAnswer(http_status=0, error_code="timeout")
        except ConnectionError:
            return WebhookAnswer(http_status=0, error_code="no_connection")
        content = _flat(answered)
        if status != 200:
            code = _text(content.get("reason") or content.get("code")) or f"http_{status}"
            return WebhookAnswer(http_status=status, error_code=code, content=content)
        tracking = self.tracking_of(service_provider)
        unique_id = _text(content.get(tracking.sent_unique_id)) if tracking else ""
        return WebhookAnswer(http_status=status, unique_id=unique_id, content=content)

    # ------------------------------------------------------------------------ delivery tracking
    async def _take_report(self, request: web.Request) -> web.Response:
        known = self._trackings.get(request.match_info["connector_id"])
        if known is None:
            raise web.HTTPNotFound
        # More than the limit raises 413.
        content = _flat(await request.read())
        if not content:
            raise web.HTTPBadRequest
        fault = self.faults.popleft() if self.faults else Fault()
        await asyncio.sleep(fault.seconds)
        service_provider, tracking = known
        report = Report(
            unique_id=_text(content.get(tracking.report_unique_id)),
            # Whatever is not listed as a success is a failure.
            succeeded=_text(content.get(tracking.status)) in tracking.success_values,
            reason=_text(content.get(tracking.failure_reason)),
            content=content,
            http_status=fault.http_status,
            at=self._clock(),
        )
        self.reports.append(report)
        if report.http_status == 200:
            message = self._by_unique_id.get(report.unique_id)
            if message is None or message.sender.service_provider != service_provider:
                self.lost.append(report)
            else:
                message.reports.append(report)
        async with self._changed:
            self._changed.notify_all()
        return web.json_response({}, status=fault.http_status, headers=fault.headers)


def _flat(content: bytes) -> dict[str, Any]:
    """Read a JSON object; a list of them counts as its first one."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if isinstance(body, list) and body:
        body = body[0]
    return body if isinstance(body, dict) else {}


def _text(value: object) -> str:
    """Read a top-level value; nested ones are not looked into."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)
