"""MoEngage's delivery tracking and user profiles."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError
from urllib3.util import make_headers

from sms_bridge.domain.message import Message, Outcome
from sms_bridge.domain.opt_out import Identifier, OptRequest
from sms_bridge.domain.outcome import ReportResult, ReportVerdict, report_verdict_of
from sms_bridge.domain.phone_number import digits_of
from sms_bridge.json_text import json_text
from sms_bridge.providers.http import Connections, Payload, retry_after_of


class DeliveryTracking:
    """Tells MoEngage what became of a message.

    Parameters
    ----------
    url
        The delivery-tracking URL of one service provider. Its path is what lets one report, so
        it never shows in a log.
    connections
        To the URL's host.
    seconds
        For how long to wait for an answer.
    """

    def __init__(self, url: str, connections: Connections, *, seconds: float = 4.0) -> None:
        split = urlsplit(url)
        self._path = split.path + (f"?{split.query}" if split.query else "")
        self._connections = connections
        self._seconds = seconds

    def report(self, message: Message, outcome: Outcome) -> ReportResult:
        """Report one outcome, once."""
        return _post(self._connections, self._path, report(message, outcome), {}, self._seconds)


class UserProfiles:
    """Writes to MoEngage's user profiles what people wish.

    Parameters
    ----------
    url
        Of the Data API's *Track User*, ``https://api-0X.moengage.com/v1/customer/{workspace id}``.
    connections
        To the URL's host.
    seconds
        For how long to wait for an answer.
    """

    def __init__(
        self, url: str, connections: Connections, *, identifier: Identifier, seconds: float = 4.0
    ) -> None:
        self._path = urlsplit(url).path
        self._workspace_id = self._path.rpartition("/")[2]
        self._connections = connections
        self._identifier = identifier
        self._seconds = seconds

    def set_subscription(
        self, number: str, opt_request: OptRequest, *, api_key: str
    ) -> ReportResult:
        """Set the attribute ``moe_sms_subscription`` of a person, once."""
        digits = digits_of(number)
        attributes = {
            "moe_sms_subscription": "OPTOUT" if opt_request is OptRequest.OPT_OUT else "OPTIN"
        }
        body: dict[str, object] = {"type": "customer", "attributes": attributes}
        match self._identifier:
            case Identifier.MOE_MOBILE:
                attributes["moe_mobile"] = f"+{digits}"
            case Identifier.CUSTOMER_ID:
                body["customer_id"] = digits
            case Identifier.CUSTOMER_ID_WITH_PLUS:
                body["customer_id"] = f"+{digits}"
        headers = {
            **make_headers(basic_auth=f"{self._workspace_id}:{api_key}"),
            "moe-appkey": self._workspace_id,
        }
        return _post(self._connections, self._path, body, headers, self._seconds)


def _post(
    connections: Connections,
    path: str,
    body: Mapping[str, object],
    headers: dict[str, str],
    seconds: float,
) -> ReportResult:
    content = json_text(body).encode()
    try:
        answer = connections.post_json(
            path, Payload(content), headers=headers, read_timeout=seconds
        )
    except HTTPError as error:
        return ReportResult(verdict=ReportVerdict.RETRY, error=type(error).__name__)
    return ReportResult(
        verdict=report_verdict_of(answer.status),
        http_status=answer.status,
        retry_after=retry_after_of(answer),
    )


def report(message: Message, outcome: Outcome) -> dict[str, str]:
    """Return the body of a report.

    Flat, and always with the same keys: MoEngage's mapping reads only the top level, and its
    automatic mapping learns the keys from one report.
    """
    return {
        "messageId": message.id,
        "status": outcome.status,
        "reason": outcome.reason,
        "description": outcome.description,
        "umid": message.umid,
    }
