"""The fields of a message that is to be sent: their names, and what may stand in them."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sms_bridge.api.errors import FieldError, Reason, RefusedError
from sms_bridge.api.request import FORM, MAX_BODY_BYTES, HttpRequest, read_form, read_json
from sms_bridge.domain.message import MessageType
from sms_bridge.domain.phone_number import NUMBER

# A macro that is misspelt, or that MoEngage did not fill in, arrives as its own name. (Here in
# lower case.)
_MACRO = r"moe_?sms|m(oe?e?|eo)[ _-]?(?=s?m)[sm]{2,4}_"
NOT_FILLED = "holds a macro's name (Moesms_...): it is misspelt, or MoEngage did not fill it in"


Given = dict[str, list[tuple[str, Any]]]
"""A message's names and values as they came, by the field's first name; empty for no field."""


def read_fields(request: HttpRequest) -> Given:
    """Return the fields of a body, which may be a JSON object or a form."""
    if request.media_type == FORM:
        return by_first_name(read_form(request, _FIRST_NAMES))
    return by_first_name(read_json(request, MAX_BODY_BYTES, f"application/json or {FORM}"))


def by_first_name(pairs: Iterable[tuple[str, Any]]) -> Given:
    given: Given = {}
    for pair in pairs:
        given.setdefault(_FIRST_NAMES.get(pair[0].lower(), ""), []).append(pair)
    return given


class _WrongError(Exception):
    """A field's value is wrong: the text says what it should be, and a reason may follow."""


def values_of(given: Given, callback_hosts: tuple[str, ...]) -> dict[str, str]:
    """Return the values of a message's fields, or refuse it for all that is wrong with them.

    A caller's own callback URL may be on ``callback_hosts`` only.
    """
    values: dict[str, str] = {}
    errors: list[FieldError] = []
    wanted = _REQUIRED | given
    for first_name in _FIELDS:
        if first_name not in wanted:
            continue
        check, others = _FIELDS[first_name]
        several = wanted[first_name]
        name, value = several[-1]
        try:
            if len(several) > 1:
                both = " and ".join(dict.fromkeys(name for name, _ in several))
                raise _WrongError(f"is given twice ({both})", Reason.FIELD_DOUBLED)
            if is_macro(value):
                raise _WrongError(NOT_FILLED, Reason.MACRO_NOT_FILLED)
            if value is None or value == "":
                if first_name in _REQUIRED:
                    also = "" if first_name in given else f" (also accepted as {', '.join(others)})"
                    raise _WrongError(f"is required{also}", Reason.FIELD_MISSING)
                continue
            values[first_name] = check(value)
            if first_name == "dlrCallbackUrl" and urlsplit(value).hostname not in callback_hosts:
                raise _WrongError(
                    "must be on one of the stack's CallerCallbackHosts: 8x8 would send the "
                    "receipts there in place of the bridge"
                )
        except _WrongError as wrong:
            errors.append(FieldError(name, first_name, *wrong.args))
    if errors:
        raise _refusal_for(errors, given)
    return values


def _refusal_for(errors: list[FieldError], given: Given) -> RefusedError:
    # A macro that was not filled in may be why another field is wrong.
    first, *others = sorted(errors, key=lambda one: one.reason is not Reason.MACRO_NOT_FILLED)
    if first.reason is not Reason.MACRO_NOT_FILLED and _look_swapped(given):
        return RefusedError(
            Reason.FIELDS_SWAPPED,
            "The recipient's field holds a text and the text's field a phone number: the two "
            "seem to be swapped (in MoEngage: Moesms_destination and Moesms_message).",
            *errors,
        )
    return RefusedError(first.reason, f"{first.field} {first.message}.", first, *others)


def _look_swapped(given: Given) -> bool:
    values = {first_name: pairs[0][1] for first_name, pairs in given.items() if len(pairs) == 1}
    destination, text = values.get("destination"), values.get("text")
    if isinstance(destination, list) and len(destination) == 1:
        [destination] = destination
    return (
        isinstance(destination, str)
        and any(map(str.isalpha, destination))
        and isinstance(text, str | int)
        # A one-time code as a text is shorter.
        and re.fullmatch(r"\+[1-9][0-9]{6,14}|[1-9][0-9]{8,14}", str(text).strip()) is not None
    )


def is_macro(value: Any) -> bool:
    several = value if isinstance(value, list) else [value]
    texts = (one.lower() for one in several if isinstance(one, str))
    # Nearly all are passed over without a search.
    return any(("sm" in one or "ms" in one) and re.search(_MACRO, one) for one in texts)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError("must be a string")
    if not value.isascii() and value.encode("utf-8", "ignore").decode() != value:
        raise _WrongError("is not valid Unicode")
    return value


def _id_text(value: Any) -> str:
    """Read an id, which may be a number."""
    return _string(str(value) if type(value) is int else value)


