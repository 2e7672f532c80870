"""No text, number, token or key in any line of the log, whatever goes wrong."""

import json
from functools import partial
from typing import Any

import pytest

from sms_bridge.api.authentication import admit, check_8x8
from sms_bridge.api.callback import read_callback
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http
from sms_bridge.api.send_request import read_send_request
from sms_bridge.domain.arrivals import QueuedOutcome
from sms_bridge.domain.message import Message, MessageRequest, State
from sms_bridge.providers.eightx8 import EightX8
from sms_bridge.providers.http import Connections
from sms_bridge.providers.moengage import delivery_tracking
from sms_bridge.services.deadline import AnswerTime
from sms_bridge.services.forward import Forward
from sms_bridge.services.receive import ReceiveCallback
from sms_bridge.services.send import SendMessage
from tests.builders import (
    AT,
    MESSAGE_ID,
    REFUSED,
    SUB_ACCOUNT,
    a_click_callback,
    a_message,
    a_receipt_callback,
    a_secret_source,
    an_inbound_callback,
    send_settings,
)
from tests.fakes.api_keys import RotatingKeys
from tests.fakes.clock import TurnableClock
from tests.fakes.failures import failing
from tests.fakes.http_server import (
    Behaviour,
    LoopbackServer,
    answers,
    reads_and_resets,
    unreachable_url,
)
from tests.fakes.messages import InMemoryMessages
from tests.services import a_service
from tests.unit.privacy import (
    API_KEY,
    CALLBACK_TOKEN,
    CONNECTOR,
    HASH_KEY,
    NUMBER,
    SECRETS,
    TEXT,
    TOKEN,
    EveryLine,
    SpeakingError,
)


def an_event(body: str, *, token: str = TOKEN, query: str = "") -> dict[str, Any]:
    return {
        "rawPath": "/",
        "rawQueryString": query,
        "headers": {"content-type": "application/json", "authorization": f"Bearer {token}"},
        "requestContext": {"http": {"method": "POST", "sourceIp": ""}, "requestId": "r"},
        "pathParameters": {"subAccountId": SUB_ACCOUNT},
        "body": body,
    }


def send(event: dict[str, Any], url: str, messages: InMemoryMessages | None = None) -> Response:
    """Answer a request to send as the function does."""
    step = a_service(
        SendMessage,
        messages=messages or InMemoryMessages(),
        sender=EightX8(Connections(url, connect_timeout=2.0), RotatingKeys(API_KEY, API_KEY)),
        sleep=lambda _: None,
    )
    settings = send_settings(callback_base_url="https://bridge.example")
    secrets = a_secret_source(
        hashKey=HASH_KEY, moengageTokens=[TOKEN], callbackTokens=[CALLBACK_TOKEN]
    )

    @answers_http
    def handler(request: HttpRequest) -> dict[str, Any]:
        asked, hash_key, make_answer = read_send_request(request, settings, secrets)
        assert isinstance(asked, MessageRequest)
        return make_answer(step(asked, hash_key=hash_key, answer_time=AnswerTime[Message](3.0)))

    return handler(event, None)


GOOD = json.dumps({"to": NUMBER, "text": TEXT})
WORDS = json.dumps({"code": 1002, "message": f"{NUMBER}: {TEXT}", "status": {"code": "REJECTED"}})


@pytest.mark.parametrize(
    "behaviour",
    [
        answers(body=b'{"umid": "u", "status": {"code": "QUEUED"}}'),
        answers(200, WORDS.encode()),
        answers(400, WORDS.encode()),
        answers(401, WORDS.encode()),
        answers(500, WORDS.encode()),
        reads_and_resets,
    ],
    ids=["queued", "rejected", "400", "401", "500", "reset"],
)
def test_promise_6_no_text_number_or_secret_is_logged_while_a_message_is_sent(
    behaviour: Behaviour, every_line: EveryLine
) -> None:
    with LoopbackServer(behaviour) as server:
        response = send(an_event(GOOD), server.url)

    assert response["statusCode"] == 200
    assert TEXT not in response["body"]
    every_line.hold_no_secret()


def test_promise_6_no_text_number_or_secret_is_logged_where_8x8_cannot_be_reached(
    every_line: EveryLine,
) -> None:
    assert send(an_event(GOOD), unreachable_url())["statusCode"] == 200
    every_line.hold_no_secret()


@pytest.mark.parametrize(("method", "status"), [("record_result", 200), ("create", 503)])
def test_promise_6_no_text_number_or_secret_is_logged_while_the_table_fails(
    method: str, status: int, every_line: EveryLine
) -> None:
    messages = InMemoryMessages()
    with LoopbackServer(answers()) as server, failing(messages, method, error=SpeakingError()):
        response = send(an_event(GOOD), server.url, messages)

    assert response["statusCode"] == status
    assert TEXT not in response["body"]
    every_line.hold_no_secret()


