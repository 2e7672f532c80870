"""What 8x8 itself says of messages: one by its id, or an export of its log."""

import csv
import io
import re
import time
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from urllib3.exceptions import HTTPError, LocationParseError, ReadTimeoutError
from urllib3.util import parse_url

from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import MAY_REPLACE, Receipt
from sms_bridge.domain.reconciliation import ExportJob, LogExport
from sms_bridge.errors import DetailsFailedError, ExportFailedError, NoExportError
from sms_bridge.providers.eightx8 import (
    ask_with_key,
    error_code_of,
    json_object,
    messages_path,
    seconds_of_time,
    state_of_receipt,
    time_of,
    words_of,
)
from sms_bridge.providers.http import Connections, Payload

if TYPE_CHECKING:
    from sms_bridge.storage.secret import SecretSource

_SECONDS_FOR_DETAILS = 3.0
_UNAUTHORIZED = "unauthorized", "8x8 refuses the bridge's API key"
_FAILURES = {
    401: _UNAUTHORIZED,
    403: _UNAUTHORIZED,
    429: ("throttled", "8x8 allows one such question a second; ask again"),
}

_SECONDS_TO_ANSWER = 10.0
# A million rows take 12 seconds of CPU time; the function has a third of a processor.
_SECONDS_TO_DOWNLOAD = 120.0
_now = time.monotonic

# Files are fetched from 8x8's own hosts and from the host that was asked, as it was asked. (The
# links of its API reference lie there; other hosts are not documented.)
_HOSTS = (".8x8.com", ".8x8.uk", ".8x8.id")

_OUR_ID = "clientmessageid"


