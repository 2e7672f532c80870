"""The request to send a message (MoEngage's, 8x8's own, other gateways'), and its answer."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sms_bridge.api.authentication import admit, callback_url, check_sender
from sms_bridge.api.request import (
    FORM,
    MAX_BODY_BYTES,
    FieldError,
    HttpRequest,
    Reason,
    RefusedError,
    read_form,
    read_json,
    read_sub_account_id,
)
from sms_bridge.domain.message import Message, MessageRequest, MessageType, State
from sms_bridge.domain.phone_number import NUMBER, digits_of, readings
from sms_bridge.domain.segments import ALWAYS_FITS, MAX_SEGMENTS, segments_of

if TYPE_CHECKING:
    from sms_bridge.settings import SendSettings
    from sms_bridge.storage.secret import SecretSource

Given = dict[str, list[tuple[str, Any]]]
"""Names and values as they came, by the field's first name; empty for no field."""
Fields = Mapping[str, tuple[int, Callable[[Any], Any], tuple[str, ...]]]
"""Each field by its first name: 8x8's code if it is wrong, what checks it, and its other names."""
MakeAnswer = Callable[[Any], dict[str, Any]]

# A macro that is misspelt, or that MoEngage did not fill in, arrives as its own name. (Here in
# lower case.)
_MACRO = r"moe_?sms|m(oe?e?|eo)[ _-]?(?=s?m)[sm]{2,4}_"
_SWAPPED = (
    "The recipient's field holds a text and the text's field a phone number: the two seem to be "
    "swapped (in MoEngage: Moesms_destination and Moesms_message)."
)
_NOT_FILLED = "holds a macro's name (Moesms_...): it is misspelt, or MoEngage did not fill it in"


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
    if request.path.rstrip("/").endswith("/messages/batch"):
        # Loaded with the first batch.
        from sms_bridge.api.batch_request import BatchRequest, batch_answer

        batch = BatchRequest(request, read)
        answer = partial(batch_answer, batch, hash_key=secret.hash_key)
        return batch.accepted, secret.hash_key, answer
    if request.media_type == FORM:
        pairs = read_form(request, FIRST_NAMES)
    else:
        pairs = read_json(request, MAX_BODY_BYTES, f"application/json or {FORM}")
    return read(by_first_name(pairs, FIRST_NAMES)), secret.hash_key, send_answer


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
    values = values_of(given, FIELDS, _REQUIRED)
    own_url = values.get("dlrCallbackUrl")
    if own_url and urlsplit(own_url).hostname not in settings.caller_callback_hosts:
        words = "must be on one of the stack's CallerCallbackHosts: receipts would miss the bridge"
        raise _wrong(Reason.FIELD_INVALID, given, "dlrCallbackUrl", words)
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
    _check_country(message, given, settings.allowed_country_calling_codes)
    return message


def _check_size(message: MessageRequest, given: Given) -> None:
    if len(message.text) <= ALWAYS_FITS:
        return
    encoding, segments = segments_of(message.text, message.options.get("encoding", "AUTO"))
    if segments > MAX_SEGMENTS:
        words = f"takes {segments} {encoding} segments; 8x8 cuts off what is beyond {MAX_SEGMENTS}"
        raise _wrong(Reason.TEXT_TOO_LONG, given, "text", words)


def _check_country(message: MessageRequest, given: Given, calling_codes: tuple[str, ...]) -> None:
    if not calling_codes:
        return
    may_be = {message.destination}
    if message.country and not message.destination.startswith("+"):
        # 8x8 may read it as a national number or as an international one.
        may_be = readings(message.destination, message.country)
    if not may_be or not all(digits_of(one).startswith(calling_codes) for one in may_be):
        words = "is in a country that this bridge may not send to"
        raise _wrong(Reason.COUNTRY_NOT_ALLOWED, given, "destination", words)


def _wrong(reason: Reason, given: Given, first_name: str, words: str) -> RefusedError:
    [(name, _)] = given[first_name]
    return RefusedError.of_field(reason, name, words, FIELDS[first_name][0])


def _idempotency_key(request: HttpRequest) -> str | None:
    """Return the header of that name, ``None`` where there is none."""
    name = "Idempotency-Key"
    key = request.headers.get(name.lower())
    if key is None:
        return None
    if is_macro(key):
        raise RefusedError.of_field(Reason.MACRO_NOT_FILLED, name, _NOT_FILLED)
    if not (len(key) <= 255 and key.isascii() and key.isprintable() and key.strip()):
        words = "must have 1 to 255 printable characters"
        raise RefusedError.of_field(Reason.IDEMPOTENCY_KEY_INVALID, name, words)
    return key


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


