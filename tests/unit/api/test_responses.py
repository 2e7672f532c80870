"""How answers look, and what becomes of an exception."""

import json
from typing import Any, NoReturn

import pytest

from local.eightx8.contract import problems_of
from sms_bridge.api import responses
from sms_bridge.api.batch_request import BATCH_FIELDS
from sms_bridge.api.request import FieldError, HttpRequest, Reason, RefusedError
from sms_bridge.api.responses import Response, answers_http, refusal_response
from sms_bridge.api.send_request import FIELDS
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import new_id
from sms_bridge.providers.eightx8 import RESULTS_BY_CODE
from sms_bridge.services.deadline import OutOfTimeError
from tests.fakes.logs import WrittenLog

EVENT = {
    "rawPath": "/messages/1",
    "requestContext": {"http": {"method": "GET"}, "requestId": "request-1"},
}
STRANGERS = {
    *(Reason.UNAUTHORIZED, Reason.ADDRESS_NOT_ALLOWED),
    *(Reason.NOT_FOUND, Reason.MESSAGE_NOT_FOUND, Reason.METHOD_NOT_ALLOWED),
}


def answer_to(error: Exception, event: dict[str, Any] = EVENT) -> tuple[Response, dict[str, Any]]:
    @answers_http
    def handler(request: HttpRequest) -> NoReturn:  # noqa: ARG001
        raise error

    response = handler(event, None)
    return response, json.loads(response["body"])


def test_an_answer_is_json_with_every_character_as_it_is() -> None:
    @answers_http
    def handler(request: HttpRequest) -> dict[str, str]:
        return {"path": request.path, "text": "Ünïcode 🙂"}

    assert handler(EVENT, None) == {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": '{"path":"/messages/1","text":"Ünïcode 🙂"}',
    }


class TestRefusals:
    @pytest.mark.parametrize("reason", Reason)
    def test_each_is_8x8s_error_response_and_says_which_fields_are_wrong(
        self, reason: Reason
    ) -> None:
        refusal = RefusedError(reason, "Why.", FieldError("to", 1002, "is short"))

        response = refusal_response(refusal, new_id())

        body = json.loads(response["body"])
        assert problems_of("ErrorResponse", body) == []
        assert seconds_of(body.pop("timestamp"))
        assert body.pop("errorId")
        assert response["statusCode"] == reason.status
        assert body == {
            "code": 1002 if reason.code == 1000 else reason.code,
            "message": "Why.",
            "reason": reason,
            "errors": [{"field": "to", "message": "is short"}],
        }

    def test_without_fields_it_names_none(self) -> None:
        body = json.loads(refusal_response(RefusedError(Reason.NOT_FOUND, ""), "id")["body"])

        assert set(body) == {"code", "message", "errorId", "timestamp", "reason"}

    def test_its_headers_go_out(self) -> None:
        refusal = RefusedError(Reason.UNAUTHORIZED, "No.", headers={"www-authenticate": "Bearer"})

        response, body = answer_to(refusal)

        assert (response["statusCode"], body["reason"]) == (401, "unauthorized")
        assert response["headers"]["www-authenticate"] == "Bearer"

    def test_every_code_is_one_of_8x8s(self) -> None:
        fields = [*FIELDS.values(), *BATCH_FIELDS.values()]

        assert {*(one.code for one in Reason), *(code for code, *_ in fields)} <= set(
            RESULTS_BY_CODE
        )

    def test_the_first_field_that_is_wrong_decides_the_code(self) -> None:
        errors = [FieldError("to", 1002, "is short"), FieldError("other", 1000, "is long")]

        assert RefusedError(Reason.FIELD_INVALID, "", *errors).code == 1002
        assert RefusedError(Reason.FIELD_INVALID, "", *reversed(errors)).code == 1000
        assert RefusedError(Reason.TEXT_TOO_LONG, "", *errors).code == 3006

    def test_an_exceptions_text_is_its_reason_and_nothing_else(self) -> None:
        assert str(RefusedError(Reason.FIELD_INVALID, "to must be a number")) == "field_invalid"


class TestFailures:
    @pytest.mark.parametrize("error", [RuntimeError("secret"), KeyError("secret")])
    def test_it_is_a_503_that_gives_nothing_away(
        self, error: Exception, logged: WrittenLog
    ) -> None:
        response, body = answer_to(error)

        assert (response["statusCode"], body["reason"]) == (503, "unavailable")
        assert "secret" not in response["body"] + logged.text
        (line,) = logged.lines
        assert (line["error"], line["error_id"]) == (type(error).__name__, body["errorId"])
        assert line["error_at"].rpartition(" > ")[2].startswith("test_responses.py:")
        assert line["request_id"] == "request-1"

    def test_one_that_ran_out_of_time_is_told_from_a_failure(self, logged: WrittenLog) -> None:
        _, body = answer_to(OutOfTimeError())

        [line] = logged.lines
        assert (line["message"], line["level"]) == ("request out of time", "WARNING")
        assert (line["error_id"], body["reason"]) == (body["errorId"], "unavailable")

    def test_a_broken_event_is_a_503_as_well_and_its_line_has_no_other_requests_id(
        self, logged: WrittenLog
    ) -> None:
        answer_to(RuntimeError())
        response, body = answer_to(RuntimeError(), event={})

        assert (response["statusCode"], body["reason"]) == (503, "unavailable")
        assert [line.get("request_id") for line in logged.lines] == ["request-1", None]

    def test_each_has_an_id_of_its_own(self) -> None:
        ids = {answer_to(RuntimeError())[1]["errorId"] for _ in range(5)}

        assert len(ids) == 5


class Refusing:
    """A handler that refuses every request, on a clock that the test turns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reason: Reason) -> None:
        self.now = 7_000.0
        self.reason = reason
        monkeypatch.setattr(responses, "_now", lambda: self.now)

        @answers_http
        def handler(request: HttpRequest) -> NoReturn:  # noqa: ARG001
            raise RefusedError(self.reason, "No.")

        self.handler = handler

    def refuse(self, times: int) -> None:
        for _ in range(times):
            assert self.handler(EVENT, None)["statusCode"] >= 400


class TestLines:
    @pytest.mark.parametrize("reason", Reason)
    def test_a_flood_of_strangers_requests_is_few_lines_that_count_all_of_it(
        self, reason: Reason, logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refusing = Refusing(monkeypatch, reason)

        refusing.refuse(500)
        refusing.now += 60
        refusing.refuse(1)

        counted = [(one["reason"], one["RequestsRefused"]) for one in logged.lines]
        assert counted[:10] == [(reason, 1)] * 10
        assert len(counted) == (11 if reason in STRANGERS else 501)
        assert sum(count for _, count in counted) == 501

    def test_a_flood_for_one_reason_hides_no_other(
        self, logged: WrittenLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refusing = Refusing(monkeypatch, Reason.UNAUTHORIZED)
        refusing.refuse(100)

        refusing.reason = Reason.ADDRESS_NOT_ALLOWED
        refusing.refuse(3)

        lines = [one for one in logged.lines if one["reason"] == refusing.reason]
        assert [one["RequestsRefused"] for one in lines] == [1, 1, 1]
