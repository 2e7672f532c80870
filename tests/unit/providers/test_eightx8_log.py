"""8x8, asked over a real connection what became of messages: one by its id, or by its log."""

import csv
import gzip
import io
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import HTTPError

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import State
from sms_bridge.domain.reconciliation import ExportJob, LogExport
from sms_bridge.errors import DetailsFailedError, ExportFailedError, NoExportError
from sms_bridge.providers import eightx8_log
from sms_bridge.providers.eightx8_log import EightX8Log
from sms_bridge.providers.http import Connections
from tests.builders import AT, MESSAGE_ID, SUB_ACCOUNT, UMID, plain
from tests.fakes.api_keys import RotatingKeys
from tests.fakes.http_server import (
    Behaviour,
    LoopbackServer,
    ServedConnection,
    answers,
    answers_with_bytes,
    reads_and_resets,
    reads_and_says_nothing,
)

FOUND = answers(200, json.dumps({"umid": UMID, "clientMessageId": MESSAGE_ID}).encode())


def connections_to(url: str) -> Connections:
    return Connections(url, connect_timeout=2.0)


class TestDetails:
    def ask(
        self, *behaviours: Behaviour, umid: str = UMID, keys: RotatingKeys | None = None
    ) -> tuple[str, LoopbackServer]:
        """Ask a server that behaves so, one request after the other."""
        with LoopbackServer(*behaviours) as server:
            details = EightX8Log(connections_to(server.url), keys or RotatingKeys())
            return details.client_message_id_of(umid, SUB_ACCOUNT), server

    def test_the_answer_has_the_bridges_id(self) -> None:
        found, server = self.ask(FOUND)

        assert found == MESSAGE_ID
        [request] = server.received
        assert request.line == f"GET /api/v1/subaccounts/{SUB_ACCOUNT}/messages/{UMID} HTTP/1.1"
        assert request.headers["authorization"] == "Bearer key-1"

    @pytest.mark.parametrize(
        ("status", "content"),
        [
            *((200, content) for content in (b'{"umid": "u"}', b'{"clientMessageId": 7}')),
            *((status, b'{"code": 1401}') for status in (400, 404)),
        ],
    )
    def test_a_message_that_8x8_does_not_have_with_an_id_of_ours_is_not_there(
        self, status: int, content: bytes
    ) -> None:
        assert self.ask(answers(status, content))[0] == ""

    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            (answers(401), "eightx8_unauthorized"),
            (answers(403), "eightx8_unauthorized"),
            (answers(429), "eightx8_throttled"),
            (answers(500), "eightx8_unavailable"),
            (answers(302, Location="/elsewhere"), "eightx8_unavailable"),
            (answers(200, b"<html>"), "eightx8_unavailable"),
            (answers(200, b"[]"), "eightx8_unavailable"),
            (reads_and_resets, "eightx8_unreachable"),
        ],
    )
    def test_a_failure_is_not_taken_for_a_message_that_is_not_there(
        self, behaviour: Behaviour, reason: str
    ) -> None:
        with pytest.raises(DetailsFailedError) as failure:
            self.ask(behaviour)

        assert failure.value.reason == reason
        assert UMID not in str(failure.value)

    def test_no_answer_in_time_is_a_timeout(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(eightx8_log, "_SECONDS_FOR_DETAILS", 0.1)

        with pytest.raises(DetailsFailedError, match="did not answer in time"):
            self.ask(reads_and_says_nothing)

    def test_it_is_asked_again_with_a_key_that_was_replaced(self) -> None:
        found, server = self.ask(answers(401), FOUND, keys=RotatingKeys(newest="key-2"))

        assert found == MESSAGE_ID
        assert [one.headers["authorization"] for one in server.received] == [
            "Bearer key-1",
            "Bearer key-2",
        ]

    def test_no_id_names_another_path(self) -> None:
        for umid in ("", ".", ".."):
            found, server = self.ask(FOUND, umid=umid)
            assert (found, server.received) == ("", [])

        _, server = self.ask(FOUND, umid="../a?b#c d")
        assert server.received[0].line.split()[1].endswith("/messages/..%2Fa%3Fb%23c%20d")


SINCE, UNTIL = seconds_of("2026-11-24T09:00:00.000Z"), seconds_of("2026-11-24T10:00:00.000Z")
JOB = ExportJob(SUB_ACCOUNT, "job/1", SINCE, UNTIL)
CREATED = "2026-11-24T09:30:01.1234567Z"
OTHER_ID = MESSAGE_ID[::-1]

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


def read(job: Behaviour | dict[str, Any], *files: Behaviour) -> LogExport | None:
    """Read an export: 8x8's answer about the job, then its files, one request each."""
    with LoopbackServer(*files or (answers(500),)) as storage:
        if isinstance(job, dict):
            links = [f"{storage.url}/{number}.csv?signature=s" for number in range(len(files))]
            content = json.dumps({"jobId": "job/1", "data": links, **job}).encode()
            job = answers(body=content)
        with LoopbackServer(job) as server:
            exports = EightX8Log(connections_to(server.url), RotatingKeys())
            export = exports.read(JOB, [MESSAGE_ID, OTHER_ID], received_at=AT)
    (received,) = server.received
    assert received.line == (
        f"GET /api/v1/subaccounts/{SUB_ACCOUNT}/messages/exports/job%2F1 HTTP/1.1"
    )
    assert received.headers["authorization"] == "Bearer key-1"
    # The links carry their own signature; 8x8's key is not for their host.
    assert all("authorization" not in one.headers for one in storage.received)
    assert all(one.line.endswith(".csv?signature=s HTTP/1.1") for one in storage.received)
    return export


def read_file(content: bytes) -> LogExport:
    export = read({"status": "succeeded"}, answers(body=content))
    assert export is not None
    return export


class TestAskingForAnExport:
    def test_an_export_is_asked_for_as_8x8_documents_it_and_anew_with_a_replaced_key(self) -> None:
        with LoopbackServer(answers(401), answers(202, b'{"jobId": "job-1"}')) as server:
            exports = EightX8Log(connections_to(server.url), RotatingKeys(newest="key-2"))
            job = exports.ask(SUB_ACCOUNT, since=SINCE, until=UNTIL)

        _, received = server.received
        assert plain(job) == plain(ExportJob(SUB_ACCOUNT, "job-1", SINCE, UNTIL))
        assert received.line == f"POST /api/v1/subaccounts/{SUB_ACCOUNT}/messages/exports HTTP/1.1"
        assert received.headers["authorization"] == "Bearer key-2"
        assert json.loads(received.body) == {
            "from": "2026-11-24T09:00:00.000Z",
            "to": "2026-11-24T10:00:00.000Z",
            "limit": 0,
        }

    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            (answers(429, b"{}"), "export_not_started_429"),
            (answers(500, b'{"jobId": "job-1"}'), "export_not_started_500"),
            *(
                (answers(202, content), "export_not_started_202")
                for content in (b"{}", b'{"jobId": 7}', b'{"jobId": ".."}', b"<html>")
            ),
            (reads_and_resets, "eightx8_unreachable"),
        ],
    )
    def test_an_export_that_8x8_does_not_begin_fails(
        self, behaviour: Behaviour, reason: str
    ) -> None:
        with (
            LoopbackServer(behaviour) as server,
            pytest.raises(ExportFailedError, match=f"^{reason}$"),
        ):
            EightX8Log(connections_to(server.url), RotatingKeys()).ask(
                SUB_ACCOUNT, since=SINCE, until=UNTIL
            )


