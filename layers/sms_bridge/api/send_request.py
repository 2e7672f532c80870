"""Reads the request to send a message: MoEngage's, 8x8's own, and those of other gateways."""

from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sms_bridge.api.errors import Code, FieldError, RefusedError
from sms_bridge.api.request import HttpRequest, JsonObject, read_fields
from sms_bridge.domain.message import Message, MessageRequest, MessageType
from sms_bridge.domain.phone_number import NUMBER, is_in_countries
from sms_bridge.domain.segments import ALWAYS_FITS, MAX_SEGMENTS, segments_of
from sms_bridge.domain.state import State
from sms_bridge.values import value

# The first name is 8x8's own. "message", "sender" and "recipient" are those of 8x8's guide for
# MoEngage; the others are what further gateways make their users type.
NAMES = {
    "destination": ("destination", "recipient", "to", "dest", "msisdn", "phone"),
    "text": ("text", "message", "body", "msg"),
    "source": ("source", "sender", "from", "senderId", "sender_id"),
    "clientMessageId": ("clientMessageId",),
    "campaignId": ("campaignId", "campaign_id"),
    "messageType": ("messageType", "message_type"),
    "dltTemplateId": ("dltTemplateId", "dlt_template_id", "templateId", "template_id"),
}

_NOT_FILLED_IN = "holds the macro's name: MoEngage did not fill it in"


@value(kw_only=True)
class SendingRules:
    """What this deployment allows, and what it adds.

    Attributes
    ----------
    transactional_sub_account_ids
        Their messages are transactional unless the caller says otherwise; all others are
        promotional.
    country_calling_codes
        Empty allows all countries.
    default_source
        Sender ID where the caller names none.
    callback_url
        Where 8x8 is to send the receipts of each message, unless the caller names a URL of its
        own. Empty leaves it to the webhook that is registered with 8x8.
    """

    sub_account_ids: tuple[str, ...]
    transactional_sub_account_ids: tuple[str, ...] = ()
    country_calling_codes: tuple[str, ...] = ()
    default_source: str = ""
    callback_url: str = ""


def read_send_request(request: HttpRequest, rules: SendingRules) -> MessageRequest:
    """Read and check a request to send a message.

    Raises
    ------
    RefusedError
        With every field that is wrong.
    """
    sub_account_id = request.path_parameters.get("subAccountId", "")
    if sub_account_id not in rules.sub_account_ids:
        raise RefusedError(
            Code.SUB_ACCOUNT_NOT_ALLOWED,
            "The sub-account in the URL is not one of those this bridge may use.",
        )
    idempotency_key = _idempotency_key(request)
    fields = _Fields(read_fields(request))

    destination = fields.read("destination", _number, required=True)
    text = fields.read("text", _text, required=True)
    source = fields.read("source", _source) or rules.default_source or None
    options = {
        name: value
        for name, check in _OPTIONS.items()
        if fields.has(name) and (value := fields.read(name, check))
    }
    if rules.callback_url:
        options.setdefault("dlrCallbackUrl", rules.callback_url)
    message_type = fields.read("messageType", _message_type) or (
        MessageType.TRANSACTIONAL
        if sub_account_id in rules.transactional_sub_account_ids
        else MessageType.PROMOTIONAL
    )
    client_message_id = fields.read("clientMessageId", _up_to_350)
    campaign_id = fields.read("campaignId", _up_to_256)
    dlt_template_id = fields.read("dltTemplateId", _up_to_256)

    fields.refuse_if_wrong()
    assert destination is not None and text is not None  # noqa: S101, PT018
    _check_size(text, options, fields)
    _check_country(destination, options, rules)
    return MessageRequest(
        sub_account_id=sub_account_id,
        destination=destination,
        text=text,
        message_type=MessageType(message_type),
        source=source,
        options=options,
        client_message_id=client_message_id,
        idempotency_key=idempotency_key,
        campaign_id=campaign_id,
        dlt_template_id=dlt_template_id,
    )