# --------------------------------------------------------------------------------------- the fields
class WrongFieldError(Exception):
    """A field's value is wrong: the text says what it should be, and a reason may follow."""


def by_first_name(pairs: Iterable[tuple[str, Any]], first_names: Mapping[str, str]) -> Given:
    """Group names and values by the first names, which are found by any name in lower case."""
    given: Given = {}
    for pair in pairs:
        given.setdefault(first_names.get(pair[0].lower(), ""), []).append(pair)
    return given


def values_of(given: Given, fields: Fields, required: Given) -> dict[str, Any]:
    """Return the values of all fields, or refuse the request for all that is wrong with them.

    ``required`` are those that may not be missing, as if they were given without a value.
    """
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    wanted = required | given
    for first_name in fields:
        if first_name not in wanted:
            continue
        code, check, others = fields[first_name]
        several = wanted[first_name]
        name, value = several[-1]
        try:
            if len(several) > 1:
                both = " and ".join(dict.fromkeys(name for name, _ in several))
                raise WrongFieldError(f"is given twice ({both})", Reason.FIELD_DOUBLED)
            if is_macro(value):
                raise WrongFieldError(_NOT_FILLED, Reason.MACRO_NOT_FILLED)
            if value is not None and value != "":
                values[first_name] = check(value)
            elif first_name in required:
                also = "" if first_name in given else f" (also accepted as {', '.join(others)})"
                raise WrongFieldError(f"is required{also}", Reason.FIELD_MISSING)
        except WrongFieldError as wrong:
            errors.append(FieldError(name, code, *wrong.args))
    if errors:
        # A macro that was not filled in may be why another field is wrong.
        errors.sort(key=lambda one: one.reason is not Reason.MACRO_NOT_FILLED)
        first = errors[0]
        if first.reason is not Reason.MACRO_NOT_FILLED and _look_swapped(given):
            raise RefusedError(Reason.FIELDS_SWAPPED, _SWAPPED, *errors)
        raise RefusedError(first.reason, f"{first.field} {first.message}.", *errors)
    return values


def _look_swapped(given: Given) -> bool:
    match given.get("destination"), given.get("text"):
        case [(_, str(destination))], [(_, str() | int() as text)]:
            # A one-time code as a text is shorter.
            number = re.fullmatch(r"\+[1-9][0-9]{6,14}|[1-9][0-9]{8,14}", str(text).strip())
            return number is not None and any(map(str.isalpha, destination))
    return False


def is_macro(value: Any) -> bool:
    text = value.lower() if isinstance(value, str) else ""
    # Nearly all are passed over without a search.
    return ("sm" in text or "ms" in text) and re.search(_MACRO, text) is not None


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongFieldError("must be a string")
    if not value.isascii() and value.encode("utf-8", "ignore").decode() != value:
        raise WrongFieldError("is not valid Unicode")
    return value


def _id_text(value: Any) -> str:
    """Read an id, which may be a number."""
    return _string(str(value) if type(value) is int else value)


def _number(value: Any) -> str:
    if type(value) is list:
        if len(value) != 1:
            raise WrongFieldError("must name exactly one recipient")
        [value] = value
        if is_macro(value):
            raise WrongFieldError(_NOT_FILLED, Reason.MACRO_NOT_FILLED)
    if isinstance(value, float):
        raise WrongFieldError("must be a phone number without a decimal point, or a string")
    # A form turns the + of +65... into a space unless the sender escapes it.
    number = _id_text(value).strip()
    if NUMBER.fullmatch(number):
        return number
    if invisible := [one for one in number if not one.isprintable()]:
        raise WrongFieldError(f"holds an invisible character (U+{ord(invisible[0]):04X})")
    raise WrongFieldError("must be a phone number of 7 to 15 digits with its country code")


# All but line breaks, and the two others that keyboards or GSM-7 have; and what is no character.
_CONTROL_CHARACTER = r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]"

# Letters by their category, but nobody sees them.
_BLANK_LETTERS = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def _text(value: Any) -> str:
    text = _string(value)
    if not text.isprintable() and (found := re.search(_CONTROL_CHARACTER, text)):
        raise WrongFieldError(f"holds a control character (U+{ord(found[0]):04X})")
    if not any(map(_is_visible, text)):
        raise WrongFieldError("must not be blank")
    return text


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    is_blank = category in ("Cc", "Cf", "Mn", "Me") or category[0] == "Z"
    return not is_blank and character not in _BLANK_LETTERS