FAILED = ("failed", "cancelled", "error")


class TestJobs:
    @pytest.mark.parametrize("status", ["queued", "running", "Running"])
    def test_a_job_that_is_under_way_is_not_ready(self, status: str) -> None:
        assert read({"status": status, "data": None}) is None

    @pytest.mark.parametrize(
        ("status", "data"),
        [("empty", None), ("succeeded", None), ("succeeded", []), ("succeeded", "link")],
    )
    def test_a_job_without_files_shows_nothing_and_proves_nothing(
        self, status: str, data: object
    ) -> None:
        assert read({"status": status, "data": data}) == LogExport(receipts={}, newest=0.0)

    @pytest.mark.parametrize(
        ("job", "reason", "is_over"),
        [
            *(({"status": word}, f"export_{word}", True) for word in FAILED),
            *((answers(status, b"{}"), f"export_{status}", True) for status in (400, 404, 410)),
            *((answers(status, b"{}"), f"export_{status}", False) for status in (401, 429, 500)),
            # A word that 8x8 does not document goes no further.
            *(({"status": word}, "export_200", False) for word in ("any text", "", None, 7)),
            (answers(200, b"[]"), "export_200", False),
            (reads_and_resets, "eightx8_unreachable", False),
        ],
    )
    def test_a_job_is_over_only_if_it_failed_or_8x8_does_not_know_it(
        self, job: Behaviour | dict[str, Any], reason: str, is_over: bool
    ) -> None:
        with pytest.raises(ExportFailedError, match=f"^{reason}$") as failure:
            read(job)

        assert isinstance(failure.value, NoExportError) is is_over