# ----------------------------------------------------------------------------------- the fields
_NOT_GIVEN: Sequence[tuple[str, Any]] = ()


class _WrongError(Exception):
    """A field's value is wrong; the text says what it should be."""


class _Fields:
    """The fields of a body, read one by one; what is wrong is collected."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        self._pairs = pairs
        self._errors: list[FieldError] = []
        self._used: dict[str, str] = {}
        self._given: dict[str, list[tuple[str, Any]]] = {}
        for pair in pairs:
            self._given.setdefault(_FIRST_NAMES.get(pair[0], ""), []).append(pair)

    def has(self, first_name: str) -> bool:
        return first_name in self._given

    def read(
        self, first_name: str, check: Callable[[Any], str], *, required: bool = False
    ) -> str | None:
        given = self._given.get(first_name, _NOT_GIVEN)
        if len(given) > 1:
            both = " and ".join(dict.fromkeys(name for name, _ in given))
            self._errors.append(
                FieldError(given[-1][0], f"is given twice ({both})", Code.FIELD_DOUBLED)
            )
            return None
        name, value = given[0] if given else (first_name, None)
        self._used[first_name] = name
        if value is None or value == "":
            if required:
                others = f" (also accepted as {', '.join(NAMES[first_name][1:])})"
                message = "is required" if given else f"is required{others}"
                self._errors.append(FieldError(name, message, Code.FIELD_MISSING))
            return None
        try:
            return check(value)
        except _WrongError as wrong:
            self._errors.append(FieldError(name, str(wrong)))
            return None

    def name_of(self, first_name: str) -> str:
        """Return the name under which the caller gave a field."""
        return self._used[first_name]

    def refuse_if_wrong(self) -> None:
        if not self._errors:
            return
        if self._look_swapped():
            raise RefusedError(
                Code.FIELDS_SWAPPED,
                "The recipient's field holds a text and the text's field a phone number: the two "
                "seem to be swapped (in MoEngage: Moesms_destination and Moesms_message).",
                *self._errors,
            )
        first = self._errors[0]
        raise RefusedError(first.code, f"{first.field} {first.message}.", *self._errors)

    def _look_swapped(self) -> bool:
        values = dict(self._pairs)
        destination = values.get(self._used.get("destination", ""))
        text = values.get(self._used.get("text", ""))
        return (
            bool(destination)
            and not _is_number(destination)
            and isinstance(text, str | int)
            and _is_number(text)
        )


def _is_number(value: Any) -> bool:
    try:
        _number(value)
    except _WrongError:
        return False
    return True


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError("must be a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _WrongError("is not valid Unicode") from None
    return value


def _number(value: Any) -> str:
    if isinstance(value, list) and not isinstance(value, JsonObject):
        if len(value) != 1:
            raise _WrongError("must name exactly one recipient")
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    # A form turns the + of +65... into a space unless the sender escapes it.
    number = _string(value).strip()
    if number == "Moesms_destination":
        raise _WrongError(_NOT_FILLED_IN)
    if not NUMBER.fullmatch(number):
        raise _WrongError("must be a phone number of 7 to 15 digits with its country code")
    return number


def _text(value: Any) -> str:
    text = _string(value)
    if not text.strip():
        raise _WrongError("must not be blank")
    if text.strip() == "Moesms_message":
        raise _WrongError(_NOT_FILLED_IN)
    return text


def _source(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    source = _string(value).strip()
    digits = source.removeprefix("+")
    numeric = digits.isascii() and digits.isdigit()
    if not source or "\n" in source or len(source) > (16 if numeric else 11):
        raise _WrongError("must be up to 11 letters and digits, or up to 16 digits")
    return source


def _up_to(length: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if len(_string(value)) > length:
            raise _WrongError(f"must have at most {length} characters")
        return str(value)

    return check


def _country(value: Any) -> str:
    country = _string(value)
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        raise _WrongError("must be a country of ISO 3166-1, such as SG")
    return country


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if _string(value) not in allowed:
            raise _WrongError(f"must be one of {', '.join(allowed)}")
        return str(value)

    return check


def _moment(value: Any) -> str:
    text = _string(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _WrongError("must be a time with an offset, such as 2026-11-24T09:30:00+08:00")
    return text


def _url(value: Any) -> str:
    text = _string(value)
    try:
        url = urlsplit(text)
    except ValueError:
        url = None
    if url is None or url.scheme not in ("http", "https") or not url.netloc:
        raise _WrongError("must be a URL")
    return text


def _address(value: Any) -> str:
    try:
        ip_address(_string(value))
    except ValueError:
        raise _WrongError("must be an IP address") from None
    return str(value)


# 8x8's optional fields, passed through. Their limits are those of its OpenAPI file.
_OPTIONS: dict[str, Callable[[Any], str]] = {
    "country": _country,
    "encoding": _one_of("AUTO", "GSM7", "UCS2"),
    "scheduled": _moment,
    "expiry": _moment,
    "dlrCallbackUrl": _url,
    "clientIp": _address,
    "track": _one_of("None", "Outcome"),
}

_message_type = _one_of(*MessageType)
_up_to_256 = _up_to(256)
_up_to_350 = _up_to(350)

_FIRST_NAMES = {name: first for first, names in NAMES.items() for name in names} | {
    name: name for name in _OPTIONS
}


# ------------------------------------------------------------------------- what needs two fields
def _check_size(text: str, options: dict[str, str], fields: _Fields) -> None:
    if len(text) <= ALWAYS_FITS:
        return
    segments = segments_of(text, options.get("encoding", "AUTO"))
    if segments.count > MAX_SEGMENTS:
        name = fields.name_of("text")
        message = (
            f"takes {segments.count} {segments.encoding} segments; 8x8 cuts off what is beyond "
            f"{MAX_SEGMENTS}"
        )
        raise RefusedError(Code.TEXT_TOO_LONG, f"{name} {message}.", FieldError(name, message))


def _check_country(destination: str, options: dict[str, str], rules: SendingRules) -> None:
    if not rules.country_calling_codes:
        return
    if "country" in options and not destination.startswith("+"):
        # 8x8 may read such a number as a national one, so that its first digits prove nothing.
        message = "must be international, with +, because this bridge limits the countries"
    elif not is_in_countries(destination, rules.country_calling_codes):
        message = "is in a country that this bridge may not send to"
    else:
        return
    raise RefusedError(
        Code.COUNTRY_NOT_ALLOWED,
        f"The recipient {message}.",
        FieldError("destination", message),
    )


def _idempotency_key(request: HttpRequest) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise RefusedError(
            Code.IDEMPOTENCY_KEY_INVALID, "Idempotency-Key must have 1 to 255 characters."
        )
    return key


_REFUSED = (State.FAILED, State.REJECTED)
_PENDING = "The message was taken; what becomes of it is reported later"


def send_answer(message: Message) -> dict[str, Any]:
    """Return the body of the answer, flat but for 8x8's ``status``.

    A message that was refused answers with 200 as well: 8x8 answers so, MoEngage has its id, and
    the outcome is reported like any other.

    Returns
    -------
    dict
        8x8's ``SmsResponse`` (``umid`` once 8x8 gave one), plus ``messageId`` and, where it
        applies, ``reason``.
    """
    refused = message.state in _REFUSED
    answer: dict[str, Any] = {
        "messageId": message.id,
        "clientMessageId": message.client_message_id or message.id,
        "destination": message.destination,
        "encoding": message.encoding,
        "status": {
            "code": "REJECTED" if refused else "QUEUED",
            "description": message.description or _PENDING,
        },
    }
    if message.umid:
        answer["umid"] = message.umid
    if message.reason:
        answer["reason"] = message.reason
    return answer
