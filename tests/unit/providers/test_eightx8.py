"""What 8x8 is sent over a real connection, and what comes of every way in which that can fail."""

import json
from collections.abc import Callable

import pytest

from sms_bridge.domain.message import MessageRequest
from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.providers.eightx8 import EightX8
from sms_bridge.providers.http import Connections
from tests.builders import MESSAGE_ID, NUMBER, SUB_ACCOUNT, TEXT, UMID, a_request
from tests.fakes.api_keys import RotatingKeys
from tests.fakes.http_server import (
    Behaviour,
    LoopbackServer,
    ReceivedRequest,
    answers,
    answers_with_bytes,
    reads_and_resets,
    reads_and_says_nothing,
    resets_without_reading,
    unreachable_url,
)

QUEUED = answers(
    body=json.dumps({"umid": UMID, "encoding": "GSM7", "status": {"code": "QUEUED"}}).encode()
)


def send(
    url: str,
    request: MessageRequest | None = None,
    *,
    keys: RotatingKeys | None = None,
    time_left: Callable[[], float] = lambda: 5.0,
) -> SendResult:
    eightx8 = EightX8(Connections(url, connect_timeout=2.0), keys or RotatingKeys())
    request = request or a_request()
    return eightx8.send(request, MESSAGE_ID, time_left=time_left)


def send_batch(
    url: str, names: list[str], *, time_left: Callable[[], float] = lambda: 5.0
) -> dict[str, SendResult]:
    eightx8 = EightX8(Connections(url, connect_timeout=2.0), RotatingKeys(newest="key-2"))
    requests = {name: a_request(text=f"Text {name}", source="Acme") for name in names}
    return eightx8.send_batch(SUB_ACCOUNT, requests, time_left=time_left)


def sent(request: MessageRequest) -> ReceivedRequest:
    with LoopbackServer(QUEUED) as server:
        send(server.url, request)
    (received,) = server.received
    return received


class TestRequests:
    def test_the_request_is_as_8x8_documents_it(self) -> None:
        received = sent(a_request(source="Acme"))

        assert received.line == f"POST /api/v1/subaccounts/{SUB_ACCOUNT}/messages HTTP/1.1"
        assert received.headers["authorization"] == "Bearer key-1"
        assert received.headers["content-type"] == "application/json"
        assert json.loads(received.body) == {
            "destination": NUMBER,
            "text": TEXT,
            "source": "Acme",
            "clientMessageId": MESSAGE_ID,
        }

    def test_8x8_gets_the_bridges_id_and_not_the_callers(self) -> None:
        received = sent(a_request(client_message_id="theirs", idempotency_key="theirs, too"))

        assert json.loads(received.body)["clientMessageId"] == MESSAGE_ID
        assert b"theirs" not in received.body

    def test_options_and_text_arrive_as_they_were_given(self) -> None:
        options = {"country": "SG", "encoding": "UCS2", "dlrCallbackUrl": "https://b/?token=a%2Fb"}

        received = sent(a_request(text="Ünïcode 🙂\n\t\"quoted\" \\ 'so'", options=options))

        body = json.loads(received.body)
        assert body["text"] == "Ünïcode 🙂\n\t\"quoted\" \\ 'so'"
        assert {name: body[name] for name in options} == options
        assert int(received.headers["content-length"]) == len(received.body)
        assert "transfer-encoding" not in received.headers

    def test_any_sub_account_id_that_8x8_allows_stands_in_the_path(self) -> None:
        received = sent(a_request(sub_account_id="Az09-._&"))

        assert received.line.split()[1] == "/api/v1/subaccounts/Az09-._&/messages"


