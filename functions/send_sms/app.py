"""POST /api/v1/subaccounts/{subAccountId}/messages: sends a message through 8x8."""

from sms_bridge import startup, wiring
from sms_bridge.api.authentication import callback_url, require_sender, secret_that_allows
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, json_response
from sms_bridge.api.send_request import SendingRules, read_send_request, send_answer
from sms_bridge.domain.message import Message
from sms_bridge.services.deadline import AnswerTime, answer_in_time
from sms_bridge.settings import read_settings
from sms_bridge.settings.send import SendSettings

settings = read_settings(SendSettings)
secrets, send_message, preparations = wiring.send_parts(settings)
startup.finish_loading(*preparations)


@answers_http
def handler(request: HttpRequest) -> Response:
    """Check who asks and what for, send, and answer as 8x8 would, in time."""

    def send(answer_time: AnswerTime[Message]) -> Message:
        secret = secret_that_allows(secrets, lambda secret: require_sender(request, secret))
        rules = SendingRules(
            sub_account_ids=settings.sub_account_ids,
            transactional_sub_account_ids=settings.transactional_sub_account_ids,
            country_calling_codes=settings.allowed_country_calling_codes,
            default_source=settings.default_sender_id,
            callback_url=callback_url(settings.callback_base_url, secret.callback_tokens),
            caller_callback_hosts=settings.caller_callback_hosts,
        )
        asked_for = read_send_request(request, rules)
        return send_message(asked_for, hash_key=secret.hash_key, answer_time=answer_time)

    return json_response(send_answer(answer_in_time(send, request.arrived_at)))
