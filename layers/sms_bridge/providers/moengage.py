"""MoEngage's delivery tracking and Data API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError
from urllib3.util import make_headers

from sms_bridge.domain.arrivals import InboundMessage
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, Outcome
from sms_bridge.domain.opt_out import Identifier, Keyword, OptRequest
from sms_bridge.domain.phone_number import digits_of
from sms_bridge.domain.reporting import Report, ReportResult, ReportVerdict
from sms_bridge.providers.http import Connections, Payload

_SECONDS_TO_ANSWER = 4.0


def delivery_tracking(url: str, connections: Connections) -> Report:
    """Return what reports to MoEngage what became of a message.

    The path of the URL is what lets one report, so it never shows in a log.
    """
    split = urlsplit(url)
    path = split.path + (f"?{split.query}" if split.query else "")
    return lambda message, outcome: _post(connections, path, report_body(message, outcome), {})


@dataclass(frozen=True, eq=False, repr=False)
class DataApi:
    """Writes MoEngage's users: that people opted out or in, and what they wrote."""

    url: str
    """Of *Track User*, ``https://api-0X.moengage.com/v1/customer/{workspace id}``."""
    connections: Connections
    identifier: Identifier
    inbound_event: str = ""
    """Names the event that an inbound SMS is."""

    def set_subscription(
        self, number: str, opt_request: OptRequest, *, api_key: str
    ) -> ReportResult:
        value = "OPTOUT" if opt_request is OptRequest.OPT_OUT else "OPTIN"
        person = self._person(number)
        identifiers = person.pop("user_identifiers", {})
        attributes = {"moe_sms_subscription": value, **identifiers}
        return self._post("customer", {**person, "attributes": attributes}, api_key)

    def track_inbound(
        self, inbound: InboundMessage, keyword: Keyword | None, *, api_key: str
    ) -> ReportResult:
        action = {
            "action": self.inbound_event,
            "attributes": {
                "text": inbound.text,
                "keyword": keyword or "none",
                "subAccountId": inbound.sub_account_id,
                "sentTo": inbound.destination,
                "eightx8Umid": inbound.umid,
            },
            # Never later than now, which MoEngage would not take.
            "current_time": timestamp(inbound.sent_at or inbound.received_at),
        }
        body = {**self._person(inbound.source), "actions": [action]}
        return self._post("event", body, api_key)

    def _person(self, number: str) -> dict[str, Any]:
        """Return the fields by which the Data API knows a person."""
        digits = digits_of(number)
        if self.identifier is Identifier.MOE_MOBILE:
            return {"user_identifiers": {"moe_mobile": f"+{digits}"}}
        plus = "+" if self.identifier is Identifier.CUSTOMER_ID_WITH_PLUS else ""
        return {"customer_id": plus + digits}

    def _post(self, kind: str, body: Mapping[str, object], api_key: str) -> ReportResult:
        version, _, workspace_id = urlsplit(self.url).path.rsplit("/", 2)
        credentials = make_headers(basic_auth=f"{workspace_id}:{api_key}")
        headers = {**credentials, "moe-appkey": workspace_id}
        path = f"{version}/{kind}/{workspace_id}"
        return _post(self.connections, path, {"type": kind, **body}, headers)


def report_body(message: Message, outcome: Outcome) -> dict[str, str]:
    """Return the body of a report; ``umid`` is the bridge's id, as MoEngage got it as an answer.

    Flat, and always with the same keys: MoEngage's mapping reads only the top level, and its
    automatic mapping learns the keys from one report.
    """
    return {
        "umid": message.id,
        "status": outcome.status,
        "reason": outcome.reason,
        "description": outcome.description,
        "eightx8Umid": message.umid,
    }


def _post(
    connections: Connections, path: str, body: Mapping[str, object], headers: dict[str, str]
) -> ReportResult:
    """Call MoEngage once. It documents no codes but 413, so the verdict is HTTP's own sense."""
    try:
        answer = connections.ask(path, headers, Payload(body), seconds=_SECONDS_TO_ANSWER)
    except HTTPError as error:
        return ReportResult(ReportVerdict.RETRY, error=type(error).__name__)
    verdict = ReportVerdict.RETRY
    if 200 <= answer.status < 300:
        verdict = ReportVerdict.ACKNOWLEDGED
    elif 400 <= answer.status < 500 and answer.status not in (408, 429):
        verdict = ReportVerdict.REFUSED
    return ReportResult(verdict, answer.status, retry_after=answer.retry_after)