class TestAnswers:
    def test_an_accepted_message_has_8x8s_id(self) -> None:
        with LoopbackServer(QUEUED) as server:
            result = send(server.url)

        assert (result.verdict, result.umid, result.encoding) == (Verdict.ACCEPTED, UMID, "GSM7")

    def test_a_throttled_message_has_the_time_to_wait(self) -> None:
        with LoopbackServer(answers(429, Retry_After="7")) as server:
            result = send(server.url)

        assert (result.verdict, result.retry_after) == (Verdict.THROTTLED, 7)

    def test_a_redirect_is_not_followed(self) -> None:
        with (
            LoopbackServer(QUEUED) as elsewhere,
            LoopbackServer(answers(302, Location=elsewhere.url)) as server,
        ):
            result = send(server.url)

        assert (result.verdict, result.http_status) == (Verdict.AMBIGUOUS, 302)
        assert (len(server.received), len(elsewhere.received)) == (1, 0)

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_no_failure_makes_the_client_itself_try_again(self, status: int) -> None:
        with LoopbackServer(answers(status)) as server:
            send(server.url)

        assert len(server.received) == 1


class TestFailures:
    def test_where_nobody_listens_nothing_was_sent(self) -> None:
        result = send(unreachable_url())

        assert (result.verdict, result.reason) == (Verdict.NOT_SENT, "eightx8_unreachable")

    def test_a_reset_before_8x8_read_is_never_taken_for_an_answer(self) -> None:
        with LoopbackServer(resets_without_reading) as server:
            result = send(server.url)

        # Whether the body was under way by then is a race; both results are true.
        assert (result.verdict, result.reason) in {
            (Verdict.NOT_SENT, "eightx8_unreachable"),
            (Verdict.AMBIGUOUS, "eightx8_connection_lost"),
        }
        assert server.connections == 1

    def test_a_reset_after_8x8_read_is_ambiguous(self) -> None:
        with LoopbackServer(reads_and_resets) as server:
            result = send(server.url)

        assert (result.verdict, result.reason) == (Verdict.AMBIGUOUS, "eightx8_connection_lost")
        assert (server.connections, len(server.received)) == (1, 1)

    def test_no_answer_in_time_is_ambiguous(self) -> None:
        with LoopbackServer(reads_and_says_nothing) as server:
            result = send(server.url, time_left=lambda: 0.25)

        assert (result.verdict, result.reason) == (Verdict.AMBIGUOUS, "eightx8_timeout")
        assert (server.connections, len(server.received)) == (1, 1)

    @pytest.mark.parametrize(
        "data",
        [
            b"garbage\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html></>",
            b"HTTP/1.1 204 No Content\r\n\r\n",
        ],
        ids=lambda data: repr(data[:60]),
    )
    def test_an_answer_that_cannot_be_read_is_ambiguous(self, data: bytes) -> None:
        with LoopbackServer(answers_with_bytes(data)) as server:
            result = send(server.url)

        assert result.verdict is Verdict.AMBIGUOUS
        assert len(server.received) == 1

    @pytest.mark.parametrize("key", ["key\nX-Other: header", "schlüssel-€"])
    def test_a_key_that_no_header_can_hold_is_never_sent(self, key: str) -> None:
        with LoopbackServer(QUEUED) as server:
            result = send(server.url, keys=RotatingKeys(key=key))

        assert result.verdict is Verdict.NOT_SENT
        assert server.received == []


class TestFrozenFunctions:
    """Lambda may stop a function between any two lines and wake it minutes later."""

    def test_a_message_that_has_no_time_left_is_not_written(self) -> None:
        with LoopbackServer(QUEUED) as server:
            times = iter([5.0])
            result = send(server.url, time_left=lambda: next(times, -60.0))
            server.wait_until_none_is_open()

        assert (result.verdict, result.reason) == (Verdict.NOT_SENT, "eightx8_unreachable")
        assert server.received == []

    def test_a_batch_that_has_no_time_left_is_not_written(self) -> None:
        with LoopbackServer(QUEUED) as server:
            times = iter([5.0])
            results = send_batch(server.url, ["a"], time_left=lambda: next(times, 0.0))

        assert results["a"].verdict is Verdict.NOT_SENT
        assert server.received == []


