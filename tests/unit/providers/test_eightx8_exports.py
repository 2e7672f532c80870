"""8x8's log, asked for and read over a real connection."""

import csv
import io
import json
from typing import Any

import pytest

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.state import State
from sms_bridge.providers.eightx8_log import ExportFailedError, LogEntry, LogExports, NoExportError
from sms_bridge.providers.http import Connections
from tests.builders import AT, MESSAGE_ID, SUB_ACCOUNT, UMID
from tests.fakes.api_keys import RotatingKeys
from tests.fakes.http_server import (
    Behaviour,
    LoopbackServer,
    answers,
    answers_with_bytes,
    reads_and_resets,
    unreachable_url,
)

SINCE, UNTIL = "2026-11-24T09:00:00.000Z", "2026-11-24T10:00:00.000Z"
CREATED = "2026-11-24T09:30:01.1234567Z"

ROW = {
    "umid": UMID,
    "subaccountid": SUB_ACCOUNT,
    "direction": "1",
    "country": "SG",
    "operator": "Singtel, Ltd",
    "status_value": "undelivered",
    "status_details": "undelivered_to_recipient",
    "status_errorcode": "1",
    "status_errormessage": 'Absent, "for now"',
    "status_timestamp": "2026-11-24T09:31:00Z",
    "msisdn": "65XXXX4567",
    "createdat": CREATED,
    "clientmessageid": MESSAGE_ID,
    "body": "masked\nover two lines",
}


def a_file(*rows: dict[str, str], names: list[str] | None = None) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, names or list(ROW), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def exports(url: str) -> LogExports:
    return LogExports(Connections(url, connect_timeout=2.0), RotatingKeys())


def read(job: Behaviour | dict[str, Any], *files: Behaviour) -> list[LogEntry] | None:
    """Read an export: 8x8's answer about the job, then its files, one request each."""
    with LoopbackServer(*files or (answers(500),)) as storage:
        if isinstance(job, dict):
            links = [f"{storage.url}/{number}.csv?signature=s" for number in range(len(files))]
            content = json.dumps({"jobId": "job/1", "data": links, **job}).encode()
            job = answers(body=content)
        with LoopbackServer(job) as server:
            entries = exports(server.url).read(SUB_ACCOUNT, "job/1", AT)
    (received,) = server.received
    assert received.line == (
        f"GET /api/v1/subaccounts/{SUB_ACCOUNT}/messages/exports/job%2F1 HTTP/1.1"
    )
    assert received.headers["authorization"] == "Bearer key-1"
    # The links carry their own signature; 8x8's key is not for their host.
    assert all("authorization" not in one.headers for one in storage.received)
    return entries


def read_file(content: bytes) -> list[LogEntry]:
    entries = read({"status": "succeeded"}, answers(body=content))
    assert entries is not None
    return entries


class TestAsking:
    def test_an_export_is_asked_for_as_8x8_documents_it(self) -> None:
        with LoopbackServer(answers(202, b'{"jobId": "job-1"}')) as server:
            job_id = exports(server.url).ask(SUB_ACCOUNT, since=SINCE, until=UNTIL)

        (received,) = server.received
        assert job_id == "job-1"
        assert received.line == (
            f"POST /api/v1/subaccounts/{SUB_ACCOUNT}/messages/exports HTTP/1.1"
        )
        assert received.headers["authorization"] == "Bearer key-1"
        assert json.loads(received.body) == {"from": SINCE, "to": UNTIL, "limit": 0}

    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            (answers(429, b"{}"), "export_not_started_429"),
            (answers(500, b'{"jobId": "job-1"}'), "export_not_started_500"),
            (answers(202, b"{}"), "export_not_started_202"),
            (answers(202, b'{"jobId": 7}'), "export_not_started_202"),
            (answers(202, b"<html>"), "export_not_started_202"),
            (reads_and_resets, "eightx8_unreachable"),
            (answers_with_bytes(b"garbage"), "eightx8_unreachable"),
        ],
    )
    def test_one_that_8x8_does_not_begin_is_told(self, behaviour: Behaviour, reason: str) -> None:
        with (
            LoopbackServer(behaviour) as server,
            pytest.raises(ExportFailedError, match=f"^{reason}$"),
        ):
            exports(server.url).ask(SUB_ACCOUNT, since=SINCE, until=UNTIL)

    def test_where_nobody_listens_none_begins(self) -> None:
        with pytest.raises(ExportFailedError, match=r"^eightx8_unreachable$"):
            exports(unreachable_url()).ask(SUB_ACCOUNT, since=SINCE, until=UNTIL)


class TestJobs:
    @pytest.mark.parametrize("status", ["queued", "running"])
    def test_one_that_is_under_way_is_not_ready(self, status: str) -> None:
        assert read({"status": status, "data": None}) is None

    def test_one_that_found_nothing_is_empty(self) -> None:
        assert read({"status": "empty", "data": None}) == []

    @pytest.mark.parametrize("data", [None, [], {}, "link"])
    def test_one_without_files_shows_nothing(self, data: object) -> None:
        assert read({"status": "succeeded", "data": data}) == []

    @pytest.mark.parametrize("status", ["failed", "cancelled", "error"])
    def test_one_that_failed_is_told(self, status: str) -> None:
        with pytest.raises(NoExportError, match=f"^export_{status}$"):
            read({"status": status})

    @pytest.mark.parametrize("status", ["any text", "", None, 7, {}, []])
    def test_a_word_that_8x8_does_not_document_fails_and_goes_no_further(
        self, status: object
    ) -> None:
        with pytest.raises(ExportFailedError, match=r"^export_200$"):
            read({"status": status})

    @pytest.mark.parametrize(
        ("behaviour", "reason", "is_gone"),
        [
            (answers(404, b"{}"), "export_404", True),
            (answers(401, b"{}"), "export_401", False),
            (answers(429, b"{}"), "export_429", False),
            (answers(500, b"{}"), "export_500", False),
            (answers(200, b"[]"), "export_200", False),
            (reads_and_resets, "eightx8_unreachable", False),
        ],
    )
    def test_one_of_which_8x8_says_nothing_is_told_and_is_gone_if_8x8_does_not_know_it(
        self, behaviour: Behaviour, reason: str, is_gone: bool
    ) -> None:
        with pytest.raises(ExportFailedError, match=f"^{reason}$") as failure:
            read(behaviour)

        assert isinstance(failure.value, NoExportError) is is_gone


