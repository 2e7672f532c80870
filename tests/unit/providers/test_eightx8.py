"""What 8x8 is sent over a real connection, and what comes of every way in which that can fail."""

import json
from collections.abc import Callable

import pytest

from sms_bridge.domain.attempt import SendResult, Verdict
from sms_bridge.domain.message import MessageRequest
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
    return eightx8.send(request or a_request(), MESSAGE_ID, time_left=time_left)


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
    def test_the_request_is_as_8x8_documents_it_with_the_bridges_id_and_not_the_callers(
        self,
    ) -> None:
        received = sent(
            a_request(source="Acme", client_message_id="theirs", idempotency_key="theirs, too")
        )

        assert received.line == f"POST /api/v1/subaccounts/{SUB_ACCOUNT}/messages HTTP/1.1"
        assert received.headers["authorization"] == "Bearer key-1"
        assert received.headers["content-type"] == "application/json"
        assert json.loads(received.body) == {
            "destination": NUMBER,
            "text": TEXT,
            "source": "Acme",
            "clientMessageId": MESSAGE_ID,
        }

    def test_options_text_and_sub_account_id_arrive_as_they_were_given(self) -> None:
        text = "Ünïcode 🙂\n\t\"quoted\" \\ 'so'"
        options = {"country": "SG", "encoding": "UCS2", "dlrCallbackUrl": "https://b/?token=a%2Fb"}

        received = sent(a_request(sub_account_id="Az09-._&", text=text, options=options))

        assert received.line.split()[1] == "/api/v1/subaccounts/Az09-._&/messages"
        assert json.loads(received.body).items() >= {"text": text, **options}.items()
        assert int(received.headers["content-length"]) == len(received.body)
        assert "transfer-encoding" not in received.headers


def test_an_accepted_message_has_8x8s_id() -> None:
    with LoopbackServer(QUEUED) as server:
        result = send(server.url)

    assert (result.verdict, result.umid, result.encoding) == (Verdict.ACCEPTED, UMID, "GSM7")


class TestFailures:
    @pytest.mark.parametrize(
        ("behaviour", "verdict", "reason"),
        [
            (answers(429, Retry_After="7"), Verdict.THROTTLED, "eightx8_throttled"),
            (answers(500), Verdict.AMBIGUOUS, "eightx8_server_error"),
            (reads_and_resets, Verdict.AMBIGUOUS, "eightx8_connection_lost"),
            (reads_and_says_nothing, Verdict.AMBIGUOUS, "eightx8_timeout"),
            (
                answers_with_bytes(b"garbage\r\n\r\n"),
                Verdict.AMBIGUOUS,
                "eightx8_connection_lost",
            ),
            (
                answers_with_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
                Verdict.AMBIGUOUS,
                "eightx8_connection_lost",
            ),
            (
                answers_with_bytes(b"HTTP/1.1 204 No Content\r\n\r\n"),
                Verdict.AMBIGUOUS,
                "eightx8_unreadable_answer",
            ),
        ],
    )
    def test_a_request_that_fails_is_made_once_and_each_of_its_messages_has_the_result(
        self, behaviour: Behaviour, verdict: Verdict, reason: str
    ) -> None:
        left = 0.25 if behaviour is reads_and_says_nothing else 5.0
        with LoopbackServer(behaviour, behaviour) as server:
            result = send(server.url, time_left=lambda: left)
            results = send_batch(server.url, ["a", "b"], time_left=lambda: left)

        for one in (result, *results.values()):
            assert (one.verdict, one.reason) == (verdict, reason)
            assert one.retry_after == (7 if one.http_status == 429 else None)
        assert (len(results), len(server.received)) == (2, 2)

    def test_where_nobody_listens_nothing_was_sent(self) -> None:
        url = unreachable_url()

        for result in (send(url), *send_batch(url, ["a", "b"]).values()):
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

    @pytest.mark.parametrize("left", [0.0, -60.0])
    def test_what_has_no_time_left_when_the_function_thaws_is_not_written(
        self, left: float
    ) -> None:
        """Lambda may stop a function between any two lines and wake it minutes later."""
        with LoopbackServer(QUEUED) as server:
            times, times_of_batch = iter([5.0]), iter([5.0])
            result = send(server.url, time_left=lambda: next(times, left))
            batch = send_batch(server.url, ["a"], time_left=lambda: next(times_of_batch, left))
            server.wait_until_none_is_open()

        for one in (result, batch["a"]):
            assert (one.verdict, one.reason) == (Verdict.NOT_SENT, "eightx8_unreachable")
        assert server.received == []


class TestRefusedKeys:
    @pytest.mark.parametrize(
        ("newest", "behaviours", "used", "verdict"),
        [
            ("key-2", [answers(401), QUEUED], ["key-1", "key-2"], Verdict.ACCEPTED),
            ("key-1", [answers(401)], ["key-1"], Verdict.PERMANENT),
            ("key-2", [answers(401), answers(401)], ["key-1", "key-2"], Verdict.PERMANENT),
            ("key-2", [answers(401), reads_and_resets], ["key-1", "key-2"], Verdict.AMBIGUOUS),
            ("key-2", [answers(403)], ["key-1"], Verdict.PERMANENT),
        ],
        ids=["changed", "unchanged", "changed and refused", "changed and lost", "forbidden"],
    )
    def test_a_changed_key_is_tried_once_more(
        self, newest: str, behaviours: list[Behaviour], used: list[str], verdict: Verdict
    ) -> None:
        with LoopbackServer(*behaviours) as server:
            result = send(server.url, keys=RotatingKeys(newest=newest))

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


def test_a_batch_is_one_request_as_8x8_documents_it_and_each_message_is_known_by_its_id() -> None:
    messages = [
        {"umid": f"umid-{name}", "clientMessageId": name, "status": {"code": "QUEUED"}}
        for name in ("b", "a")
    ]
    listed = answers(body=json.dumps({"batchId": "b", "messages": messages}).encode())
    with LoopbackServer(answers(401), listed) as server:
        results = send_batch(server.url, ["a", "b"])

    _, received = server.received
    assert received.line == f"POST /api/v1/subaccounts/{SUB_ACCOUNT}/messages/batch HTTP/1.1"
    assert received.headers["authorization"] == "Bearer key-2"
    own = {"destination": NUMBER, "source": "Acme"}
    assert json.loads(received.body) == {
        "messages": [
            {**own, "text": f"Text {name}", "clientMessageId": name} for name in ("a", "b")
        ],
        "includeMessagesInResponse": True,
    }
    assert {name: one.umid for name, one in results.items()} == {"a": "umid-a", "b": "umid-b"}