def _source(value: Any) -> str:
    source = _id_text(value).strip(" ")
    is_name = len(source) <= 11 and source.isprintable() and any(map(str.isalpha, source))
    if not is_name and not re.fullmatch(r"\+[0-9]{1,15}|[0-9]{1,16}", source):
        raise WrongFieldError("must be up to 11 characters with a letter, or up to 16 digits")
    return source


def up_to(length: int, value: Any) -> str:
    text = _id_text(value)
    if len(text) > length:
        raise WrongFieldError(f"must have at most {length} characters")
    if not text.isprintable() and any(map(_may_forge_a_line, text)):
        raise WrongFieldError("holds a line break, a control character or an invisible one")
    return text


def _may_forge_a_line(character: str) -> bool:
    # On a terminal. But joiners are part of names in Persian or Hindi.
    is_hidden = unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")
    return is_hidden and character not in "\u200c\u200d"


def _country(value: Any) -> str:
    country = _string(value)
    if not re.fullmatch("[A-Za-z]{2}", country):
        raise WrongFieldError("must be a country of ISO 3166-1, such as SG")
    return country.upper()


def _one_of(allowed: Iterable[str], value: Any) -> str:
    spelling = _string(value).lower()
    for one in allowed:
        if one.lower() == spelling:
            return one
    raise WrongFieldError(f"must be one of {', '.join(allowed)}")


# RFC 3339, as 8x8's OpenAPI file says. ISO 8601 allows more.
_DATE_TIME = (
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


def _moment(value: Any) -> str:
    text = _string(value).upper()
    try:
        datetime.fromisoformat(text if re.fullmatch(_DATE_TIME, text) else "")
    except ValueError:
        raise WrongFieldError(
            "must be a time of RFC 3339 with an offset, such as 2026-11-24T09:30:00+08:00"
        ) from None
    return text


_MAX_URL = 2000
_HTTPS_URL = (
    r"(?ai)https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?"
    r"([/?]([a-z0-9._~:/?@!$&'()*+,;=-]|%[0-9a-f]{2})*)?"
)


def _https_url(value: Any) -> str:
    text = _string(value)
    if len(text) > _MAX_URL or not re.fullmatch(_HTTPS_URL, text):
        raise WrongFieldError(f"must be an https URL of at most {_MAX_URL} characters")
    return text


def _address(value: Any) -> str:
    text = _string(value)
    try:
        # Without a zone, which may hold anything.
        ip_address(text if "%" not in text else "")
    except ValueError:
        raise WrongFieldError("must be an IP address") from None
    return text


# Each field by 8x8's name: what checks it, and its other names. "message", "sender" and "recipient"
# are those of 8x8's guide for MoEngage; the rest is what further gateways make their users type.
FIELDS: Fields = {
    "destination": (1002, _number, ("recipient", "to", "dest", "msisdn", "phone")),
    "text": (1004, _text, ("message", "body", "msg")),
    "source": (1005, _source, ("sender", "from", "senderId", "sender_id")),
    "country": (1009, _country, ()),
    "encoding": (1003, partial(_one_of, ("AUTO", "GSM7", "UCS2")), ()),
    "scheduled": (1011, _moment, ()),
    "expiry": (1006, _moment, ()),
    "dlrCallbackUrl": (3020, _https_url, ()),
    "clientIp": (1012, _address, ()),
    "track": (1000, partial(_one_of, ("None", "Outcome")), ()),
    "messageType": (1000, partial(_one_of, MessageType), ("message_type",)),
    "clientMessageId": (1008, partial(up_to, 350), ()),
    "campaignId": (1000, partial(up_to, 256), ("campaign_id",)),
    "dltTemplateId": (1000, partial(up_to, 256), ("dlt_template_id", "templateId", "template_id")),
}
_REQUIRED: Given = {name: [(name, None)] for name in ("destination", "text")}
# 8x8's optional fields, passed through. Their limits are those of its OpenAPI file.
OPTIONS = ("country", "encoding", "scheduled", "expiry", "dlrCallbackUrl", "clientIp", "track")

NAMES = {first_name: (first_name, *others) for first_name, (*_, others) in FIELDS.items()}
FIRST_NAMES = {name.lower(): first for first, names in NAMES.items() for name in names}
