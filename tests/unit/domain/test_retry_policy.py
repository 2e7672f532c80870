"""When a message may be sent again: a row for everything that can come of an attempt."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from sms_bridge.domain.retry_policy import AmbiguousSendPolicy, RetryPolicy, seconds_for
from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.domain.state import State
from sms_bridge.providers.eightx8_errors import result_of_answer, result_of_failure
from sms_bridge.providers.http import Answer, OutOfTimeError
from tests.builders import ACCEPTED, AMBIGUOUS, NOT_SENT, REFUSED, REJECTED, THROTTLED, UMID

HOLD = RetryPolicy(AmbiguousSendPolicy.HOLD)
RESEND = RetryPolicy(AmbiguousSendPolicy.RESEND)

QUEUED = json.dumps({"umid": UMID, "status": {"code": "QUEUED"}}).encode()
REJECTED_ANSWER = json.dumps({"umid": UMID, "status": {"code": "REJECTED"}}).encode()


def answered(status: int, content: bytes = b"{}", retry_after: float | None = None) -> SendResult:
    return result_of_answer(Answer(status, content, retry_after))


def coded(code: int, status: int = 400) -> SendResult:
    return answered(status, json.dumps({"code": code}).encode())


def failed(error: Exception, *, left: bool) -> SendResult:
    return result_of_failure(error, left=left)


NO_POOL = None
UNREACHED = [
    NewConnectionError(NO_POOL, "refused"),  # type: ignore[arg-type]
    NameResolutionError("host", NO_POOL, OSError()),  # type: ignore[arg-type]
    ConnectTimeoutError(),
    SSLError(),
    ProxyError("proxy", OSError()),
    ProtocolError(),
    OutOfTimeError(),
    ValueError("the key fits in no header"),
]


@dataclass(frozen=True)
class Row:
    """What comes of an attempt, and then of the message."""

    result: SendResult
    verdict: Verdict
    hold: State
    resend: State
    at_once: bool = False


REFUSED_ROW = (Verdict.PERMANENT, State.FAILED, State.FAILED)
OPEN_ROW = (Verdict.AMBIGUOUS, State.UNKNOWN, State.WAITING)
UNSENT_ROW = (Verdict.NOT_SENT, State.WAITING, State.WAITING, True)

ROWS = {
    "200 QUEUED": Row(answered(200, QUEUED), Verdict.ACCEPTED, State.QUEUED, State.QUEUED),
    "202 QUEUED": Row(answered(202, QUEUED), Verdict.ACCEPTED, State.QUEUED, State.QUEUED),
    "200 REJECTED": Row(
        answered(200, REJECTED_ANSWER), Verdict.PERMANENT, State.REJECTED, State.REJECTED
    ),
    **{
        f"200 with {content[:20]!r}": Row(answered(200, content), *OPEN_ROW)
        for content in (b"", b"{", b"[]", b'{"status": {"code": "NEW"}}', b"<html>", QUEUED[:-3])
    },
    **{
        f"HTTP {status}": Row(answered(status), *REFUSED_ROW)
        for status in (400, 401, 403, 404, 405, 409, 410, 411, 413, 415, 418, 422, 426, 431, 451)
    },
    "HTTP 408": Row(answered(408), *UNSENT_ROW),
    "HTTP 503": Row(answered(503), *UNSENT_ROW),
    "HTTP 429": Row(answered(429), Verdict.THROTTLED, State.WAITING, State.WAITING, True),
    **{
        f"HTTP {status}": Row(answered(status), *OPEN_ROW)
        for status in (100, 301, 302, 307, 500, 501, 502, 504, 505, 507, 520, 599)
    },
    **{
        f"400 with code {code}": Row(coded(code), *REFUSED_ROW)
        for code in (
            1000, 1001, 1002, 1003, 1004, 1005, 1006, 1009, 1011, 1012, 1014, 1100, 1300, 1400,
            2000,
        )
    },
    "401 with code 1200": Row(coded(1200, 401), *REFUSED_ROW),
    "403 with code 1201": Row(coded(1201, 403), *REFUSED_ROW),
    "429 with code 1400": Row(
        coded(1400, 429), Verdict.THROTTLED, State.WAITING, State.WAITING, True
    ),
    "500 with code 2000": Row(coded(2000, 500), *OPEN_ROW),
    "503 with code 2000": Row(coded(2000, 503), *UNSENT_ROW),
    **{
        f"{type(error).__name__} before the body was written": Row(
            failed(error, left=False), *UNSENT_ROW
        )
        for error in UNREACHED
    },
    **{
        f"{type(error).__name__} after it": Row(failed(error, left=True), *OPEN_ROW)
        for error in (
            ReadTimeoutError(NO_POOL, "", "slow"),  # type: ignore[arg-type]
            ProtocolError(),
            DecodeError(),
            SSLError(),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
class TestTheTable:
    def test_what_is_known(self, row: Row) -> None:
        assert row.result.verdict is row.verdict

    def test_the_state_that_the_message_is_left_in(self, row: Row) -> None:
        assert HOLD.state_after(row.result) is row.hold
        assert RESEND.state_after(row.result) is row.resend

    def test_whether_it_is_tried_at_once(self, row: Row) -> None:
        assert at_once(row.result, HOLD) is row.at_once
        assert at_once(row.result, RESEND) is (row.resend is State.WAITING)

    def test_a_failure_is_reported_exactly_when_it_is_the_end(self, row: Row) -> None:
        is_the_end = row.verdict is Verdict.PERMANENT

        assert (row.result.outcome is not None) is is_the_end
        assert (row.hold in (State.FAILED, State.REJECTED)) is is_the_end


def at_once(result: SendResult, policy: RetryPolicy) -> bool:
    pause = policy.pause_before_trying_at_once(result, tries=1, seconds_left=3.0, chance=0.5)
    return pause is not None


def pause(
    result: SendResult, *, tries: int = 1, seconds_left: float = 60.0, chance: float = 0.5
) -> float | None:
    return HOLD.pause_before_trying_at_once(
        result, tries=tries, seconds_left=seconds_left, chance=chance
    )


def throttled(retry_after: float | None) -> SendResult:
    return answered(429, retry_after=retry_after)


class TestAtOnce:
    @pytest.mark.parametrize(
        ("result", "tries", "seconds"),
        [
            (NOT_SENT, 1, 0.2),
            (NOT_SENT, 2, 0.4),
            (NOT_SENT, 3, None),
            (THROTTLED, 1, 1.0),
            (THROTTLED, 2, 1.0),
            (throttled(2), 1, 2.0),
            (throttled(0), 1, 1.0),
            (answered(503, retry_after=5), 1, 5.0),
            (ACCEPTED, 1, None),
            (REFUSED, 1, None),
            (REJECTED, 1, None),
            (AMBIGUOUS, 1, None),
        ],
        ids=str,
    )
    def test_the_pauses(self, result: SendResult, tries: int, seconds: float | None) -> None:
        assert pause(result, tries=tries) == seconds

    @given(st.floats(0, 10), st.floats(0, 1), st.none() | st.floats(0, 10))
    def test_no_pause_is_longer_than_the_time_that_is_left(
        self, left: float, chance: float, retry_after: float | None
    ) -> None:
        planned = pause(throttled(retry_after), chance=chance)
        in_time = pause(throttled(retry_after), chance=chance, seconds_left=left)

        assert planned is not None
        assert in_time == (planned if planned < left else None)


class TestInTheQueue:
    @pytest.mark.parametrize(
        ("tries", "seconds"),
        [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 300), (8, 300), (10_000, 300)],
    )
    def test_the_waits_grow_to_five_minutes(self, tries: int, seconds: int) -> None:
        assert HOLD.wait_in_queue(NOT_SENT, tries=tries, chance=0.5) == seconds

    @given(st.integers(1, 100), st.floats(0, 1))
    def test_chance_spreads_a_wait_by_a_fifth_to_both_sides(
        self, tries: int, chance: float
    ) -> None:
        planned = HOLD.wait_in_queue(NOT_SENT, tries=tries, chance=0.5)
        wait = HOLD.wait_in_queue(NOT_SENT, tries=tries, chance=chance)

        assert abs(wait - planned) <= planned * 0.2 + 0.5

    @given(st.integers(1, 100), st.floats(0, 1), st.floats(0, 1e9))
    def test_retry_after_only_lengthens_and_by_a_quarter_of_an_hour_at_most(
        self, tries: int, chance: float, retry_after: float
    ) -> None:
        without = HOLD.wait_in_queue(throttled(None), tries=tries, chance=chance)
        wait = HOLD.wait_in_queue(throttled(retry_after), tries=tries, chance=chance)

        assert without <= wait <= max(without, 900)
        assert wait >= min(retry_after, 900) - 0.5

    @given(st.integers(1, 10_000), st.floats(0, 1), st.none() | st.floats(0, 1e9))
    def test_sqs_can_delay_a_record_for_any_wait(
        self, tries: int, chance: float, retry_after: float | None
    ) -> None:
        assert 1 <= HOLD.wait_in_queue(throttled(retry_after), tries=tries, chance=chance) <= 900


class TestPacing:
    @pytest.mark.parametrize(
        ("messages", "rate", "at_once", "seconds"),
        [(100, 100.0, 1, 1.0), (100, 100.0, 5, 5.0), (50, 1800.0, 4, 1 / 9), (0, 10.0, 2, 0.0)],
    )
    def test_each_function_takes_its_share_of_the_rate(
        self, messages: int, rate: float, at_once: int, seconds: float
    ) -> None:
        assert seconds_for(messages, rate=rate, at_once=at_once) == pytest.approx(seconds)

    def test_without_a_limit_nothing_waits(self) -> None:
        assert seconds_for(10_000, rate=0, at_once=10) == 0

    @given(st.integers(1, 10_000), st.floats(0.1, 5000), st.integers(1, 1000))
    def test_all_functions_together_keep_under_the_rate(
        self, messages: int, rate: float, at_once: int
    ) -> None:
        seconds = seconds_for(messages, rate=rate, at_once=at_once)

        assert at_once * messages / seconds == pytest.approx(rate)