class TestFiles:
    def test_a_line_is_what_a_receipt_would_say(self) -> None:
        (entry,) = read_file(a_file(ROW))

        assert entry.taken_at == seconds_of(CREATED)
        receipt = entry.receipt
        assert (receipt.client_message_id, receipt.umid) == (MESSAGE_ID, UMID)
        assert (receipt.state, receipt.eightx8_state) == (State.UNDELIVERED, "undelivered")
        assert (receipt.error_code, receipt.error_message) == ("1", 'Absent, "for now"')
        assert (receipt.at, receipt.received_at) == ("2026-11-24T09:31:00Z", AT)
        assert (receipt.detail, receipt.sub_account_id) == ("undelivered_to_recipient", SUB_ACCOUNT)

    @pytest.mark.parametrize(
        ("word", "code", "state"),
        [
            ("delivered", "", State.DELIVERED),
            ("DELIVERED", "", State.DELIVERED),
            ("Sent", "", State.SENT),
            ("queued", "", State.QUEUED),
            ("undelivered", "4", State.DEFERRED),
            ("ok", "", None),
            ("", "", None),
        ],
    )
    def test_8x8s_words_are_those_of_its_receipts(
        self, word: str, code: str, state: State | None
    ) -> None:
        (entry,) = read_file(a_file(ROW | {"status_value": word, "status_errorcode": code}))

        assert entry.receipt.state is state

    def test_all_files_are_read(self) -> None:
        entries = read(
            {"status": "succeeded"},
            answers(body=a_file(ROW | {"umid": "1"}, ROW | {"umid": "2"})),
            answers(body=a_file(ROW | {"umid": "3"})),
        )

        assert entries is not None
        assert [entry.receipt.umid for entry in entries] == ["1", "2", "3"]

    def test_a_byte_order_mark_and_other_ways_to_write_the_names_are_no_matter(self) -> None:
        content = b"\xef\xbb\xbf" + a_file(ROW).replace(b"clientmessageid", b" ClientMessageId ")

        (entry,) = read_file(content)

        assert (entry.receipt.umid, entry.receipt.client_message_id) == (UMID, MESSAGE_ID)

    def test_inbound_messages_are_passed_over(self) -> None:
        entries = read_file(a_file(ROW | {"direction": "2"}, ROW))

        assert len(entries) == 1

    def test_columns_that_are_missing_are_empty(self) -> None:
        (entry,) = read_file(a_file(ROW, names=["clientmessageid", "status_value", "createdat"]))

        assert (entry.receipt.state, entry.receipt.umid) == (State.UNDELIVERED, "")

    @pytest.mark.parametrize("created", ["", "24/11/2026 09:30", "yesterday"])
    def test_a_line_without_a_readable_time_still_shows_that_8x8_has_the_message(
        self, created: str
    ) -> None:
        """Were it passed over, its message would seem absent and be sent again."""
        (entry,) = read_file(a_file(ROW | {"createdat": created}))

        assert (entry.taken_at, entry.receipt.client_message_id) == (0.0, MESSAGE_ID)

    @pytest.mark.parametrize("created", ["2026-11-24 09:30:01", "2026-11-24T09:30:01+00:00"])
    def test_a_time_may_be_written_in_several_ways(self, created: str) -> None:
        (entry,) = read_file(a_file(ROW | {"createdat": created}))

        assert entry.taken_at == seconds_of("2026-11-24T09:30:01Z")

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"<html>Sign in</html>",
            b'{"error": "expired"}',
            a_file(ROW, names=["umid", "createdat"]),
            b"PK\x03\x04\x00\xff",
            b'clientmessageid\n"' + b"x" * 200_000,
        ],
        ids=["empty", "a page", "JSON", "without our ids", "a ZIP file", "a field too long"],
    )
    def test_a_file_that_is_none_is_no_proof_of_anything(self, content: bytes) -> None:
        """One more file that can be read must not make its messages seem absent."""
        with pytest.raises(ExportFailedError, match=r"^export_unreadable$"):
            read({"status": "succeeded"}, answers(body=a_file(ROW)), answers(body=content))

    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            (answers(403), "export_not_downloaded_403"),
            (answers(302, Location="/elsewhere"), "export_not_downloaded_302"),
            (reads_and_resets, "eightx8_unreachable"),
            (
                answers_with_bytes(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + a_file(ROW)
                ),
                "eightx8_unreachable",
            ),
        ],
        ids=["forbidden", "elsewhere", "reset", "cut off"],
    )
    def test_a_file_that_is_not_there_or_not_whole_is_told(
        self, behaviour: Behaviour, reason: str
    ) -> None:
        with pytest.raises(ExportFailedError, match=f"^{reason}$") as failure:
            read({"status": "succeeded"}, behaviour)

        assert not isinstance(failure.value, NoExportError)

    @pytest.mark.parametrize("link", ["not a link", "ftp://host/file", "http://"])
    def test_a_link_that_is_none_is_told(self, link: str) -> None:
        with pytest.raises(ExportFailedError):
            read({"status": "succeeded", "data": [link]})