@pytest.mark.parametrize(
    "event",
    [
        an_event(json.dumps({"to": TEXT, "text": NUMBER})),
        an_event(json.dumps({"to": f"{NUMBER}000000", "text": TEXT})),
        an_event(json.dumps({"to": NUMBER, "text": TEXT, "message": TEXT})),
        an_event(json.dumps({"to": NUMBER, "text": TEXT * 100})),
        an_event(json.dumps({"to": NUMBER, "text": TEXT, "from": TEXT, "expiry": TEXT})),
        an_event(GOOD + TEXT),
        an_event(TEXT),
        an_event(GOOD, token=API_KEY),
        an_event(GOOD, token="", query=f"token={TOKEN}"),
    ],
)
def test_promise_6_no_text_number_or_secret_is_logged_when_a_request_is_refused(
    event: dict[str, Any], every_line: EveryLine
) -> None:
    response = send(event, unreachable_url())

    assert response["statusCode"] in (400, 401)
    assert not any(secret in response["body"] for secret in SECRETS)
    every_line.hold_no_secret()


CALLBACKS: dict[str, str] = {
    "receipt": json.dumps(a_receipt_callback("delivered", destination=NUMBER)),
    "receipt of another message": json.dumps(
        a_receipt_callback("sent", destination=NUMBER, clientMessageId="theirs")
    ),
    "inbound": json.dumps(an_inbound_callback(TEXT)).replace("6591234567", NUMBER.strip("+")),
    "click": json.dumps(a_click_callback(destination=NUMBER, targetUrl=f"https://x/{NUMBER}")),
    "survey answers": json.dumps({"umid": "u", "surveyId": TEXT, "answers": [TEXT, NUMBER]}),
    "unknown": json.dumps({"eventType": TEXT, "payload": {"body": TEXT, "source": NUMBER}}),
    "garbage": f"{TEXT} {NUMBER}",
}


@pytest.mark.parametrize(
    "fails", [(), ("record_receipt", "keep_inbound", "newest_first", "keep_event")]
)
@pytest.mark.parametrize("content", list(CALLBACKS.values()), ids=list(CALLBACKS))
def test_promise_6_no_text_number_or_secret_is_logged_of_callbacks(
    content: str, fails: tuple[str, ...], every_line: EveryLine
) -> None:
    messages = InMemoryMessages()
    step = a_service(ReceiveCallback, messages=messages, opt_out_keywords=f"STOP,{TEXT}")

    @answers_http
    def handler(request: HttpRequest) -> dict[str, str]:
        secrets = a_secret_source(callbackTokens=[CALLBACK_TOKEN])
        admit(request, secrets, partial(check_8x8, in_url=True))
        for event in read_callback(request.any_text(), AT):
            step(event, hash_key=HASH_KEY)
        return {}

    with failing(messages, *fails, error=SpeakingError()):
        response = handler(an_event(content, token="", query=f"token={CALLBACK_TOKEN}"), None)

    assert response["statusCode"] == (503 if fails and "survey" not in content else 200)
    every_line.hold_no_secret()


@pytest.mark.parametrize("behaviour", [answers(), answers(404), answers(500), reads_and_resets])
def test_promise_6_no_text_number_or_secret_is_logged_when_an_outcome_is_reported(
    behaviour: Behaviour, every_line: EveryLine
) -> None:
    clock, messages = TurnableClock(), InMemoryMessages()
    messages.create(a_message(destination=NUMBER, attempt=1))
    messages.record_result(MESSAGE_ID, 1, REFUSED, State.FAILED, clock.now)
    with LoopbackServer(behaviour) as server:
        url = f"{server.url}/sms/dlr/custom/{CONNECTOR}"
        step = a_service(
            Forward,
            messages=messages,
            report=delivery_tracking(url, Connections(url, connect_timeout=2.0)),
            clock=clock,
        )
        lease = messages.messages[MESSAGE_ID].outcome_lease_owner
        step(QueuedOutcome(MESSAGE_ID, lease, 1, {"body": ""}))

    every_line.hold_no_secret()
    assert CONNECTOR not in every_line.written.text


def test_the_masked_number_and_its_hash_are_there_to_find_a_person_by(
    every_line: EveryLine,
) -> None:
    with LoopbackServer(answers()) as server:
        send(an_event(GOOD), server.url)

    (line,) = every_line.written.lines
    assert line["recipient"] == "65********987"
    assert len(line["recipient_hash"]) == 16