class TestReceipts:
    def test_a_row_says_what_a_receipt_would_say(self) -> None:
        receipt = read_file(a_file(ROW)).receipts[MESSAGE_ID]

        assert (receipt.client_message_id, receipt.umid) == (MESSAGE_ID, UMID)
        assert (receipt.state, receipt.eightx8_state) == (State.UNDELIVERED, "undelivered")
        assert (receipt.error_code, receipt.error_message) == ("1", 'Absent, "for now"')
        assert (receipt.at, receipt.received_at) == ("2026-11-24T09:31:00Z", AT)
        assert (receipt.detail, receipt.sub_account_id) == ("undelivered_to_recipient", SUB_ACCOUNT)

    def test_the_messages_of_others_are_passed_over(self) -> None:
        rows = [ROW | {"clientmessageid": name} for name in ("theirs", "")]

        assert read_file(a_file(*rows)) == LogExport(receipts={}, newest=seconds_of(CREATED))

    @pytest.mark.parametrize(
        ("states", "state"),
        [
            (["queued", "sent"], State.SENT),
            (["delivered", "sent"], State.DELIVERED),
            (["undelivered", "delivered"], State.DELIVERED),
            (["delivered", "undelivered"], State.DELIVERED),
            (["unheard of", "sent"], State.SENT),
            (["sent", "unheard of"], State.SENT),
        ],
    )
    def test_of_two_rows_about_a_message_the_one_further_on_counts(
        self, states: list[str], state: State
    ) -> None:
        export = read_file(a_file(*(ROW | {"status_value": word} for word in states)))

        assert export.receipts[MESSAGE_ID].state is state

    def test_a_row_of_ours_shows_that_8x8_has_the_message_whatever_else_it_holds(self) -> None:
        """Were it passed over, its message would seem absent and be sent again."""
        odd = {"createdat": "yesterday", "direction": "?", "status_value": "?"}

        export = read_file(a_file(ROW | odd))

        assert list(export.receipts) == [MESSAGE_ID]
        assert export.newest == 0.0

    @pytest.mark.parametrize(
        "content",
        [
            *(
                a_file(ROW | {"clientmessageid": spelling})
                for spelling in (
                    MESSAGE_ID.upper(),
                    MESSAGE_ID.replace("-", ""),
                    f"{{{MESSAGE_ID}}}",
                    f"'{MESSAGE_ID} ",
                )
            ),
            b"\xef\xbb\xbf" + a_file(ROW).replace(b"clientmessageid", b" ClientMessageId "),
        ],
    )
    def test_another_spelling_of_our_id_or_of_the_names_is_no_matter(self, content: bytes) -> None:
        assert list(read_file(content).receipts) == [MESSAGE_ID]

    def test_all_files_are_read_compressed_ones_too(self) -> None:
        compressed = gzip.compress(a_file(ROW | {"clientmessageid": OTHER_ID}))

        export = read(
            {"status": "succeeded"},
            answers(body=a_file(ROW)),
            answers(body=compressed, Content_Encoding="gzip"),
        )

        assert export is not None
        assert list(export.receipts) == [MESSAGE_ID, OTHER_ID]

    def test_columns_that_are_missing_are_empty(self) -> None:
        export = read_file(a_file(ROW, names=["clientmessageid", "status_value"]))

        receipt = export.receipts[MESSAGE_ID]
        assert (receipt.state, receipt.umid, export.newest) == (State.UNDELIVERED, "", 0.0)


