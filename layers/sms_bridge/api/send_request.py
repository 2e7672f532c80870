"""The request to send a message (MoEngage's, 8x8's own, other gateways'), and its answer."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from sms_bridge.api.errors import FieldError, Reason, RefusedError
from sms_bridge.api.request import HttpRequest, JsonObject, read_fields
from sms_bridge.domain.message import Message, MessageRequest, MessageType
from sms_bridge.domain.phone_number import NUMBER, is_in_countries
from sms_bridge.domain.segments import ALWAYS_FITS, MAX_SEGMENTS, segments_of
from sms_bridge.domain.state import State

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

# A macro that is misspelt, or that MoEngage did not fill in, arrives as its own name.
_MACRO = r"(?i)moesms_\w"
_NOT_FILLED = "holds a macro's name (Moesms_...): it is misspelt, or MoEngage did not fill it in"


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class SendingRules:
    """Rules of this deployment: what callers may ask for, and what is added.

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
    caller_callback_hosts
        Hosts on which a caller's own callback URL may be. The bridge never hears the outcome of
        such a message.
    """

    sub_account_ids: tuple[str, ...]
    transactional_sub_account_ids: tuple[str, ...] = ()
    country_calling_codes: tuple[str, ...] = ()
    default_source: str = ""
    callback_url: str = ""
    caller_callback_hosts: tuple[str, ...] = ()


def callback_url(base_url: str, tokens: tuple[str, ...]) -> str:
    """Return the URL at which one message's receipts arrive, empty without a base URL.

    It carries a token, because it is not documented whether 8x8 sends the account's
    ``Authorization`` value to such a URL.
    """
    if not base_url or not tokens:
        return ""
    return f"{base_url}/callbacks/8x8?token={quote(tokens[0], safe='')}"


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
            Reason.SUB_ACCOUNT_NOT_ALLOWED,
            "The sub-account in the URL is not one of those this bridge may use.",
            FieldError("subAccountId", "is not one of the stack's SubAccountIds"),
        )
    idempotency_key = _idempotency_key(request)
    fields = _Fields(read_fields(request))

    destination = fields.read("destination", _number, required=True)
    text = fields.read("text", _text, required=True)
    source = fields.read("source", _source) or rules.default_source or None
    checks = {**_OPTIONS, "dlrCallbackUrl": _url_on(rules.caller_callback_hosts)}
    options = {
        name: value
        for name, check in checks.items()
        if fields.has(name) and (value := fields.read(name, check))
    }
    adds_callback_url = bool(rules.callback_url) and "dlrCallbackUrl" not in options
    if adds_callback_url:
        options["dlrCallbackUrl"] = rules.callback_url
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
    _check_country(destination, options, rules, fields)
    return MessageRequest(
        sub_account_id=sub_account_id,
        destination=destination,
        text=text,
        message_type=MessageType(message_type),
        source=source,
        options=options,
        adds_callback_url=adds_callback_url,
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
    """The fields of a body, read one by one; errors are collected."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        self._pairs = pairs
        self._errors: list[FieldError] = []
        self._used: dict[str, str] = {}
        self._given: dict[str, list[tuple[str, Any]]] = {}
        for pair in pairs:
            self._given.setdefault(FIRST_NAMES.get(pair[0], ""), []).append(pair)

    def has(self, first_name: str) -> bool:
        return first_name in self._given

    def read(
        self, first_name: str, check: Callable[[Any], str], *, required: bool = False
    ) -> str | None:
        given = self._given.get(first_name, _NOT_GIVEN)
        if len(given) > 1:
            both = " and ".join(dict.fromkeys(name for name, _ in given))
            message = f"is given twice ({both})"
            self._add(first_name, given[-1][0], message, Reason.FIELD_DOUBLED)
            return None
        name, value = given[0] if given else (first_name, None)
        self._used[first_name] = name
        if value is None or value == "":
            if required:
                others = f" (also accepted as {', '.join(NAMES[first_name][1:])})"
                message = "is required" if given else f"is required{others}"
                self._add(first_name, name, message, Reason.FIELD_MISSING)
            return None
        if _is_macro(value):
            self._add(first_name, name, _NOT_FILLED, Reason.MACRO_NOT_FILLED)
            return None
        try:
            return check(value)
        except _WrongError as wrong:
            self._add(first_name, name, str(wrong), Reason.FIELD_INVALID)
            return None

    def _add(self, first_name: str, name: str, message: str, reason: Reason) -> None:
        self._errors.append(FieldError(name, message, reason, first_name))

    def name_of(self, first_name: str) -> str:
        """Return the name under which the caller gave a field."""
        return self._used[first_name]

    def refuse_if_wrong(self) -> None:
        if not self._errors:
            return
        # A macro that was not filled in may be why another field is wrong.
        errors = sorted(self._errors, key=lambda one: one.reason is not Reason.MACRO_NOT_FILLED)
        first = errors[0]
        if first.reason is not Reason.MACRO_NOT_FILLED and self._look_swapped():
            raise RefusedError(
                Reason.FIELDS_SWAPPED,
                "The recipient's field holds a text and the text's field a phone number: the two "
                "seem to be swapped (in MoEngage: Moesms_destination and Moesms_message).",
                *self._errors,
            )
        raise RefusedError(first.reason, f"{first.field} {first.message}.", *errors)

    def _look_swapped(self) -> bool:
        values = dict(self._pairs)
        destination = values.get(self._used.get("destination", ""))
        text = values.get(self._used.get("text", ""))
        if isinstance(destination, list) and len(destination) == 1:
            [destination] = destination
        return (
            isinstance(destination, str)
            and any(map(str.isalpha, destination))
            and isinstance(text, str | int)
            and re.fullmatch(_LONG_NUMBER, str(text).strip()) is not None
        )


