"""The request to send a message (MoEngage's, 8x8's own, other gateways'), and its answer."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sms_bridge.api.authentication import admit, callback_url, check_sender
from sms_bridge.api.errors import FieldError, Reason, RefusedError
from sms_bridge.api.fields import NOT_FILLED, OPTIONS, Given, is_macro, read_fields, values_of
from sms_bridge.api.request import HttpRequest, read_sub_account_id
from sms_bridge.domain.message import Message, MessageRequest, MessageType, State
from sms_bridge.domain.phone_number import digits_of, readings
from sms_bridge.domain.segments import ALWAYS_FITS, MAX_SEGMENTS, segments_of

if TYPE_CHECKING:
    from sms_bridge.settings import SendSettings
    from sms_bridge.storage.secret import SecretSource

MessageReader = Callable[[Given], MessageRequest]
MakeAnswer = Callable[[Any], dict[str, Any]]


def read_send_request(
    request: HttpRequest, settings: "SendSettings", secrets: "SecretSource"
) -> tuple[MessageRequest | list[MessageRequest], str, MakeAnswer]:
    """Check who asks and what for; a refusal names every field that is wrong.

    Returns a message, or a batch's messages, the key for hashes, and what makes the answer of what
    became of them.
    """
    secret = admit(request, secrets, check_sender)
    read = partial(
        read_message,
        settings=settings,
        sub_account_id=read_sub_account_id(request, settings.sub_account_ids),
        callback_url=callback_url(settings.callback_base_url, secret.callback_tokens),
        idempotency_key=_idempotency_key(request),
    )
    if not request.path.rstrip("/").endswith("/messages/batch"):
        return read(read_fields(request)), secret.hash_key, send_answer
    # Loaded with the first batch.
    from sms_bridge.api.batch_request import BatchRequest, batch_answer

    batch = BatchRequest(request, read)
    answer = partial(batch_answer, batch, hash_key=secret.hash_key)
    return batch.accepted, secret.hash_key, answer


def read_message(
    given: Given,
    settings: "SendSettings",
    sub_account_id: str,
    callback_url: str = "",
    idempotency_key: str | None = None,
) -> MessageRequest:
    """Read a message from its fields' names and values.

    At the callback URL its receipts arrive, unless the caller names one of its own: then the bridge
    never hears the outcome.
    """
    values = values_of(given, settings.caller_callback_hosts)
    is_transactional = sub_account_id in settings.transactional_sub_account_ids
    usual_type = MessageType.TRANSACTIONAL if is_transactional else MessageType.PROMOTIONAL
    message = MessageRequest(
        sub_account_id=sub_account_id,
        destination=values["destination"],
        text=values["text"],
        message_type=MessageType(values.get("messageType", usual_type)),
        source=values.get("source") or settings.default_sender_id or None,
        options={name: values[name] for name in OPTIONS if name in values},
        callback_url=callback_url,
        client_message_id=values.get("clientMessageId"),
        idempotency_key=idempotency_key,
        campaign_id=values.get("campaignId"),
        dlt_template_id=values.get("dltTemplateId"),
    )
    _check_size(message, given)
    _check_country(message, settings.allowed_country_calling_codes, given)
    return message


def _check_size(message: MessageRequest, given: Given) -> None:
    if len(message.text) <= ALWAYS_FITS:
        return
    encoding, segments = segments_of(message.text, message.options.get("encoding", "AUTO"))
    if segments > MAX_SEGMENTS:
        raise RefusedError.of_field(
            Reason.TEXT_TOO_LONG,
            given["text"][0][0],
            f"takes {segments} {encoding} segments; 8x8 cuts off what is beyond {MAX_SEGMENTS}",
        )


def _check_country(message: MessageRequest, calling_codes: tuple[str, ...], given: Given) -> None:
    if not calling_codes:
        return
    may_be = {message.destination}
    if message.country and not message.destination.startswith("+"):
        # 8x8 may read it as a national number or as an international one.
        may_be = readings(message.destination, message.country)
    if may_be and all(digits_of(one).startswith(calling_codes) for one in may_be):
        return
    words = "is in a country that this bridge may not send to"
    if may_be != {message.destination}:
        words += ", or may be: write it with + and its country code"
    [(name, _)] = given["destination"]
    raise RefusedError(
        Reason.COUNTRY_NOT_ALLOWED, f"The recipient {words}.", FieldError(name, "", words)
    )


def _idempotency_key(request: HttpRequest) -> str | None:
    """Return the header of that name, ``None`` where there is none."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if is_macro(key):
        message, reason = NOT_FILLED, Reason.MACRO_NOT_FILLED
    elif not (1 <= len(key) <= 255 and key.isascii() and key.isprintable() and key.strip()):
        message, reason = "must have 1 to 255 printable characters", Reason.IDEMPOTENCY_KEY_INVALID
    else:
        return key
    raise RefusedError.of_field(reason, "Idempotency-Key", message)


def send_answer(message: Message) -> dict[str, Any]:
    """Return the body of the answer: exactly 8x8's ``SmsResponse``.

    ``umid`` is the bridge's own id. A message that was refused is answered with 200 as well: 8x8
    answers so, MoEngage has its id, and the outcome is reported like any other.
    """
    if message.state in (State.FAILED, State.REJECTED):
        code, description = "REJECTED", message.description or "The message was refused"
    else:
        # The same while it is sent, waits or is repeated. 8x8's own words.
        code, description = "QUEUED", "SMS is accepted and queued for processing"
    return {
        "umid": message.id,
        "clientMessageId": message.client_message_id or message.id,
        "destination": message.destination,
        "encoding": message.encoding if message.encoding in ("GSM7", "UCS2") else "AUTO",
        "status": {"code": code, "description": description},
    }
