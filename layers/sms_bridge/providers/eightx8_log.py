"""8x8's own record of a message."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from sms_bridge.api.errors import Code
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Receipt
from sms_bridge.domain.state import state_of_receipt
from sms_bridge.providers.eightx8 import ApiKeys
from sms_bridge.providers.http import Answer, Connections, Payload, retry_after_of
from sms_bridge.values import value

ASKED_AT_ONCE = 8

_CONNECT_TIMEOUT = 1.0
_READ_TIMEOUT = 3.0
_LONGEST_PAUSE = 2.0

_WORDS = {
    Code.EIGHTX8_UNAUTHORIZED: "8x8 refuses the bridge's API key",
    Code.EIGHTX8_UNREACHABLE: "8x8 cannot be reached",
    Code.EIGHTX8_TIMEOUT: "8x8 did not answer in time",
    Code.EIGHTX8_THROTTLED: "8x8 allows one such question a second; ask again",
    Code.EIGHTX8_UNAVAILABLE: "8x8 gave no usable answer",
}


class DetailsFailedError(Exception):
    """8x8 did not say whether it has a message.

    Parameters
    ----------
    code
        Why.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(_WORDS[code])
        self.code = code


class MessageDetails:
    """Asks 8x8 about one message: at most once a second for each sub-account (8x8's limit).

    It may be asked from several threads at once.

    Parameters
    ----------
    base_url
        Of the platform region.
    api_keys
        Asked for the key at each call.
    """

    def __init__(
        self, base_url: str, api_keys: ApiKeys, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._connections = Connections(base_url, connect_timeout=_CONNECT_TIMEOUT)
        self._api_keys = api_keys
        self._sleep = sleep

    def client_message_id_of(self, umid: str, sub_account_id: str) -> str:
        """Return the id that 8x8 was given for a message, empty where it has no such message.

        The bridge's ids are what it gives 8x8, so this finds a message by 8x8's id without an
        index of our own.

        Raises
        ------
        DetailsFailedError
            8x8 does not say whether it has it.
        """
        account = quote(sub_account_id, safe="&")
        path = f"/api/v1/subaccounts/{account}/messages/{quote(umid, safe='')}"
        try:
            answer = self._ask(path)
        except ReadTimeoutError:
            raise DetailsFailedError(Code.EIGHTX8_TIMEOUT) from None
        except HTTPError:
            raise DetailsFailedError(Code.EIGHTX8_UNREACHABLE) from None
        # 400: it has not the form of an id, and so there is none.
        if answer.status in (400, 404):
            return ""
        if answer.status in (401, 403):
            raise DetailsFailedError(Code.EIGHTX8_UNAUTHORIZED)
        if answer.status == 429:
            raise DetailsFailedError(Code.EIGHTX8_THROTTLED)
        try:
            details: Any = json.loads(answer.data)
        except ValueError:
            details = None
        if answer.status != 200 or not isinstance(details, dict):
            raise DetailsFailedError(Code.EIGHTX8_UNAVAILABLE)
        found = details.get("clientMessageId")
        return found if isinstance(found, str) else ""

    def _ask(self, path: str) -> Answer:
        """Ask, and once more with a new key or after the pause that 8x8 asks for."""
        key = self._api_keys.api_key()
        answer = self._get(path, key)
        if answer.status == 401:
            newer = self._api_keys.api_key_after_refusal(key)
            return answer if newer == key else self._get(path, newer)
        pause = retry_after_of(answer) or 1.0
        if answer.status == 429 and pause <= _LONGEST_PAUSE:
            self._sleep(pause)
            return self._get(path, key)
        return answer

    def _get(self, path: str, key: str) -> Answer:
        headers = {"authorization": f"Bearer {key}"}
        try:
            return self._connections.get(path, headers=headers, read_timeout=_READ_TIMEOUT)
        except ProtocolError:
            # 8x8 may have closed the connection while it was idle; to ask twice is harmless.
            return self._connections.get(path, headers=headers, read_timeout=_READ_TIMEOUT)


_SECONDS_TO_WAIT = 10.0
_SECONDS_TO_DOWNLOAD = 60.0
_FAILED = ("failed", "cancelled", "error")
# 8x8 does not know the job, or not any more.
_NO_SUCH_JOB = (400, 404, 410)
_OUTBOUND = "1"
_OUR_ID = "clientmessageid"


class ExportFailedError(Exception):
    """There is no export yet, or it cannot be read now; the text is a stable code."""


class NoExportError(ExportFailedError):
    """There will be none: it has to be asked for anew."""


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
        NoExportError
            There will be none.
        ExportFailedError
            It could not be read this time.
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
                if status in _FAILED:
                    raise NoExportError(f"export_{status}")
                is_gone = answer.status in _NO_SUCH_JOB
                failure = NoExportError if is_gone else ExportFailedError
                raise failure(f"export_{answer.status}")
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
