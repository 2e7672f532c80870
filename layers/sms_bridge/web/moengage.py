"""MoEngage's delivery tracking."""

import json
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from sms_bridge.rules.forwarding import Hearing, Telling, hearing_of
from sms_bridge.rules.messages import Message, Outcome
from sms_bridge.web.connections import Connections, Payload, retry_after_of


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

    def tell(self, message: Message, outcome: Outcome) -> Telling:
        """Report one outcome, once."""
        content = json.dumps(report(message, outcome), ensure_ascii=False).encode()
        try:
            answer = self._connections.post_json(
                self._path, Payload(content), headers={}, read_timeout=self._seconds
            )
        except HTTPError as error:
            return Telling(hearing=Hearing.AGAIN, error=type(error).__name__)
        return Telling(
            hearing=hearing_of(answer.status),
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
