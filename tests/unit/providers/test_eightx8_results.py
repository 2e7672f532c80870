"""The table behind every decision: what 8x8 says, and what it means."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import DecodeError, HTTPError, ProtocolError, ReadTimeoutError, SSLError

from scripts.reason_tables import answers_of_8x8
from sms_bridge.domain.attempt import SendResult, Verdict
from sms_bridge.domain.message import State
from sms_bridge.providers.eightx8 import (
    RESULTS_BY_CODE,
    error_code_of,
    result_of_answer,
    result_of_failure,
    results_of_batch_answer,
    state_of_receipt,
    words_of,
)
from sms_bridge.providers.http import Answer, TooLateError
from tests.builders import NUMBER, TEXT, UMID, plain

NO_POOL: Any = None


def result_of(status: int, content: bytes = b"", retry_after: float | None = None) -> SendResult:
    return result_of_answer(Answer(status, content, retry_after))


def written(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


class TestAnswers:
    @pytest.mark.parametrize(
        ("verdict", "reason", "statuses"),
        [
            (Verdict.PERMANENT, "bad_request", [400]),
            (Verdict.PERMANENT, "unauthorized", [401]),
            (Verdict.PERMANENT, "forbidden", [403]),
            (Verdict.PERMANENT, "not_found", [404]),
            (Verdict.PERMANENT, "gone", [410]),
            (Verdict.PERMANENT, "unprocessable", [422]),
            (Verdict.PERMANENT, "tls_required", [426]),
            (Verdict.PERMANENT, "refused", [402, 405, 409, 411, 413, 415, 418, 431, 451, 499]),
            (Verdict.NOT_SENT, "request_timeout", [408]),
            (Verdict.NOT_SENT, "unavailable", [503]),
            (Verdict.THROTTLED, "throttled", [429]),
            (Verdict.AMBIGUOUS, "server_error", [100, 301, 302, 307, 500, 501, 502, 504, 505, 599]),
        ],
    )
    @pytest.mark.parametrize(
        "content", [b"", b"{}", b"<html>", b"[" * 100_000, b"[]", b"null", b"\xff"]
    )
    def test_each_http_status_has_a_verdict_whatever_the_body_holds(
        self, verdict: Verdict, reason: str, statuses: list[int], content: bytes
    ) -> None:
        for status in statuses:
            result = result_of(status, content, 7.0)

            assert (result.verdict, result.reason) == (verdict, f"eightx8_{reason}")
            assert (result.http_status, result.retry_after) == (status, 7.0)
            assert result.description

    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            (1000, "invalid_parameter"),
            (1001, "unknown_sub_account"),
            (1002, "invalid_destination"),
            (1003, "invalid_encoding"),
            (1004, "invalid_text"),
            (1005, "invalid_source"),
            (1006, "invalid_expiry"),
            (1007, "invalid_template"),
            (1008, "invalid_id"),
            (1009, "invalid_country"),
            (1010, "out_of_range"),
            (1011, "invalid_schedule"),
            (1012, "invalid_client_ip"),
            (1014, "tls_required"),
            (1100, "bulk_limit"),
            (1200, "unauthorized"),
            (1201, "forbidden"),
            (1300, "not_found"),
            (1400, "resent_too_soon"),
            (2000, "internal_error"),
            (2001, "not_implemented"),
            (2002, "unsupported_version"),
            (2003, "unsupported_product"),
            (3006, "text_too_long"),
            (3009, "client_message_id_too_long"),
            (3011, "source_too_long"),
            (3012, "no_messages"),
            (3013, "too_many_messages"),
            (3014, "client_batch_id_too_long"),
            (3020, "invalid_callback_url"),
            (9999, "bad_request"),
            ("1002", "bad_request"),
            (None, "bad_request"),
        ],
    )
    def test_8x8s_code_says_more_than_the_http_status(self, code: object, reason: str) -> None:
        result = result_of(400, written(code=code, message="m", errorId="e-1"))

        assert (result.verdict, result.reason) == (Verdict.PERMANENT, f"eightx8_{reason}")
        assert (result.eightx8_code, result.eightx8_error_id) == (str(code or ""), "e-1")

    @pytest.mark.parametrize("status", [408, 429, 500, 503])
    def test_a_code_changes_nothing_that_the_status_leaves_open(self, status: int) -> None:
        for code in RESULTS_BY_CODE:
            assert result_of(status, written(code=code)).reason == result_of(status).reason

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
                    *(written(umid=UMID, status={"code": code}) for code in ("NEW", ["QUEUED"])),
                    written(umid=UMID, status={}),
                    written(umid=UMID, status="QUEUED"),
                    *(written(umid=UMID), b"", b"{", b"<html>", b"[]"),
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
            ({"umid": UMID[:-1], "encoding": "x" * 100}, UMID[:-1], "x" * 100),
            *(
                ({"umid": value, "encoding": value}, "", "")
                for value in ("\ud800", "é", "Dear Ana", "6591234567", NUMBER, "", "x" * 101)
            ),
        ],
    )
    def test_ids_are_kept_unless_they_may_be_a_text_or_a_number(
        self, fields: dict[str, object], umid: str, encoding: str
    ) -> None:
        result = result_of(200, written(**fields, status={"code": "QUEUED"}))

        assert (result.verdict, result.umid, result.encoding) == (Verdict.ACCEPTED, umid, encoding)

    @pytest.mark.parametrize("value", ["Dear Ana", "6591234567", 6591234567, NUMBER, ["x"]])
    def test_an_error_that_holds_a_text_or_a_number_is_kept_without_it(self, value: object) -> None:
        result = result_of(400, written(code=value, errorId=value))

        assert (result.eightx8_code, result.eightx8_error_id) == ("", "")

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


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ReadTimeoutError(NO_POOL, "", "slow"), "eightx8_timeout"),
        (ProtocolError(), "eightx8_connection_lost"),
        (DecodeError(), "eightx8_connection_lost"),
        (SSLError(), "eightx8_connection_lost"),
        (TooLateError(), "eightx8_connection_lost"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_left_may_have_arrived_and_what_never_left_was_not_sent(
    error: HTTPError, reason: str
) -> None:
    for left, verdict, expected in (
        (True, Verdict.AMBIGUOUS, reason),
        (False, Verdict.NOT_SENT, "eightx8_unreachable"),
    ):
        result = result_of_failure(error, left=left)

        assert (result.verdict, result.reason) == (verdict, expected)


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
        assert self.verdicts(self.one("c")) == [*[Verdict.AMBIGUOUS] * 2, Verdict.ACCEPTED]
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


# What may still change is "4", "5" and "22"; 8x8 lists "44" and the bridge does not.
OTHER_CODES = ("", "1", "15", "36", "43", "44", "46", "50", "60")


class TestReceipts:
    @pytest.mark.parametrize(
        ("word", "error_code", "state"),
        [
            ("queued", "", State.QUEUED),
            ("sent", "", State.SENT),
            ("failed", "", State.REJECTED),
            *(("undelivered", code, State.UNDELIVERED) for code in OTHER_CODES),
            *(("undelivered", code, State.DEFERRED) for code in ("4", "5", "22")),
            *(("rejected", code, State.REJECTED) for code in ("", "4")),
            *(("delivered", code, State.DELIVERED) for code in ("", "4")),
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


def test_a_reason_has_one_meaning_and_is_a_short_word() -> None:
    meanings: dict[str, set[tuple[Verdict, str]]] = {}
    for result in answers_of_8x8().values():
        meanings.setdefault(result.reason, set()).add((result.verdict, result.description))

    assert meanings.pop("").pop()[0] is Verdict.ACCEPTED
    assert [reason for reason, several in meanings.items() if len(several) > 1] == []
    assert all(re.fullmatch(r"eightx8_[a-z0-9_]{3,30}", reason) for reason in meanings)
