"""8x8, asked for a message by its own id over a real connection."""

import json

import pytest

from sms_bridge.api.errors import Code
from sms_bridge.providers.eightx8_log import DetailsFailedError, MessageDetails
from tests.builders import MESSAGE_ID, SUB_ACCOUNT, UMID
from tests.fakes.api_keys import RotatingKeys
from tests.fakes.http_server import (
    Behaviour,
    LoopbackServer,
    answers,
    answers_and_closes,
    reads_and_resets,
    unreachable_url,
)

FOUND = answers(200, json.dumps({"umid": UMID, "clientMessageId": MESSAGE_ID}).encode())


def ask(*behaviours: Behaviour, keys: RotatingKeys | None = None) -> tuple[str, LoopbackServer]:
    """Ask a server that behaves so, one request after the other."""
    with LoopbackServer(*behaviours) as server:
        details = MessageDetails(server.url, keys or RotatingKeys(), sleep=lambda _: None)
        return details.client_message_id_of(UMID, SUB_ACCOUNT), server


def test_the_answer_tells_the_bridges_id() -> None:
    found, server = ask(FOUND)

    assert found == MESSAGE_ID
    [request] = server.received
    assert request.line == f"GET /api/v1/subaccounts/{SUB_ACCOUNT}/messages/{UMID} HTTP/1.1"
    assert request.headers["authorization"] == "Bearer key-1"


@pytest.mark.parametrize("body", [b"{}", b'{"clientMessageId": 7}', b'{"clientMessageId": null}'])
def test_a_message_without_an_id_of_ours_is_not_ours(body: bytes) -> None:
    assert ask(answers(200, body))[0] == ""


def test_what_8x8_does_not_have_is_not_there() -> None:
    assert ask(answers(404, b'{"code": 1401}'))[0] == ""


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (answers(401), Code.EIGHTX8_UNAUTHORIZED),
        (answers(403), Code.EIGHTX8_UNAUTHORIZED),
        (answers(429), Code.EIGHTX8_THROTTLED),
        (answers(500), Code.EIGHTX8_UNAVAILABLE),
        (answers(302, Location="/elsewhere"), Code.EIGHTX8_UNAVAILABLE),
        (answers(200, b"<html>"), Code.EIGHTX8_UNAVAILABLE),
        (answers(200, b"[]"), Code.EIGHTX8_UNAVAILABLE),
        (reads_and_resets, Code.EIGHTX8_UNREACHABLE),
    ],
)
def test_what_keeps_8x8_from_telling_is_no_message_that_is_not_there(
    behaviour: Behaviour, code: Code
) -> None:
    with pytest.raises(DetailsFailedError) as failure:
        ask(behaviour)

    assert failure.value.code is code
    assert UMID not in str(failure.value)


def test_nobody_there_is_said_so() -> None:
    with pytest.raises(DetailsFailedError) as failure:
        MessageDetails(unreachable_url(), RotatingKeys()).client_message_id_of(UMID, SUB_ACCOUNT)

    assert failure.value.code is Code.EIGHTX8_UNREACHABLE


def test_a_key_that_was_replaced_is_read_again() -> None:
    keys = RotatingKeys(newest="key-2")

    found, server = ask(answers(401), FOUND, keys=keys)

    assert found == MESSAGE_ID
    assert keys.refused == ["key-1"]
    assert [one.headers["authorization"] for one in server.received] == [
        "Bearer key-1",
        "Bearer key-2",
    ]


@pytest.mark.parametrize("refusal", [answers(429), answers(429, Retry_After="1")])
def test_one_question_too_many_in_a_second_is_asked_again(refusal: Behaviour) -> None:
    found, server = ask(refusal, FOUND)

    assert found == MESSAGE_ID
    assert len(server.received) == 2


def test_a_longer_pause_is_not_waited_for() -> None:
    with pytest.raises(DetailsFailedError, match="one such question a second"):
        ask(answers(429, Retry_After="60"), FOUND)


def test_a_connection_that_8x8_has_closed_is_no_failure() -> None:
    with LoopbackServer(answers_and_closes, FOUND) as server:
        details = MessageDetails(server.url, RotatingKeys())

        assert details.client_message_id_of(UMID, SUB_ACCOUNT) == ""
        assert details.client_message_id_of(UMID, SUB_ACCOUNT) == MESSAGE_ID
