"""The table behind every decision to send again: what each answer of 8x8 means."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.providers.eightx8_errors import (
    Answer,
    result_of_answer,
    result_of_failure,
    results_of_batch_answer,
)
from tests.builders import NUMBER, TEXT, UMID


def result_of(http_status: int, content: bytes, retry_after: float | None = None) -> SendResult:
    return result_of_answer(Answer(http_status, content, retry_after))


def answer(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("http_status", "verdict", "reason"),
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
        (100, Verdict.AMBIGUOUS, "eightx8_server_error"),
        (302, Verdict.AMBIGUOUS, "eightx8_server_error"),
        (500, Verdict.AMBIGUOUS, "eightx8_server_error"),
        (501, Verdict.AMBIGUOUS, "eightx8_server_error"),
        (502, Verdict.AMBIGUOUS, "eightx8_server_error"),
        (504, Verdict.AMBIGUOUS, "eightx8_server_error"),
        (599, Verdict.AMBIGUOUS, "eightx8_server_error"),
    ],
)
@pytest.mark.parametrize(
    "content", [b"", b"{}", b"<html>", b"[" * 100_000, b"[]", b"null", b"\xff"]
)
def test_each_http_status_has_a_verdict_whatever_the_body_holds(
    http_status: int, verdict: Verdict, reason: str, content: bytes
) -> None:
    result = result_of(http_status, content)

    assert (result.verdict, result.reason) == (verdict, reason)
    assert result.http_status == http_status
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
        (1009, "eightx8_invalid_country"),
        (1011, "eightx8_invalid_schedule"),
        (1012, "eightx8_invalid_client_ip"),
        (1014, "eightx8_tls_required"),
        (1100, "eightx8_bulk_limit"),
        (1200, "eightx8_unauthorized"),
        (1201, "eightx8_forbidden"),
        (1300, "eightx8_not_found"),
        (1400, "eightx8_resent_too_soon"),
        (2000, "eightx8_bad_request"),
        (9999, "eightx8_bad_request"),
        ("1002", "eightx8_bad_request"),
        (None, "eightx8_bad_request"),
    ],
)
def test_8x8s_code_says_more_than_the_http_status(code: object, reason: str) -> None:
    result = result_of(400, answer(code=code, message="m", errorId="e-1"))

    assert (result.verdict, result.reason) == (Verdict.PERMANENT, reason)
    assert (result.eightx8_code, result.eightx8_error_id) == (str(code or ""), "e-1")


@pytest.mark.parametrize("http_status", [408, 429, 500, 503])
def test_a_code_never_makes_a_message_refused_that_the_status_leaves_open(
    http_status: int,
) -> None:
    with_code = result_of(http_status, answer(code=1002))

    assert with_code.verdict is result_of(http_status, b"").verdict
    assert with_code.reason == result_of(http_status, b"").reason


@pytest.mark.parametrize("http_status", [200, 201, 202])
@pytest.mark.parametrize(
    ("content", "verdict", "reason"),
    [
        (answer(umid=UMID, status={"code": "QUEUED"}), Verdict.ACCEPTED, ""),
        (answer(status={"code": "QUEUED"}), Verdict.ACCEPTED, ""),
        (answer(umid=UMID, status={"code": "REJECTED"}), Verdict.PERMANENT, "eightx8_rejected"),
        (answer(umid=UMID, status={"code": "SOMETHING"}), Verdict.AMBIGUOUS, None),
        (answer(umid=UMID, status={}), Verdict.AMBIGUOUS, None),
        (answer(umid=UMID, status="QUEUED"), Verdict.AMBIGUOUS, None),
        (answer(umid=UMID), Verdict.AMBIGUOUS, None),
        (b"", Verdict.AMBIGUOUS, None),
        (b"<html>", Verdict.AMBIGUOUS, None),
        (b"[]", Verdict.AMBIGUOUS, None),
    ],
)
def test_a_success_is_one_only_if_8x8_says_so(
    http_status: int, content: bytes, verdict: Verdict, reason: str | None
) -> None:
    result = result_of(http_status, content)

    expected = "eightx8_unreadable_answer" if reason is None else reason
    assert (result.verdict, result.reason) == (verdict, expected)


def test_what_8x8_found_is_kept() -> None:
    content = answer(umid=UMID, encoding="UCS2", status={"code": "QUEUED", "description": "d"})

    result = result_of(200, content)

    assert (result.umid, result.encoding) == (UMID, "UCS2")


def test_ids_of_another_kind_are_passed_over() -> None:
    result = result_of(200, answer(umid=7, encoding=[], status={"code": "QUEUED"}))

    assert (result.verdict, result.umid, result.encoding) == (Verdict.ACCEPTED, "", "")


@pytest.mark.parametrize("http_status", [429, 503, 500])
def test_the_time_to_wait_is_kept(http_status: int) -> None:
    assert result_of(http_status, b"", 7.0).retry_after == 7.0


FAILURES = [
    NewConnectionError(None, "refused"),  # type: ignore[arg-type]
    ConnectTimeoutError(),
    SSLError(),
    ReadTimeoutError(None, "", "slow"),  # type: ignore[arg-type]
    ProtocolError(),
    DecodeError(),
]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_what_never_left_was_not_sent(error: HTTPError) -> None:
    result = result_of_failure(error, left=False)

    assert (result.verdict, result.reason) == (Verdict.NOT_SENT, "eightx8_unreachable")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ReadTimeoutError(None, "", "slow"), "timeout"),  # type: ignore[arg-type]
        (ProtocolError(), "connection_lost"),
        (DecodeError(), "connection_lost"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_left_may_have_arrived(error: HTTPError, reason: str) -> None:
    result = result_of_failure(error, left=True)

    assert (result.verdict, result.reason) == (Verdict.AMBIGUOUS, f"eightx8_{reason}")


@given(st.integers(100, 599), st.binary(max_size=50))
def test_only_8x8s_word_proves_that_a_message_was_not_taken(status: int, content: bytes) -> None:
    verdict = result_of(status, content).verdict

    if 400 <= status < 500 or status == 503:
        assert verdict in (Verdict.PERMANENT, Verdict.THROTTLED, Verdict.NOT_SENT)
    else:
        assert verdict is Verdict.AMBIGUOUS


def test_8x8s_own_words_stay_where_they_are() -> None:
    words = f"Invalid {NUMBER}: {TEXT}"
    for status in (200, 400, 429, 500):
        content = answer(
            code=1002, message=words, status={"code": "REJECTED", "description": words}
        )
        result = result_of(status, content)
        assert NUMBER not in repr(result)
        assert TEXT not in repr(result)


class TestBatches:
    """What the answer to many messages means for each."""

    IDS = ("a", "b", "c")

    def results(self, http_status: int, content: bytes) -> dict[str, SendResult]:
        return results_of_batch_answer(Answer(http_status, content, 7.0), self.IDS)

    def verdicts(self, *listed: object, http_status: int = 200) -> list[Verdict]:
        content = answer(batchId="batch", acceptedCount=1, rejectedCount=1, messages=listed)
        return [result.verdict for result in self.results(http_status, content).values()]

    @staticmethod
    def one(name: object, code: str = "QUEUED") -> dict[str, object]:
        return {"umid": f"umid-{name}", "clientMessageId": name, "status": {"code": code}}

    def test_each_message_is_known_by_its_id_in_any_order(self) -> None:
        content = answer(
            batchId="batch", messages=[self.one("c"), self.one("a", "REJECTED"), self.one("b")]
        )

        results = self.results(200, content)

        assert list(results) == ["a", "b", "c"]
        assert [(one.verdict, one.umid) for one in results.values()] == [
            (Verdict.PERMANENT, "umid-a"),
            (Verdict.ACCEPTED, "umid-b"),
            (Verdict.ACCEPTED, "umid-c"),
        ]

    def test_of_one_that_is_left_out_nobody_knows(self) -> None:
        assert self.verdicts(self.one("c")) == [
            Verdict.AMBIGUOUS,
            Verdict.AMBIGUOUS,
            Verdict.ACCEPTED,
        ]
        assert {one.reason for one in self.results(200, answer(batchId="b")).values()} == {
            "eightx8_not_named"
        }

    def test_what_nobody_asked_for_is_passed_over(self) -> None:
        others: list[Any] = [self.one("d"), self.one(None), self.one(7), "text", None, [], {}]

        assert self.verdicts(*others, *map(self.one, self.IDS)) == [Verdict.ACCEPTED] * 3

    @pytest.mark.parametrize(
        "content",
        [b"", b"<html>", b"[]", b"{", answer(messages="all"), answer(messages=[[]])],
    )
    def test_of_an_answer_that_cannot_be_read_nobody_knows_anything(self, content: bytes) -> None:
        results = self.results(200, content)

        assert {(one.verdict, one.reason) for one in results.values()} == {
            (Verdict.AMBIGUOUS, "eightx8_unreadable_answer")
        }

    @pytest.mark.parametrize("status", [400, 401, 408, 422, 429, 500, 502, 503, 504])
    def test_an_error_is_the_same_for_all(self, status: int) -> None:
        content = answer(code=1000, errorId="e-1")

        assert set(self.results(status, content).values()) == {
            result_of_answer(Answer(status, content, 7.0))
        }

    @given(st.integers(100, 599), st.binary(max_size=50))
    def test_every_message_has_a_result_whatever_8x8_answers(
        self, status: int, content: bytes
    ) -> None:
        assert list(self.results(status, content)) == list(self.IDS)
