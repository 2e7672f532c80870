"""Recipients' numbers: how they are compared, shown and limited to countries."""

import hmac
import re
from collections.abc import Iterable

# 8x8's own rule for ``destination`` (OpenAPI file, schema SmsRequest).
NUMBER = re.compile(r"\+?[1-9][0-9]{6,14}", re.ASCII)

_SHOWN_AT_THE_START = 2
_SHOWN_AT_THE_END = 3


def digits_of(number: str) -> str:
    """Return the digits alone, so that ``+65...`` and ``65...`` are the same recipient."""
    return number.removeprefix("+")


def masked(number: str) -> str:
    """Return the number with its middle hidden: ``65******234``."""
    digits = digits_of(number)
    hidden = len(digits) - _SHOWN_AT_THE_START - _SHOWN_AT_THE_END
    if hidden < _SHOWN_AT_THE_END:
        return "*" * len(digits)
    return digits[:_SHOWN_AT_THE_START] + "*" * hidden + digits[-_SHOWN_AT_THE_END:]


def keyed_hash(number: str, key: str) -> str:
    """Return what stands for a number in logs: the same for one person, useless without the key.

    A plain hash would not do: all phone numbers of a country can be hashed within seconds.
    """
    return hmac.digest(key.encode(), digits_of(number).encode(), "sha256").hex()[:16]


def is_in_countries(number: str, calling_codes: Iterable[str]) -> bool:
    """Tell whether an international number begins with one of the calling codes (digits)."""
    return digits_of(number).startswith(tuple(calling_codes))
