"""8x8's log export: what 8x8 itself says of the messages of a time span."""

import csv
import io
import json
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from sms_bridge.clock import seconds_of
from sms_bridge.http_connection import Answer
from sms_bridge.rules.life_cycle import state_of_receipt
from sms_bridge.rules.messages import Receipt
from sms_bridge.values import value
from sms_bridge.web.connections import Connections, Payload
from sms_bridge.web.eightx8 import ApiKeys

_SECONDS_TO_WAIT = 10.0
_SECONDS_TO_DOWNLOAD = 60.0
_FAILED = ("failed", "cancelled", "error")
_OUTBOUND = "1"
_OUR_ID = "clientmessageid"


class ExportFailedError(Exception):
    """8x8 did not make the export; the text is a stable code."""


@value()
class LogEntry:
    """A message in 8x8's log.

    Attributes
    ----------
    taken_at
        When 8x8 took it, seconds since the epoch; 0 where the log does not tell.
    receipt
        What the log says of it, as a receipt would.
    """

    taken_at: float
    receipt: Receipt


class LogExports:
    """Asks 8x8 for its log and reads it.

    Parameters
    ----------
    connections
        To the platform region's host.
    api_keys
        Asked for the key at each call.
    downloads
        Gets the files, which lie on hosts of 8x8's choice.
    """

    def __init__(
        self,
        connections: Connections,
        api_keys: ApiKeys,
        downloads: urllib3.PoolManager | None = None,
    ) -> None:
        self._connections = connections
        self._api_keys = api_keys
        self._downloads = downloads or urllib3.PoolManager()

    def ask(self, sub_account_id: str, *, since: str, until: str) -> str:
        """Ask for the log of a time span.

        Parameters
        ----------
        since, until
            ISO 8601 UTC.

        Returns
        -------
        str
            8x8's job id.

        Raises
        ------
        ExportFailedError
            8x8 refused, or did not answer.
        """
        body = json.dumps({"from": since, "to": until, "limit": 0}).encode()
        try:
            answer = self._connections.post_json(
                _path(sub_account_id),
                Payload(body),
                headers=self._authorization(),
                read_timeout=_SECONDS_TO_WAIT,
            )
        except HTTPError:
            raise ExportFailedError("eightx8_unreachable") from None
        job_id = _object(answer).get("jobId")
        if answer.status not in (200, 202) or not isinstance(job_id, str) or not job_id:
            raise ExportFailedError(f"export_not_started_{answer.status}")
        return job_id

    def read(self, sub_account_id: str, job_id: str, received_at: str) -> list[LogEntry] | None:
        """Return the log, ``None`` while 8x8 is still at it.

        Parameters
        ----------
        received_at
            Goes into the receipts, ISO 8601 UTC.

        Raises
        ------
        ExportFailedError
            There will be none.
        """
        try:
            answer = self._connections.get(
                f"{_path(sub_account_id)}/{quote(job_id, safe='')}",
                headers=self._authorization(),
                read_timeout=_SECONDS_TO_WAIT,
            )
            job = _object(answer)
            status = job.get("status")
            if answer.status != 200 or status not in ("queued", "running", "succeeded", "empty"):
                # A word that 8x8 does not document may be any text.
                failed = status if status in _FAILED else answer.status
                raise ExportFailedError(f"export_{failed}")
            if status in ("queued", "running"):
                return None
            links = job.get("data") if status == "succeeded" else []
            entries: list[LogEntry] = []
            for link in links if isinstance(links, list) else []:
                entries += _entries(self._download(str(link)), received_at)
        except HTTPError:
            raise ExportFailedError("eightx8_unreachable") from None
        except csv.Error:
            raise ExportFailedError("export_unreadable") from None
        return entries

    def _download(self, link: str) -> str:
        if urlsplit(link).scheme not in ("https", "http"):
            raise ExportFailedError("export_link_unusable")
        answer = self._downloads.request("GET", link, timeout=_SECONDS_TO_DOWNLOAD, retries=False)
        if answer.status != 200:
            raise ExportFailedError(f"export_not_downloaded_{answer.status}")
        return answer.data.decode("utf-8-sig", "replace")

    def _authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._api_keys.api_key()}"}


def _path(sub_account_id: str) -> str:
    return f"/api/v1/subaccounts/{quote(sub_account_id, safe='&')}/messages/exports"


def _object(answer: Answer) -> dict[str, object]:
    try:
        body = json.loads(answer.data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _entries(content: str, received_at: str) -> Iterator[LogEntry]:
    rows = csv.DictReader(io.StringIO(content))
    # What cannot be read must not pass for proof that a message is not there.
    if _OUR_ID not in {name.strip().lower() for name in rows.fieldnames or ()}:
        raise ExportFailedError("export_unreadable")
    for row in rows:
        line = {str(name).strip().lower(): value or "" for name, value in row.items() if name}
        try:
            taken_at = seconds_of(line.get("createdat", ""))
        except (ValueError, OverflowError):
            taken_at = 0.0
        if line.get("direction", _OUTBOUND) != _OUTBOUND:
            continue
        state, error_code = line.get("status_value", "").lower(), line.get("status_errorcode", "")
        yield LogEntry(
            taken_at,
            Receipt(
                umid=line.get("umid", ""),
                client_message_id=line.get(_OUR_ID, ""),
                sub_account_id=line.get("subaccountid", ""),
                state=state_of_receipt(state, error_code),
                eightx8_state=state,
                detail=line.get("status_details", ""),
                at=line.get("status_timestamp", ""),
                received_at=received_at,
                error_code=error_code,
                error_message=line.get("status_errormessage", ""),
            ),
        )