# A one-time code as a text is shorter.
_LONG_NUMBER = r"\+[1-9][0-9]{6,14}|[1-9][0-9]{8,14}"


def _is_macro(value: Any) -> bool:
    several = value if isinstance(value, list) else [value]
    texts = (one for one in several if isinstance(one, str) and "_" in one)
    return any(re.search(_MACRO, text) for text in texts)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError("must be a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _WrongError("is not valid Unicode") from None
    return value


def _id_text(value: Any) -> str:
    """Read an id, which may be a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return _string(value)


def _number(value: Any) -> str:
    if isinstance(value, list) and not isinstance(value, JsonObject):
        if len(value) != 1:
            raise _WrongError("must name exactly one recipient")
        value = value[0]
    if isinstance(value, float):
        raise _WrongError("must be a phone number without a decimal point, or a string")
    # A form turns the + of +65... into a space unless the sender escapes it.
    number = _id_text(value).strip()
    if NUMBER.fullmatch(number):
        return number
    for one in number:
        if not one.isprintable():
            raise _WrongError(f"holds an invisible character (U+{ord(one):04X})")
    if any(one in number for one in " -.()/"):
        raise _WrongError("must be a phone number of digits only, without blanks or punctuation")
    raise _WrongError("must be a phone number of 7 to 15 digits with its country code")


# All but line breaks, and the two others that keyboards or GSM-7 have.
_CONTROL_CHARACTER = r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]"

# Letters by their category, but nobody sees them.
_BLANK_LETTERS = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def _text(value: Any) -> str:
    text = _string(value)
    if not text.isprintable() and (found := re.search(_CONTROL_CHARACTER, text)):
        raise _WrongError(f"holds a control character (U+{ord(found[0]):04X})")
    if not any(map(_is_visible, text)):
        raise _WrongError("must not be blank")
    return text


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    return not (
        category in ("Cc", "Cf", "Mn", "Me") or category[0] == "Z" or character in _BLANK_LETTERS
    )


_NUMERIC_SOURCE = r"\+?[0-9]{1,16}"


def _source(value: Any) -> str:
    source = _id_text(value).strip(" ")
    is_name = len(source) <= 11 and source.isprintable() and any(map(str.isalpha, source))
    if not is_name and not (len(source) <= 16 and re.fullmatch(_NUMERIC_SOURCE, source)):
        raise _WrongError("must be up to 11 characters with a letter, or up to 16 digits")
    return source


def _up_to(length: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        text = _id_text(value)
        if len(text) > length:
            raise _WrongError(f"must have at most {length} characters")
        if not (text.isprintable() or all(map(_may_be_in_an_id, text))):
            raise _WrongError("holds a line break, a control character or an invisible one")
        return text

    return check


def _may_be_in_an_id(character: str) -> bool:
    # Joiners are part of names in Persian or Hindi.
    return character in "\u200c\u200d" or unicodedata.category(character) not in _NEVER_IN_AN_ID


# They can forge a line on an operator's terminal.
_NEVER_IN_AN_ID = ("Cc", "Cf", "Zl", "Zp")


def _country(value: Any) -> str:
    country = _string(value)
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        raise _WrongError("must be a country of ISO 3166-1, such as SG")
    return country.upper()


def _one_of(*allowed: str) -> Callable[[Any], str]:
    spellings = {one.lower(): one for one in allowed}

    def check(value: Any) -> str:
        spelling = spellings.get(_string(value).lower())
        if spelling is None:
            raise _WrongError(f"must be one of {', '.join(allowed)}")
        return spelling

    return check


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
        raise _WrongError(
            "must be a time of RFC 3339 with an offset, such as 2026-11-24T09:30:00+08:00"
        ) from None
    return text


_MAX_URL = 2000
_HTTPS_URL = (
    r"(?ai)https://(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[0-9]{1,5})?"
    r"([/?]([a-z0-9._~:/?@!$&'()*+,;=-]|%[0-9a-f]{2})*)?"
)


def _url_on(hosts: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        text = _string(value)
        url = re.fullmatch(_HTTPS_URL, text) if len(text) <= _MAX_URL else None
        if url is None:
            raise _WrongError(f"must be an https URL of at most {_MAX_URL} characters")
        if url["host"].lower() not in map(str.lower, hosts):
            raise _WrongError(
                "must be on one of the stack's CallerCallbackHosts: 8x8 would send the receipts "
                "there in place of the bridge"
            )
        return text

    return check


def _address(value: Any) -> str:
    text = _string(value)
    try:
        # Without a zone, which may hold anything.
        ip_address(text if "%" not in text else "")
    except ValueError:
        raise _WrongError("must be an IP address") from None
    return text


# 8x8's optional fields, passed through. Their limits are those of its OpenAPI file.
_OPTIONS: dict[str, Callable[[Any], str]] = {
    "country": _country,
    "encoding": _one_of("AUTO", "GSM7", "UCS2"),
    "scheduled": _moment,
    "expiry": _moment,
    "dlrCallbackUrl": _url_on(()),
    "clientIp": _address,
    "track": _one_of("None", "Outcome"),
}

_message_type = _one_of(*MessageType)
_up_to_256 = _up_to(256)
_up_to_350 = _up_to(350)

FIRST_NAMES = {name: first for first, names in NAMES.items() for name in names} | {
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
        raise RefusedError(Reason.TEXT_TOO_LONG, f"{name} {message}.", FieldError(name, message))


def _check_country(
    destination: str, options: dict[str, str], rules: SendingRules, fields: _Fields
) -> None:
    if not rules.country_calling_codes:
        return
    if "country" in options and not destination.startswith("+"):
        # 8x8 may read such a number as a national one, so that its first digits prove nothing.
        message = "must be international, with +, because this bridge limits the countries"
    elif not is_in_countries(destination, rules.country_calling_codes):
        message = "is in a country that this bridge may not send to"
    else:
        return
    name = fields.name_of("destination")
    raise RefusedError(
        Reason.COUNTRY_NOT_ALLOWED, f"The recipient {message}.", FieldError(name, message)
    )


def _idempotency_key(request: HttpRequest) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if _is_macro(key):
        message, reason = _NOT_FILLED, Reason.MACRO_NOT_FILLED
    elif not (1 <= len(key) <= 255 and key.isascii() and key.isprintable() and key.strip()):
        message, reason = "must have 1 to 255 printable characters", Reason.IDEMPOTENCY_KEY_INVALID
    else:
        return key
    raise RefusedError(
        reason, f"Idempotency-Key {message}.", FieldError("Idempotency-Key", message)
    )


# ------------------------------------------------------------------------------------ the answer
_REFUSED = (State.FAILED, State.REJECTED)
# The same while it is sent, waits or is repeated. 8x8's own words.
_ACCEPTED = "SMS is accepted and queued for processing"
_REJECTED = "The message was refused"
_ENCODINGS = ("GSM7", "UCS2")


def send_answer(message: Message) -> dict[str, Any]:
    """Return the body of the answer: exactly 8x8's ``SmsResponse``.

    ``umid`` is the bridge's own id. A message that was refused is answered with 200 as well: 8x8
    answers so, MoEngage has its id, and the outcome is reported like any other.
    """
    refused = message.state in _REFUSED
    return {
        "umid": message.id,
        "clientMessageId": message.client_message_id or message.id,
        "destination": message.destination,
        "encoding": message.encoding if message.encoding in _ENCODINGS else "AUTO",
        "status": {
            "code": "REJECTED" if refused else "QUEUED",
            "description": (message.description or _REJECTED) if refused else _ACCEPTED,
        },
    }