class TestProof:
    """A message that the log lacks is sent again, if the log has provably got that far."""

    @pytest.mark.parametrize(
        ("created", "direction", "proves"),
        [
            ("2026-11-24T09:30:01Z", "1", True),
            ("2026-11-24 17:30:01+08:00", "1", True),
            # Later than the export was asked for.
            ("2026-11-24T10:00:00.001Z", "1", False),
            ("2099-01-01T00:00:00Z", "1", False),
            # In whose time?
            ("2026-11-24T09:30:01", "1", False),
            ("2026-11-24", "1", False),
            ("", "1", False),
            ("24/11/2026 09:30", "1", False),
            ("0001-01-01T00:00:00+14:00", "1", False),
            # Inbound, or who knows.
            (CREATED, "0", False),
            (CREATED, "", False),
        ],
    )
    def test_how_far_the_log_has_got_is_shown_by_certain_rows_only(
        self, created: str, direction: str, proves: bool
    ) -> None:
        certain, expected = "2026-11-24T09:00:00Z", "2026-11-24T09:30:01Z"
        row = {"createdat": created, "direction": direction}

        export = read_file(a_file(ROW | {"createdat": certain}, ROW | row))

        assert export.newest == seconds_of(expected if proves else certain)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"<html>Sign in</html>",
            b'{"error": "expired"}',
            a_file(ROW, names=["umid", "createdat"]),
            b"PK\x03\x04\x00\xff",
            b'clientmessageid\n"' + b"x" * 200_000,
            b"clientmessageid\n" + b"x" * 200_000,
            a_file(ROW).replace(b"umid", b"clientmessageid", 1),
            # An unclosed quote swallows the rows behind it.
            a_file(ROW | {"body": "x"}, ROW).replace(b",x\r\n", b',"x\r\n', 1),
            a_file(ROW | {"body": "x"}, ROW | {"body": "x"}).replace(b",x\r\n", b',"x\r\n', 1),
            a_file(ROW).replace(b'"Singtel, Ltd"', b'"Singtel, Ltd'),
            a_file(ROW).replace(b'"Singtel, Ltd"', b"Singtel, Ltd"),
            a_file(ROW).replace(b'"Singtel, Ltd"', b'"Singtel"Ltd'),
            a_file(ROW) + b"one,two\r\n",
            a_file(ROW)[:-30],
            a_file(ROW).replace(b"Singtel", b"Singt\xff\xff"),
            a_file(ROW).decode().encode("utf-16"),
        ],
        ids=lambda content: repr(content[-60:]),
    )
    def test_a_file_that_cannot_be_read_to_the_letter_is_no_proof_of_anything(
        self, content: bytes
    ) -> None:
        """One more file that can be read must not make its messages seem absent."""
        with pytest.raises(ExportFailedError, match=r"^export_unreadable$"):
            read({"status": "succeeded"}, answers(body=a_file(ROW)), answers(body=content))

    @given(st.data())
    def test_no_character_too_many_makes_a_message_seem_absent(self, data: st.DataObject) -> None:
        content = a_file(
            ROW | {"clientmessageid": "theirs"},
            ROW | {"clientmessageid": "", "body": ', "a"'},
            ROW,
            ROW | {"clientmessageid": "theirs", "body": "\n"},
            ROW | {"clientmessageid": "", "body": ""},
        )
        place = data.draw(st.integers(0, len(content)))
        more = data.draw(
            st.sampled_from([b'"', b'""', b",", b"\n", b"\r\n", b'"\r\n', b"\0", b"x"])
        )

        try:
            export = read_file(content[:place] + more + content[place:])
        except ExportFailedError:
            return

        assert MESSAGE_ID in export.receipts

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
            (answers_with_bytes(b"HTTP/1.1 200 OK\r\n\r\n" + a_file(ROW)), "export_unreadable"),
            (answers(body=gzip.compress(b"x")[:9], Content_Encoding="gzip"), "export_unreadable"),
        ],
        ids=["forbidden", "elsewhere", "reset", "cut off", "of unknown length", "half a gzip"],
    )
    def test_a_file_that_is_not_there_or_not_whole_fails(
        self, behaviour: Behaviour, reason: str
    ) -> None:
        with pytest.raises(ExportFailedError, match=f"^{reason}$") as failure:
            read({"status": "succeeded"}, behaviour)

        assert not isinstance(failure.value, NoExportError)

    def test_a_line_without_end_is_not_read_whole(self) -> None:
        sent = 0

        def behave(connection: ServedConnection) -> None:
            nonlocal sent
            connection.read()
            connection.send(
                b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\nclientmessageid\r\n"
            )
            with suppress(OSError):
                for _ in range(1000):
                    connection.send(b"," * 65_536)
                    sent += 1
            connection.close()

        with pytest.raises(ExportFailedError, match=r"^export_unreadable$"):
            read({"status": "succeeded"}, behave)

        assert sent < 500

    def test_a_file_that_takes_too_long_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = iter(range(0, 1000, 70))
        monkeypatch.setattr(eightx8_log, "_now", lambda: next(now))

        with pytest.raises(ExportFailedError, match=r"^export_too_slow$"):
            read_file(a_file(ROW, ROW, ROW))