def _number(value: Any) -> str:
    if type(value) is list:
        if len(value) != 1:
            raise _WrongError("must name exactly one recipient")
        value = value[0]
    if isinstance(value, float):
        raise _WrongError("must be a phone number without a decimal point, or a string")
    # A form turns the + of +65... into a space unless the sender escapes it.
    number = _id_text(value).strip()
    if NUMBER.fullmatch(number):
        return number
    if invisible := [one for one in number if not one.isprintable()]:
        raise _WrongError(f"holds an invisible character (U+{ord(invisible[0]):04X})")
    if any(one in number for one in " -.()/"):
        raise _WrongError("must be a phone number of digits only, without blanks or punctuation")
    raise _WrongError("must be a phone number of 7 to 15 digits with its country code")


# All but line breaks, and the two others that keyboards or GSM-7 have; and what is no character.
_CONTROL_CHARACTER = r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]"

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


def _source(value: Any) -> str:
    source = _id_text(value).strip(" ")
    is_name = len(source) <= 11 and source.isprintable() and any(map(str.isalpha, source))
    if not is_name and not re.fullmatch(r"\+[0-9]{1,15}|[0-9]{1,16}", source):
        raise _WrongError("must be up to 11 characters with a letter, or up to 16 digits")
    return source


def _up_to(length: int, value: Any) -> str:
    text = _id_text(value)
    if len(text) > length:
        raise _WrongError(f"must have at most {length} characters")
    if not (text.isprintable() or all(map(_may_be_in_an_id, text))):
        raise _WrongError("holds a line break, a control character or an invisible one")
    return text


def _may_be_in_an_id(character: str) -> bool:
    # They can forge a line on a terminal. But joiners are part of names in Persian or Hindi.
    category = unicodedata.category(character)
    return category not in ("Cc", "Cf", "Zl", "Zp") or character in "\u200c\u200d"


def _country(value: Any) -> str:
    country = _string(value)
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        raise _WrongError("must be a country of ISO 3166-1, such as SG")
    return country.upper()


def _one_of(allowed: Iterable[str], value: Any) -> str:
    spelling = _string(value).lower()
    for one in allowed:
        if one.lower() == spelling:
            return one
    raise _WrongError(f"must be one of {', '.join(allowed)}")


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
    r"(?ai)https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:(?P<port>[1-9][0-9]{0,4}))?"
    r"([/?]([a-z0-9._~:/?@!$&'()*+,;=-]|%[0-9a-f]{2})*)?"
)


def _https_url(value: Any) -> str:
    text = _string(value)
    url = re.fullmatch(_HTTPS_URL, text) if len(text) <= _MAX_URL else None
    if url is None or int(url["port"] or 0) > 65_535:
        raise _WrongError(f"must be an https URL of at most {_MAX_URL} characters")
    return text


def _address(value: Any) -> str:
    text = _string(value)
    try:
        # Without a zone, which may hold anything.
        ip_address(text if "%" not in text else "")
    except ValueError:
        raise _WrongError("must be an IP address") from None
    return text


# Each field by 8x8's name: what checks it, and its other names. "message", "sender" and "recipient"
# are those of 8x8's guide for MoEngage; the rest is what further gateways make their users type.
_FIELDS: Mapping[str, tuple[Callable[[Any], str], tuple[str, ...]]] = {
    "destination": (_number, ("recipient", "to", "dest", "msisdn", "phone")),
    "text": (_text, ("message", "body", "msg")),
    "source": (_source, ("sender", "from", "senderId", "sender_id")),
    "country": (_country, ()),
    "encoding": (partial(_one_of, ("AUTO", "GSM7", "UCS2")), ()),
    "scheduled": (_moment, ()),
    "expiry": (_moment, ()),
    "dlrCallbackUrl": (_https_url, ()),
    "clientIp": (_address, ()),
    "track": (partial(_one_of, ("None", "Outcome")), ()),
    "messageType": (partial(_one_of, MessageType), ("message_type",)),
    "clientMessageId": (partial(_up_to, 350), ()),
    "campaignId": (partial(_up_to, 256), ("campaign_id",)),
    "dltTemplateId": (partial(_up_to, 256), ("dlt_template_id", "templateId", "template_id")),
}
_REQUIRED: Given = {name: [(name, None)] for name in ("destination", "text")}
"""As if they had been given without a value."""
# 8x8's optional fields, passed through. Their limits are those of its OpenAPI file.
OPTIONS = ("country", "encoding", "scheduled", "expiry", "dlrCallbackUrl", "clientIp", "track")

NAMES = {first_name: (first_name, *others) for first_name, (_, others) in _FIELDS.items()}
_FIRST_NAMES = {name.lower(): first for first, names in NAMES.items() for name in names}
