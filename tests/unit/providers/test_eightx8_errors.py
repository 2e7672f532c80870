"""The table behind every decision: what 8x8 says, and what it means."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    InvalidHeader,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from scripts.reason_tables import answers_of_8x8
from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.domain.state import FINAL, State
from sms_bridge.providers.eightx8_errors import (
    ERROR_CODES,
    RESULTS_BY_CODE,
    STATES,
    error_code_of,
    result_of_answer,
    result_of_failure,
    results_of_batch_answer,
    state_of_receipt,
    words_of,
)
from sms_bridge.providers.http import Answer, OutOfTimeError
from tests.builders import NUMBER, TEXT, UMID, plain

NO_POOL: Any = None


def result_of(status: int, content: bytes = b"", retry_after: float | None = None) -> SendResult:
    return result_of_answer(Answer(status, content, retry_after))


def written(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "verdict", "reason"),
        [
            (400, Verdict.PERMANENT, "eightx8_bad_request"),
            (401, Verdict.PERMANENT, "eightx8_unauthorized"),
            (403, Verdict.PERMANENT, "eightx8_forbidden"),
            (404, Verdict.PERMANENT, "eightx8_not_found"),
            (405, Verdict.PERMANENT, "eightx8_refused"),
            (408, Verdict.NOT_SENT, "eightx8_request_timeout"),
            (410, Verdict.PERMANENT, "eightx8_gone"),
            (413, Verdict.PERMANENT, "eightx8_refused"),
            (422, Verdict.PERMANENT, "eightx8_unprocessable"),
            (426, Verdict.PERMANENT, "eightx8_tls_required"),
            (429, Verdict.THROTTLED, "eightx8_throttled"),
            (503, Verdict.NOT_SENT, "eightx8_unavailable"),
            *(
                (status, Verdict.AMBIGUOUS, "eightx8_server_error")
                for status in (100, 302, 500, 501, 502, 504, 599)
            ),
        ],
    )
    @pytest.mark.parametrize(
        "content", [b"", b"{}", b"<html>", b"[" * 100_000, b"[]", b"null", b"\xff"]
    )
    def test_each_http_status_has_a_verdict_whatever_the_body_holds(
        self, status: int, verdict: Verdict, reason: str, content: bytes
    ) -> None:
        result = result_of(status, content)

        assert (result.verdict, result.reason) == (verdict, reason)
        assert result.http_status == status
        assert result.description

    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            (1000, "eightx8_invalid_parameter"),
            (1001, "eightx8_unknown_sub_account"),
            (1002, "eightx8_invalid_destination"),
            (1003, "eightx8_invalid_encoding"),
            (1004, "eightx8_invalid_text"),
            (1005, "eightx8_invalid_source"),
            (1006, "eightx8_invalid_expiry"),
            (1007, "eightx8_invalid_template"),
            (1008, "eightx8_invalid_id"),
            (1009, "eightx8_invalid_country"),
            (1010, "eightx8_out_of_range"),
            (1011, "eightx8_invalid_schedule"),
            (1012, "eightx8_invalid_client_ip"),
            (1014, "eightx8_tls_required"),
            (1100, "eightx8_bulk_limit"),
            (1200, "eightx8_unauthorized"),
            (1201, "eightx8_forbidden"),
            (1300, "eightx8_not_found"),
            (1400, "eightx8_resent_too_soon"),
            (2000, "eightx8_internal_error"),
            (2001, "eightx8_not_implemented"),
            (2002, "eightx8_unsupported_version"),
            (2003, "eightx8_unsupported_product"),
            (3006, "eightx8_text_too_long"),
            (3009, "eightx8_client_message_id_too_long"),
            (3011, "eightx8_source_too_long"),
            (3012, "eightx8_no_messages"),
            (3013, "eightx8_too_many_messages"),
            (3014, "eightx8_client_batch_id_too_long"),
            (3020, "eightx8_invalid_callback_url"),
            (9999, "eightx8_bad_request"),
            ("1002", "eightx8_bad_request"),
            (None, "eightx8_bad_request"),
        ],
    )
    def test_8x8s_code_says_more_than_the_http_status(self, code: object, reason: str) -> None:
        result = result_of(400, written(code=code, message="m", errorId="e-1"))

        assert (result.verdict, result.reason) == (Verdict.PERMANENT, reason)
        assert (result.eightx8_code, result.eightx8_error_id) == (str(code or ""), "e-1")

    @pytest.mark.parametrize("status", [408, 429, 500, 503])
    @pytest.mark.parametrize("code", RESULTS_BY_CODE)
    def test_a_code_changes_nothing_that_the_status_leaves_open(
        self, status: int, code: int
    ) -> None:
        with_code, without = result_of(status, written(code=code)), result_of(status)

        assert (with_code.verdict, with_code.reason) == (without.verdict, without.reason)

    @pytest.mark.parametrize("status", [200, 201, 202])
    @pytest.mark.parametrize(
        ("content", "verdict", "reason"),
        [
            (written(umid=UMID, status={"code": "QUEUED"}), Verdict.ACCEPTED, ""),
            (written(status={"code": "QUEUED"}), Verdict.ACCEPTED, ""),
            (written(status={"code": "Queued"}), Verdict.ACCEPTED, ""),
            (written(umid=UMID, status={"code": "REJECTED"}), Verdict.PERMANENT, "rejected"),
            *(
                (content, Verdict.AMBIGUOUS, "unreadable_answer")
                for content in (
                    written(umid=UMID, status={"code": "SOMETHING"}),
                    written(umid=UMID, status={"code": ["QUEUED"]}),
                    written(umid=UMID, status={}),
                    written(umid=UMID, status="QUEUED"),
                    written(umid=UMID),
                    b"",
                    b"<html>",
                    b"[]",
                )
            ),
        ],
    )
    def test_a_success_is_one_only_if_8x8_says_so(
        self, status: int, content: bytes, verdict: Verdict, reason: str
    ) -> None:
        result = result_of(status, content)

        assert (result.verdict, result.reason.removeprefix("eightx8_")) == (verdict, reason)

    @pytest.mark.parametrize(
        ("fields", "umid", "encoding"),
        [
            ({"umid": UMID, "encoding": "UCS2"}, UMID, "UCS2"),
            ({"umid": 7, "encoding": []}, "", ""),
            ({"umid": "\ud800 é", "encoding": "x" * 101}, "? é", ""),
        ],
    )
    def test_ids_are_kept_where_they_can_be_written_down(
        self, fields: dict[str, object], umid: str, encoding: str
    ) -> None:
        result = result_of(200, written(**fields, status={"code": "QUEUED"}))

        assert (result.verdict, result.umid, result.encoding) == (Verdict.ACCEPTED, umid, encoding)

    @pytest.mark.parametrize("status", [429, 503, 500])
    def test_the_time_to_wait_is_kept(self, status: int) -> None:
        assert result_of(status, b"", 7.0).retry_after == 7.0

    @given(st.integers(100, 599), st.binary(max_size=50))
    def test_only_8x8s_word_proves_that_a_message_was_not_accepted(
        self, status: int, content: bytes
    ) -> None:
        verdict = result_of(status, content).verdict

        if 400 <= status < 500 or status == 503:
            assert verdict in (Verdict.PERMANENT, Verdict.THROTTLED, Verdict.NOT_SENT)
        else:
            assert verdict is Verdict.AMBIGUOUS

    @pytest.mark.parametrize("status", [200, 400, 429, 500])
    def test_8x8s_own_words_stay_where_they_are(self, status: int) -> None:
        words = f"Invalid {NUMBER}: {TEXT}"
        said = {"code": "REJECTED", "description": words}

        result = result_of(status, written(code=1002, message=words, status=said))

        assert NUMBER not in repr(result)
        assert TEXT not in repr(result)


class TestFailures:
    @pytest.mark.parametrize(
        "error",
        [
            NewConnectionError(NO_POOL, "refused"),
            NameResolutionError("host", NO_POOL, OSError()),  # type: ignore[arg-type]
            ConnectTimeoutError(),
            SSLError(),
            ProxyError("proxy", OSError()),
            InvalidHeader(),
            OutOfTimeError(),
            ReadTimeoutError(NO_POOL, "", "slow"),
            ProtocolError(),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_what_never_left_was_not_sent(self, error: HTTPError) -> None:
        result = result_of_failure(error, left=False)

        assert (result.verdict, result.reason) == (Verdict.NOT_SENT, "eightx8_unreachable")

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (ReadTimeoutError(NO_POOL, "", "slow"), "eightx8_timeout"),
            (ProtocolError(), "eightx8_connection_lost"),
            (DecodeError(), "eightx8_connection_lost"),
            (SSLError(), "eightx8_connection_lost"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_what_left_may_have_arrived(self, error: HTTPError, reason: str) -> None:
        result = result_of_failure(error, left=True)

        assert (result.verdict, result.reason) == (Verdict.AMBIGUOUS, reason)


class TestBatches:
    IDS = ("a", "b", "c")

    def results(self, status: int, content: bytes) -> dict[str, SendResult]:
        return results_of_batch_answer(Answer(status, content, 7.0), self.IDS)

    def verdicts(self, *listed: object) -> list[Verdict]:
        content = written(batchId="batch", acceptedCount=1, rejectedCount=1, messages=listed)
        return [result.verdict for result in self.results(200, content).values()]

    @staticmethod
    def one(name: object, code: str = "QUEUED") -> dict[str, object]:
        return {"umid": f"umid-{name}", "clientMessageId": name, "status": {"code": code}}

    def test_each_message_is_known_by_its_id_in_any_order(self) -> None:
        listed = [self.one("c"), self.one("a", "REJECTED"), self.one("b")]

        results = self.results(200, written(batchId="batch", messages=listed))

        assert [(name, one.verdict, one.umid) for name, one in results.items()] == [
            ("a", Verdict.PERMANENT, "umid-a"),
            ("b", Verdict.ACCEPTED, "umid-b"),
            ("c", Verdict.ACCEPTED, "umid-c"),
        ]

    def test_a_message_that_is_left_out_is_ambiguous(self) -> None:
        assert self.verdicts(self.one("c")) == [
            Verdict.AMBIGUOUS,
            Verdict.AMBIGUOUS,
            Verdict.ACCEPTED,
        ]
        assert {one.reason for one in self.results(200, written(batchId="b")).values()} == {
            "eightx8_not_named"
        }

    def test_a_message_that_nobody_asked_for_is_passed_over(self) -> None:
        others: list[Any] = [self.one("d"), self.one(None), self.one(7), "text", None, [], {}]

        assert self.verdicts(*others, *map(self.one, self.IDS)) == [Verdict.ACCEPTED] * 3

    @pytest.mark.parametrize(
        "content",
        [b"", b"<html>", b"[]", b"{", written(messages="all"), written(messages=[[]])],
    )
    def test_an_answer_that_cannot_be_read_leaves_all_ambiguous(self, content: bytes) -> None:
        results = self.results(200, content)

        assert {(one.verdict, one.reason) for one in results.values()} == {
            (Verdict.AMBIGUOUS, "eightx8_unreadable_answer")
        }

    @pytest.mark.parametrize("status", [400, 401, 408, 422, 429, 500, 502, 503, 504])
    def test_an_error_is_the_same_for_all(self, status: int) -> None:
        content = written(code=1000, errorId="e-1")
        results = self.results(status, content)

        assert plain(results) == dict.fromkeys(results, plain(result_of(status, content, 7.0)))

    @given(st.integers(100, 599), st.binary(max_size=50))
    def test_every_message_has_a_result_whatever_8x8_answers(
        self, status: int, content: bytes
    ) -> None:
        assert list(self.results(status, content)) == list(self.IDS)


class TestReceipts:
    @pytest.mark.parametrize(
        ("word", "error_code", "state"),
        [
            ("queued", "", State.QUEUED),
            ("sent", "", State.SENT),
            ("rejected", "", State.REJECTED),
            ("failed", "", State.REJECTED),
            ("undelivered", "", State.UNDELIVERED),
            ("undelivered", "1", State.UNDELIVERED),
            ("undelivered", "44", State.UNDELIVERED),
            ("undelivered", "4", State.DEFERRED),
            ("undelivered", "5", State.DEFERRED),
            ("undelivered", "22", State.DEFERRED),
            ("rejected", "4", State.REJECTED),
            ("delivered", "4", State.DELIVERED),
            ("delivered", "", State.DELIVERED),
            ("read", "", State.READ),
            ("DELIVERED", "", State.DELIVERED),
            (" Undelivered ", "22", State.DEFERRED),
            *((word, "", None) for word in ("", "unknown", "ok", "error", "delivered_to_operator")),
        ],
    )
    def test_a_word_of_8x8_is_a_state(
        self, word: str, error_code: str, state: State | None
    ) -> None:
        assert state_of_receipt(word, error_code) is state

    @pytest.mark.parametrize(
        ("given_code", "code"),
        [
            *((value, "1") for value in ("1", 1, 1.0, "1.0", " 1 ", "001")),
            (22, "22"),
            ("0", "0"),
            ("12345", ""),
            *((value, "") for value in (None, "", "one", True, [1], "1.5", -1, "1\n2")),
        ],
    )
    def test_an_error_code_is_a_short_number(self, given_code: object, code: str) -> None:
        assert error_code_of(given_code) == code

    @pytest.mark.parametrize(
        ("given_words", "words"),
        [
            ("Absent subscriber", "Absent subscriber"),
            (f"no route to {NUMBER}", "no route to +***"),
            ("no route to +65 9123-4567, code 12345", "no route to +***, code 12345"),
            ("two\r\nlines\x1b[31m\u202e", "two  lines [31m"),
            ("später \ud800", "später ?"),
            ("x" * 1000, "x" * 200),
            (None, ""),
            (7, ""),
        ],
    )
    def test_8x8s_words_are_cut_and_hold_no_number(self, given_words: object, words: str) -> None:
        assert words_of(given_words) == words


class Row(NamedTuple):
    """A row of the table: a verdict about a request, or a state."""

    said: str
    means: str
    reason: str = ""
    description: str = ""


def rows() -> Iterator[Row]:
    for said, result in answers_of_8x8().items():
        yield Row(said, result.verdict, result.reason, result.description)
    for word, state in STATES.items():
        yield Row(f"state {word}", state)
    for code, (state, words) in ERROR_CODES.items():
        reason = f"eightx8_{state}_{code}" if state in FINAL else ""
        yield Row(f"state undelivered, errorCode {code}", state, reason, words)


class TestRows:
    def test_the_table_says_what_the_functions_do(self) -> None:
        for row in rows():
            if match := re.fullmatch(r"HTTP (\d+)", row.said):
                result = result_of(int(match[1]))
            elif match := re.fullmatch(r"4xx, code (\d+)", row.said):
                result = result_of(400, written(code=int(match[1])))
            elif match := re.fullmatch(r"state (\w+)(?:, errorCode (\d+))?", row.said):
                assert row.means == state_of_receipt(match[1], match[2] or "")
                continue
            else:
                continue
            assert (row.means, row.reason, row.description) == (
                result.verdict,
                result.reason,
                result.description,
            )

    def test_a_reason_has_one_meaning_and_is_a_short_word(self) -> None:
        by_reason: dict[str, set[tuple[str, str]]] = {}
        for row in rows():
            by_reason.setdefault(row.reason, set()).add((row.means, row.description))

        by_reason.pop("")
        assert {reason for reason, meanings in by_reason.items() if len(meanings) > 1} == set()
        assert all(re.fullmatch(r"eightx8_[a-z0-9_]{3,30}", reason) for reason in by_reason)

    def test_every_row_stands_once(self) -> None:
        said = [row.said for row in rows()]

        assert len(said) == len(set(said)) > 50
