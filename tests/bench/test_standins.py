"""The stand-ins over the wire, and the process in which a function is measured."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import artifact
from bench.events import naked_body, receipt_events, send_events, sqs_events
from bench.runs import Function, RunFailedError, take_times
from bench.standins.__main__ import StandIns
from bench.standins.dynamodb import Table
from bench.standins.services import API_KEY, umid_of
from bench.standins.wire import Connection, Exchange, Reply, Request

QUEUE = "https://sqs.invalid/queue"


class Transport:
    """Keeps what is written to it."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False


def echo(request: Request) -> Reply:
    return Reply(f"{request.method} {request.path}", 200, request.body)


def connected(heard: list[Exchange]) -> tuple[Connection, Any]:
    transport: Any = Transport()
    connection = Connection(echo, heard.append, lambda: 0.0)
    connection.connection_made(transport)
    return connection, transport


def a_post(body: bytes) -> bytes:
    head = f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@given(
    bodies=st.lists(st.binary(max_size=50), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 500), max_size=8),
)
def test_requests_are_answered_however_they_are_cut(bodies: list[bytes], cuts: list[int]) -> None:
    data = b"".join(map(a_post, bodies))
    heard: list[Exchange] = []
    connection, transport = connected(heard)

    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for begin, end in itertools.pairwise(places):
        connection.data_received(data[begin:end])

    expected = b"".join(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        + f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
        for body in bodies
    )
    assert transport.written == expected
    assert [one.name for one in heard] == ["POST /echo"] * len(bodies)


def post(standins: StandIns, path: str, content: Any, **headers: str) -> tuple[int, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = standins.answer(Request("POST", path, named, json.dumps(content).encode()))
    return reply.status, json.loads(reply.body)


def a_message(message_id: str) -> dict[str, str]:
    return {"clientMessageId": message_id, "destination": "+6591234567", "text": "hello"}


def test_8x8_remembers_what_it_took_and_how_often() -> None:
    standins = StandIns(Table({}))
    path = "/api/v1/subaccounts/Acme/messages"
    key = {"authorization": f"Bearer {API_KEY}"}

    post(standins, path, a_message("a"), **key)
    batch = {"messages": [a_message("a"), a_message("b")]}
    status, answer = post(standins, f"{path}/batch", batch, **key)

    assert (status, answer["acceptedCount"]) == (200, 2)
    assert [one["umid"] for one in answer["messages"]] == [umid_of("a"), umid_of("b")]
    _, counted = post(standins, "/_standins/counted", {})
    assert (counted["messages_taken"], counted["messages_taken_twice"]) == (2, 1)


def test_8x8_refuses_a_wrong_key() -> None:
    standins = StandIns(Table({}))

    status, _ = post(standins, "/api/v1/subaccounts/Acme/messages", a_message("a"))

    assert status == 401
    assert not standins.eightx8.taken


def test_a_queue_gives_the_oldest_first_and_gives_each_once() -> None:
    standins = StandIns(Table({}))
    for body in "abc":
        call = {"QueueUrl": QUEUE, "MessageBody": body}
        post(standins, "/", call, x_amz_target="AmazonSQS.SendMessage")

    taken = [
        post(standins, "/_standins/take", {"queue_url": QUEUE, "most": 2})[1] for _ in range(3)
    ]

    assert taken == [["a", "b"], ["c"], []]


def test_what_nothing_here_answers_is_seen() -> None:
    reply = StandIns(Table({})).answer(Request("GET", "/latest/meta-data", {}, b""))

    assert (reply.status, reply.name) == (404, "unknown GET /latest/meta-data")


def test_a_table_is_put_back_to_what_it_was() -> None:
    standins = StandIns(Table({}))
    standins.table.items["a"] = {"id": {"S": "a"}}
    post(standins, "/_standins/save", {"name": "before"})
    standins.table.items.clear()

    post(standins, "/_standins/restore", {"name": "before"})

    assert list(standins.table.items) == ["a"]


# ----------------------------------------------------------------------------------------- events
def test_a_campaigns_messages_all_differ() -> None:
    events = send_events(50, "promotional")

    assert len({event["body"] for event in events}) == 50
    assert all(len(event["body"]) == int(event["headers"]["content-length"]) for event in events)


def test_a_receipt_speaks_of_its_message() -> None:
    sent = {"messageId": "0f6f2a4e", "destination": "+6591234567"}

    (event,) = receipt_events([{"body": json.dumps(sent)}], "delivered")

    payload = json.loads(event["body"])["payload"]
    assert (payload["clientMessageId"], payload["umid"]) == ("0f6f2a4e", umid_of("0f6f2a4e"))


def test_records_come_in_batches() -> None:
    events = sqs_events(["a", "b", "c"], "forward_outcome/outcome", batch_size=2)

    assert [[one["body"] for one in event["Records"]] for event in events] == [["a", "b"], ["c"]]


def test_the_naked_body_has_the_size_that_is_asked_for() -> None:
    assert len(naked_body(231)) == 231


# ------------------------------------------------------------------------------------- the worker
def test_a_function_runs_alone_and_its_answers_come_back() -> None:
    run = take_times(artifact.plain(artifact.BARE), [{}, {}, {}], first=1, most=2)

    assert [json.loads(answer)["statusCode"] for answer in run.answers] == [200, 200]
    assert len(run.invocations) == 2
    assert run.started_cpu > 0
    assert run.peak_rss > 1000


def test_a_function_sees_no_package_of_this_environment(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import pytest\n")

    with pytest.raises(RunFailedError, match="No module named 'pytest'"):
        take_times(Function("stranger", (tmp_path,), {}))


def test_a_function_sees_its_own_variables_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_SHELL", "1")
    (tmp_path / "app.py").write_text(
        "import os\ndef handler(event, context): return sorted(os.environ)\n"
    )

    run = take_times(Function("curious", (tmp_path,), {"GIVEN": "1"}), [{}], most=1)

    assert {"GIVEN", "PATH", "PYTHONHASHSEED"} <= set(run.answers[0])
    assert "SECRET_OF_THIS_SHELL" not in run.answers[0]
