"""Options that several commands take."""

import re
import sys
from pathlib import Path
from typing import Annotated

from typer import BadParameter, Option

from sms_bridge.domain.phone_number import NUMBER

_BETWEEN_DIGITS = re.compile(r"[\s().\-/]")
# 8x8's own rule for an account id (OpenAPI file, parameter accountId).
_ACCOUNT_ID = re.compile(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")


def value_of(text: str) -> str:
    """Return a value, or the first line of the place that it names.

    ``-`` is standard input and ``@FILE`` a file: what stands in a command line is seen by others.
    """
    if text == "-":
        return sys.stdin.readline().strip()
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_text(encoding="utf-8").partition("\n")[0].strip()
        except (OSError, ValueError):
            raise BadParameter("the file cannot be read") from None
    return text


def number_in(text: str) -> str:
    """Return a phone number without blanks and dashes, empty where it is none."""
    number = _BETWEEN_DIGITS.sub("", text)
    return number if NUMBER.fullmatch(number) else ""


def read_number(text: str | None) -> str | None:
    if text is None:
        return None
    number = number_in(value_of(text))
    if not number:
        raise BadParameter("must be 7 to 15 digits with the country code")
    return number


def _read_account_id(text: str | None) -> str | None:
    if text is not None and not _ACCOUNT_ID.fullmatch(text):
        raise BadParameter("must be a UUID")
    return text


Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask.")]
DoIt = Annotated[bool, Option("--yes", "-y", help="Do it. Without this nothing changes.")]
FullNumbers = Annotated[bool, Option("--full-numbers", help="Show whole phone numbers.")]
Since = Annotated[
    str, Option(metavar="TIME", help="Since then: 90m, 24h, 7d, or 2026-11-24T09:30 (UTC).")
]
AccountId = Annotated[
    str | None,
    Option(
        callback=_read_account_id,
        help="Id of the 8x8 account. Once given it is kept in the stack's secret.",
    ),
]
SubAccountOrAll = Annotated[
    str, Option("--sub-account", help="Only for this sub-account; * is the whole account.")
]
NUMBER_HELP = "with country code; - reads it from standard input, @FILE from a file"
