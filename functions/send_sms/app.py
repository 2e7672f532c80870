"""POST /api/v1/subaccounts/{subAccountId}/messages and .../messages/batch: sends through 8x8."""

from typing import Any

from sms_bridge import startup, wiring
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import answers_http
from sms_bridge.api.send_request import MakeAnswer, read_send_request
from sms_bridge.services.deadline import AnswerTime, answer_in_time
from sms_bridge.settings import SendSettings

settings = SendSettings()
parts = wiring.SendParts(settings)
startup.finish_loading(*parts.preparations)


@answers_http
def handler(request: HttpRequest) -> dict[str, Any]:
    """Check who asks and what for, send, and answer as 8x8 would, in time."""
    make_answer: MakeAnswer

    def send(answer_time: AnswerTime[Any]) -> Any:
        nonlocal make_answer
        asked, hash_key, make_answer = read_send_request(request, settings, parts.secrets)
        service: Any = parts.send_batch() if isinstance(asked, list) else parts.send_message
        return service(asked, hash_key=hash_key, answer_time=answer_time)

    sent = answer_in_time(send, request.arrived_at)
    return make_answer(sent)
