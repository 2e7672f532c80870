"""Phone numbers: one form for each person, and how numbers are shown."""

import hmac
import re
from contextlib import suppress

# 8x8's own rule for ``destination`` (OpenAPI file, schema SmsRequest).
NUMBER = re.compile(r"\+?[1-9][0-9]{6,14}", re.ASCII)

# Mobile numbers with two international spellings, both in use by operators and receipts: a digit
# after the calling code is, or once was, needed by calls from abroad only. With it they have 13
# (Mexico, until 2019; Argentina).
_TWO_SPELLINGS = ("521", "549")

# Calling codes have one digit (1 and 7), two (these), or three.
_CALLING_CODES_OF_TWO_DIGITS = (
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 "
    "60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98"
)

_NO_DIGITS = re.compile(r"[^0-9]+")


def digits_of(number: str) -> str:
    """Return the digits alone: ``+65 9123-4567`` and ``006591234567`` are the same recipient."""
    return _NO_DIGITS.sub("", number).lstrip("0")


def is_number(text: str) -> bool:
    """Return whether a text is a phone number, however it is written, and no name or short code."""
    return not any(map(str.isalpha, text)) and bool(NUMBER.fullmatch(digits_of(text)))


def international(number: str, country: str = "") -> str:
    """Return a number as it was written, or in E.164 if it is a national one of the country."""
    if not country or number.startswith("+"):
        return number
    return _parsed(number, country) or number


def readings(number: str, country: str) -> set[str]:
    """Return the valid numbers, national or not, that a number without a plus may be in E.164."""
    return {one for one in (_parsed(number, country), _parsed(f"+{number}", None)) if one}


def e164(number: str, country: str = "") -> str:
    """Return the one form of a person's number, by which people are compared and found again.

    A national number gets its calling code, a trunk zero (``+44 07...``) goes, and two spellings
    become one. Only the first two need the library: its import takes longer than the rest of a
    send's work.
    """
    digits = digits_of(international(number.strip(), country))
    of_two = digits[:2] in _CALLING_CODES_OF_TWO_DIGITS
    length = 1 if digits.startswith(("1", "7")) else 2 if of_two else 3
    if digits[length : length + 1] == "0":
        digits = digits_of(_parsed(f"+{digits}", None) or digits)
    if len(digits) == 13 and digits.startswith(_TWO_SPELLINGS):
        digits = digits[:2] + digits[3:]
    return f"+{digits}"


def _parsed(number: str, country: str | None) -> str | None:
    """Return a valid number in E.164, ``None`` for any other."""
    import phonenumbers

    with suppress(phonenumbers.NumberParseException):
        parsed = phonenumbers.parse(number, country)
        if phonenumbers.is_valid_number(parsed):
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return None


def masked(number: str) -> str:
    """Return the number with its middle hidden: ``65******234``."""
    digits = digits_of(number)
    hidden = len(digits) - 5
    return digits[:2] + "*" * hidden + digits[-3:] if hidden >= 3 else "*" * len(digits)


def keyed_hash(number: str, key: str, country: str = "") -> str:
    """Return the hash of a person, for logs and the table: useless without the key.

    A plain hash would not do: all phone numbers of a country can be hashed within seconds.
    """
    digits = digits_of(e164(number, country))
    return hmac.digest(key.encode(), digits.encode("utf-8", "replace"), "sha256").hex()[:16]
