"""POST /api/v1/subaccounts/{subAccountId}/messages and .../messages/batch: sends through 8x8."""

from typing import TYPE_CHECKING

from sms_bridge import startup, wiring
from sms_bridge.api.authentication import callback_url, require_sender, secret_that_allows
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, is_batch, json_response
from sms_bridge.api.send_request import SendingRules, read_send_request, send_answer
from sms_bridge.domain.message import Message
from sms_bridge.services.deadline import AnswerTime, answer_in_time
from sms_bridge.settings import SendSettings

if TYPE_CHECKING:
    from sms_bridge.api.batch_request import BatchRequest
    from sms_bridge.services.send_batch import Taken
    from sms_bridge.storage.secret import Secret

settings = SendSettings()
secrets, send_message, send_batch, preparations = wiring.send_parts(settings)
startup.finish_loading(*preparations)


@answers_http
def handler(request: HttpRequest) -> Response:
    """Check who asks and what for, send, and answer as 8x8 would, in time."""
    return _answer_batch(request) if is_batch(request) else _answer(request)


def _answer(request: HttpRequest) -> Response:
    def send(answer_time: AnswerTime[Message]) -> Message:
        secret = secret_that_allows(secrets, lambda secret: require_sender(request, secret))
        asked_for = read_send_request(request, _rules(secret))
        return send_message(asked_for, hash_key=secret.hash_key, answer_time=answer_time)

    return json_response(send_answer(answer_in_time(send, request.arrived_at)))


def _answer_batch(request: HttpRequest) -> Response:
    from sms_bridge.api.batch_request import batch_answer, read_batch_request

    read: list[tuple[BatchRequest, Secret]] = []

    def send(answer_time: "AnswerTime[Taken]") -> "Taken":
        secret = secret_that_allows(secrets, lambda secret: require_sender(request, secret))
        batch = read_batch_request(request, _rules(secret))
        read.append((batch, secret))
        return send_batch()(batch.accepted, hash_key=secret.hash_key, answer_time=answer_time)

    taken = answer_in_time(send, request.arrived_at)
    [(batch, secret)] = read
    return json_response(batch_answer(batch, taken, hash_key=secret.hash_key))


def _rules(secret: "Secret") -> SendingRules:
    return SendingRules(
        sub_account_ids=settings.sub_account_ids,
        transactional_sub_account_ids=settings.transactional_sub_account_ids,
        country_calling_codes=settings.allowed_country_calling_codes,
        default_source=settings.default_sender_id,
        callback_url=callback_url(settings.callback_base_url, secret.callback_tokens),
        caller_callback_hosts=settings.caller_callback_hosts,
    )