class TestLinks:
    @pytest.mark.parametrize(
        ("link", "base", "is_allowed"),
        [
            ("https://sms.8x8.com/f.csv", "https://sms.8x8.com", True),
            ("https://files.sms.8x8.uk/f.csv", "https://sms.8x8.com", True),
            ("https://SMS.8X8.ID/f.csv", "https://sms.8x8.com", True),
            ("https://evil@sms.8x8.com/f.csv", "https://sms.8x8.com", True),
            ("https://relay.example.com:8443/f.csv", "https://relay.example.com", True),
            ("http://127.0.0.1:2/f.csv", "http://127.0.0.1:1", True),
            ("https://127.0.0.1:2/f.csv", "http://127.0.0.1:1", False),
            *(
                (link, "https://sms.8x8.com", False)
                for link in (
                    "http://sms.8x8.com/f.csv",
                    "https://sms.8x8.com.example.com/f.csv",
                    "https://evil8x8.com/f.csv",
                    "https://sms.8x8.com@example.com/f.csv",
                    "https://example.com\\@sms.8x8.com:x/f.csv",
                    "https://169.254.169.254/f.csv",
                    "https:///f.csv",
                    "https://[::1/f.csv",
                    "file:///etc/passwd",
                    "//sms.8x8.com/f.csv",
                    "not a link",
                    7,
                )
            ),
        ],
    )
    def test_files_are_fetched_from_8x8s_hosts_only_and_as_8x8_is_asked(
        self, link: object, base: str, is_allowed: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connected: list[str] = []

        def connect(url: str, **_: object) -> None:
            connected.append(url)
            raise HTTPError

        job = answers(body=json.dumps({"status": "succeeded", "data": [link]}).encode())
        with LoopbackServer(job) as server:
            connections = connections_to(server.url)
            connections.base_url = base
            exports = EightX8Log(connections, RotatingKeys())
            monkeypatch.setattr(eightx8_log, "Connections", connect)
            with pytest.raises(
                ExportFailedError, match="unreachable" if is_allowed else "link_unusable"
            ):
                exports.read(JOB, [], received_at=AT)

        assert bool(connected) is is_allowed
        assert not any("@" in url for url in connected)
