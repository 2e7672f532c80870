"""How answers look, and what becomes of an exception."""

import json
from typing import Any, NoReturn

import pytest

from local.eightx8.contract import problems_of
from sms_bridge.api import responses
from sms_bridge.api.errors import FieldError, Reason, RefusedError
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, json_response, refusal_response
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import new_id
from tests.fakes.logs import WrittenLog

EVENT = {
    "rawPath": "/messages/1",
    "requestContext": {"http": {"method": "GET"}, "requestId": "request-1"},
}


def answer_to(error: Exception, event: dict[str, Any] = EVENT) -> tuple[Response, dict[str, Any]]:
    @answers_http
    def handler(request: HttpRequest) -> NoReturn:  # noqa: ARG001
        raise error

    response = handler(event, None)
    return response, json.loads(response["body"])


def test_an_answer_is_json_with_every_character_as_it_is() -> None:
    response = json_response({"text": "Ünïcode 🙂"}, 201, {"x-own": "header"})

    assert response == {
        "statusCode": 201,
        "headers": {"content-type": "application/json", "x-own": "header"},
        "body": '{"text":"Ünïcode 🙂"}',
    }


def test_a_refusal_has_8x8s_shape() -> None:
    response = refusal_response(RefusedError(Reason.NOT_FOUND, "Nothing here."), "error-1")

    body = json.loads(response["body"])
    assert response["statusCode"] == 404
    assert seconds_of(body.pop("timestamp"))
    assert body == {
        "code": 1300,
        "message": "Nothing here.",
        "errorId": "error-1",
        "reason": "not_found",
    }


def test_a_refusal_names_the_fields_that_are_wrong() -> None:
    refusal = RefusedError(
        Reason.FIELD_INVALID,
        "Two fields.",
        FieldError("to", "is short"),
        FieldError("text", "is long"),
    )

    body = json.loads(refusal_response(refusal, "error-1")["body"])

    assert body["errors"] == [
        {"field": "to", "message": "is short"},
        {"field": "text", "message": "is long"},
    ]


def test_a_handlers_answer_goes_out_as_it_is() -> None:
    @answers_http
    def handler(request: HttpRequest) -> dict[str, str]:
        return {"path": request.path}

    assert json.loads(handler(EVENT, None)["body"]) == {"path": "/messages/1"}


def test_a_refusal_goes_out_with_its_headers() -> None:
    refusal = RefusedError(Reason.UNAUTHORIZED, "No.", headers={"www-authenticate": "Bearer"})

    response, body = answer_to(refusal)

    assert (response["statusCode"], body["reason"]) == (401, "unauthorized")
    assert response["headers"]["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("error", [RuntimeError("secret"), KeyError("secret"), OSError("secret")])
def test_anything_else_is_a_503_that_gives_nothing_away(
    error: Exception, logged: WrittenLog
) -> None:
    response, body = answer_to(error)

    assert (response["statusCode"], body["reason"]) == (503, "unavailable")
    assert "secret" not in response["body"]
    assert "secret" not in logged.text
    (line,) = logged.lines
    assert (line["error"], line["error_id"]) == (type(error).__name__, body["errorId"])
    assert line["error_at"].rpartition(" > ")[2].startswith("test_responses.py:")
    assert line["request_id"] == "request-1"


def test_a_broken_event_is_a_503_as_well() -> None:
    response, body = answer_to(RuntimeError(), event={})

    assert (response["statusCode"], body["reason"]) == (503, "unavailable")


def test_each_failure_has_an_id_of_its_own() -> None:
    ids = {answer_to(RuntimeError())[1]["errorId"] for _ in range(5)}

    assert len(ids) == 5


STRANGERS = {
    Reason.UNAUTHORIZED,
    Reason.ADDRESS_NOT_ALLOWED,
    Reason.NOT_FOUND,
    Reason.NOT_OFFERED,
    Reason.METHOD_NOT_ALLOWED,
}


class Refusing:
    """A handler that refuses every request, on a clock that the test turns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 7_000.0
        self.reason = Reason.UNAUTHORIZED
        monkeypatch.setattr(responses, "_now", lambda: self.now)

        @answers_http
        def handler(request: HttpRequest) -> NoReturn:  # noqa: ARG001
            raise RefusedError(self.reason, "No.")

        self.handler = handler

    def refuse(self, times: int) -> None:
        for _ in range(times):
            assert self.handler(EVENT, None)["statusCode"] >= 400


@pytest.mark.parametrize("reason", Reason)
def test_a_few_refusals_are_a_line_each_with_their_reason(
    reason: Reason, logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = Refusing(monkeypatch)
    refusing.reason = reason

    refusing.refuse(10)

    assert [(one["reason"], one["RequestsRefused"]) for one in logged.lines] == [(reason, 1)] * 10


@pytest.mark.parametrize("reason", Reason)
def test_a_flood_of_strangers_requests_is_few_lines_that_count_all_of_it(
    reason: Reason, logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = Refusing(monkeypatch)
    refusing.reason = reason

    refusing.refuse(500)
    refusing.now += 60
    refusing.refuse(1)

    assert len(logged.lines) == (11 if reason in STRANGERS else 501)
    assert sum(one["RequestsRefused"] for one in logged.lines) == 501


def test_a_flood_for_one_reason_hides_no_other(
    logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = Refusing(monkeypatch)
    refusing.refuse(100)

    refusing.reason = Reason.ADDRESS_NOT_ALLOWED
    refusing.refuse(3)

    lines = [one for one in logged.lines if one["reason"] == refusing.reason]
    assert [one["RequestsRefused"] for one in lines] == [1, 1, 1]


@pytest.mark.parametrize("reason", Reason)
def test_every_error_is_8x8s_error_response(reason: Reason) -> None:
    refusal = RefusedError(reason, "Why.", FieldError("to", "is short", name="destination"))

    body = json.loads(refusal_response(refusal, new_id())["body"])

    assert problems_of("ErrorResponse", body) == []
    assert set(body) == {"code", "message", "errorId", "timestamp", "reason", "errors"}