@dataclass(frozen=True, eq=False, repr=False)
class EightX8Log:
    """Asks 8x8 about one message, from several threads at once; asks for its log, and reads it.

    The log is read strictly, since a message that it lacks is sent again: what cannot be read, or
    is not whole, raises; a row that is dated without an offset, or later than the export was asked
    for, does not show how far the log has got.
    """

    connections: Connections
    api_keys: "SecretSource"

    def client_message_id_of(self, umid: str, sub_account_id: str) -> str:
        """Return the bridge's id of a message, empty where 8x8 has no such message.

        No index by 8x8's ids is needed. DetailsFailedError: 8x8 did not say whether it has it.
        """
        if not umid.strip("."):
            return ""  # as a part of a path it would name something else
        path = f"{messages_path(sub_account_id)}/{quote(umid, safe='')}"
        get = partial(self.connections.ask, path, seconds=_SECONDS_FOR_DETAILS)
        try:
            answer = ask_with_key(self.api_keys, get)
        except ReadTimeoutError:
            raise DetailsFailedError("timeout", "8x8 did not answer in time") from None
        except HTTPError:
            raise DetailsFailedError("unreachable", "8x8 cannot be reached") from None
        details = json_object(answer.content)
        if answer.status == 200 and details:
            found = details.get("clientMessageId")
            return found if isinstance(found, str) else ""
        if answer.status in (400, 404):
            return ""  # 400: it has not the form of an id, and so there is none
        other = "unavailable", "8x8 gave no usable answer"
        raise DetailsFailedError(*_FAILURES.get(answer.status, other))

    def ask(self, sub_account_id: str, *, since: float, until: float) -> ExportJob:
        """Ask for the log of a time span, or raise `ExportFailedError`."""
        path = f"{messages_path(sub_account_id)}/exports"
        span = Payload({"from": timestamp(since), "to": timestamp(until), "limit": 0})
        post = partial(self.connections.ask, path, payload=span, seconds=_SECONDS_TO_ANSWER)
        try:
            answer = ask_with_key(self.api_keys, post)
        except HTTPError:
            raise ExportFailedError("eightx8_unreachable") from None
        match answer.status, json_object(answer.content).get("jobId"):
            case 200 | 202, str(job_id) if job_id.strip("."):
                return ExportJob(sub_account_id, job_id, since, until)
        raise ExportFailedError(f"export_not_started_{answer.status}")

    def read(
        self, job: ExportJob, message_ids: Collection[str], *, received_at: float
    ) -> LogExport | None:
        """Return what the log shows of these messages, ``None`` while 8x8 is still at it.

        `NoExportError`: there will be none. `ExportFailedError`: it could not be read this time.
        """
        wanted = {_digits_of(one): one for one in message_ids}
        receipts: dict[str, Receipt] = {}
        newest = 0.0
        try:
            links = self._links(job)
            for row in (row for link in links or () for row in self._rows(link)):
                if row.get("direction") == "1":  # outbound
                    created = seconds_of_time(row.get("createdat", ""))
                    newest = max(newest, created if created <= job.asked_at else 0.0)
                if name := wanted.get(_digits_of(row[_OUR_ID])):
                    receipts[name] = _later(receipts.get(name), _receipt(row, name, received_at))
        except HTTPError:
            raise ExportFailedError("eightx8_unreachable") from None
        except (csv.Error, UnicodeDecodeError):
            raise ExportFailedError("export_unreadable") from None
        return None if links is None else LogExport(receipts, newest)

    def _links(self, job: ExportJob) -> list[object] | None:
        path = f"{messages_path(job.sub_account_id)}/exports/{quote(job.job_id, safe='')}"
        get = partial(self.connections.ask, path, seconds=_SECONDS_TO_ANSWER)
        answer = ask_with_key(self.api_keys, get)
        content = json_object(answer.content)
        match answer.status, str(content.get("status")).lower():
            case _, ("failed" | "cancelled" | "error") as status:
                raise NoExportError(f"export_{status}")
            case (400 | 404 | 410) as code, _:
                # 8x8 does not know the job, or not any more.
                raise NoExportError(f"export_{code}")
            case 200, "queued" | "running":
                return None
            case 200, "succeeded" | "empty":
                links = content.get("data")
                return links if isinstance(links, list) else []
            case code, _:
                # A word that 8x8 does not document may be any text.
                raise ExportFailedError(f"export_{code}")

    def _rows(self, link: object) -> Iterator[dict[str, str]]:
        """Download a file row by row: a log can be larger than memory."""
        host, path = self._usable(link)
        ends_at = _now() + _SECONDS_TO_DOWNLOAD
        connections = Connections(host, connect_timeout=2.0)
        with closing(connections.open(path, {}, seconds=_SECONDS_TO_ANSWER)) as file:
            if file.status != 200:
                raise ExportFailedError(f"export_not_downloaded_{file.status}")
            # Who does not say how long it is does not notice when it is cut off.
            if not file.chunked and "content-length" not in file.headers:
                raise ExportFailedError("export_unreadable")
            # As urllib3's guide has it: what is buffered is read after the last byte has come.
            file.auto_close = False  # type: ignore[attr-defined]
            text = io.TextIOWrapper(file, "utf-8-sig", newline="")  # type: ignore[type-var]
            # A line without end would be read whole, past all memory and time.
            lines = iter(partial(text.readline, csv.field_size_limit() + 1), "")
            rows = csv.reader(lines, strict=True)
            names = [name.strip().lower() for name in next(rows, [])]
            if _OUR_ID not in names or len(set(names)) < len(names):
                raise csv.Error("not a log")
            for row in filter(None, rows):
                if len(row) != len(names):
                    raise csv.Error("a row of another length")
                if _now() > ends_at:
                    raise ExportFailedError("export_too_slow")
                yield dict(zip(names, row, strict=True))

    def _usable(self, link: object) -> tuple[str, str]:
        """Return the URL of a link's host, without all that may stand before it, and the path."""
        asked = parse_url(self.connections.base_url)
        try:
            url = parse_url(link if isinstance(link, str) else "")
        except LocationParseError:
            raise ExportFailedError("export_link_unusable") from None
        host = url.host or ""
        if url.scheme != asked.scheme or not (host == asked.host or host.endswith(_HOSTS)):
            raise ExportFailedError("export_link_unusable")
        return f"{url.scheme}://{url.netloc}", url.request_uri


def _digits_of(message_id: str) -> str:
    # A quote too many or dashes that are missing, say: the message must not seem absent.
    return re.sub("[^0-9a-f]", "", message_id.lower())


def _receipt(row: dict[str, str], message_id: str, received_at: float) -> Receipt:
    state = words_of(row.get("status_value", "")).lower()[:20]
    error_code = error_code_of(row.get("status_errorcode", ""))
    return Receipt(
        umid=row.get("umid", "").strip().lower()[:100],
        client_message_id=message_id,
        sub_account_id=row.get("subaccountid", "").strip()[:50],
        state=state_of_receipt(state, error_code),
        eightx8_state=state,
        detail=words_of(row.get("status_details", "")),
        at=time_of(row.get("status_timestamp", "")),
        received_at=received_at,
        error_code=error_code,
        error_message=words_of(row.get("status_errormessage", "")),
    )


def _later(one: Receipt | None, other: Receipt) -> Receipt:
    """Return which of two rows about a message counts: the one whose state may follow."""
    if one is None or one.state is None:
        return other
    return other if other.state and one.state in MAY_REPLACE[other.state] else one