class TestRefusedKeys:
    @pytest.mark.parametrize(
        ("keys", "behaviours", "used", "verdict"),
        [
            (
                RotatingKeys(newest="key-2"),
                [answers(401), QUEUED],
                ["key-1", "key-2"],
                Verdict.ACCEPTED,
            ),
            (RotatingKeys(newest="key-1"), [answers(401)], ["key-1"], Verdict.PERMANENT),
            (
                RotatingKeys(newest="key-2"),
                [answers(401), answers(401), QUEUED],
                ["key-1", "key-2"],
                Verdict.PERMANENT,
            ),
            (
                RotatingKeys(newest="key-2"),
                [answers(401), reads_and_resets],
                ["key-1", "key-2"],
                Verdict.AMBIGUOUS,
            ),
            (RotatingKeys(newest="key-2"), [answers(403)], ["key-1"], Verdict.PERMANENT),
        ],
        ids=["changed", "unchanged", "changed and refused", "changed and lost", "forbidden"],
    )
    def test_a_changed_key_is_tried_once_more(
        self, keys: RotatingKeys, behaviours: list[Behaviour], used: list[str], verdict: Verdict
    ) -> None:
        with LoopbackServer(*behaviours) as server:
            result = send(server.url, keys=keys)

        assert [one.headers["authorization"] for one in server.received] == [
            f"Bearer {key}" for key in used
        ]
        assert result.verdict is verdict

    def test_a_second_try_needs_time(self) -> None:
        keys = RotatingKeys(newest="key-2")
        with LoopbackServer(answers(401), QUEUED) as server:
            # To wait for the answer, to write the body, for another try.
            times = iter([5.0, 5.0, 0.2])
            result = send(server.url, keys=keys, time_left=lambda: next(times))

        assert (result.http_status, keys.refused) == (401, [])
        assert len(server.received) == 1

    def test_a_second_try_that_is_not_written_is_not_sent_though_the_first_was(self) -> None:
        with LoopbackServer(answers(401), QUEUED) as server:
            # Twice to wait for the answer and to write the body, and between them for a try.
            times = iter([5.0, 5.0, 5.0, 5.0, 0.0])
            result = send(
                server.url, keys=RotatingKeys(newest="key-2"), time_left=lambda: next(times)
            )

        assert (result.verdict, result.http_status) == (Verdict.NOT_SENT, 0)
        assert len(server.received) == 1


class TestBatches:
    def answer(self, *names: str) -> Behaviour:
        messages = [
            {"umid": f"umid-{name}", "clientMessageId": name, "status": {"code": "QUEUED"}}
            for name in names
        ]
        return answers(body=json.dumps({"batchId": "b", "messages": messages}).encode())

    def test_the_request_is_as_8x8_documents_it(self) -> None:
        with LoopbackServer(self.answer("b", "a")) as server:
            results = send_batch(server.url, ["a", "b"])

        (received,) = server.received
        assert received.line == f"POST /api/v1/subaccounts/{SUB_ACCOUNT}/messages/batch HTTP/1.1"
        assert json.loads(received.body) == {
            "messages": [
                {
                    "destination": NUMBER,
                    "text": f"Text {name}",
                    "source": "Acme",
                    "clientMessageId": name,
                }
                for name in ("a", "b")
            ],
            "includeMessagesInResponse": True,
        }
        assert {name: result.umid for name, result in results.items()} == {
            "a": "umid-a",
            "b": "umid-b",
        }

    @pytest.mark.parametrize(
        ("behaviour", "verdict"),
        [
            (answers(500), Verdict.AMBIGUOUS),
            (answers(429), Verdict.THROTTLED),
            (reads_and_resets, Verdict.AMBIGUOUS),
            (answers_with_bytes(b"garbage"), Verdict.AMBIGUOUS),
        ],
    )
    def test_a_batch_that_fails_is_posted_once_and_each_message_has_the_result(
        self, behaviour: Behaviour, verdict: Verdict
    ) -> None:
        with LoopbackServer(behaviour) as server:
            results = send_batch(server.url, ["a", "b"])

        assert [result.verdict for result in results.values()] == [verdict] * 2
        assert len(server.received) == 1

    def test_where_nobody_listens_nothing_was_sent(self) -> None:
        results = send_batch(unreachable_url(), ["a", "b"])

        assert {result.verdict for result in results.values()} == {Verdict.NOT_SENT}

    def test_a_changed_key_is_tried_once_more(self) -> None:
        with LoopbackServer(answers(401), self.answer("a")) as server:
            results = send_batch(server.url, ["a"])

        assert results["a"].verdict is Verdict.ACCEPTED
        assert len(server.received) == 2
