"""Options that several commands take."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from sms_bridge.domain.phone_number import NUMBER

_BETWEEN_DIGITS = re.compile(r"[\s().\-/]")
# 8x8's own rule for an account id (OpenAPI file, parameter accountId).
_ACCOUNT_ID = re.compile(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")


def read_number(text: str | None) -> str | None:
    """Return a phone number without blanks and dashes.

    Raises
    ------
    typer.BadParameter
        It is none.
    """
    if text is None:
        return None
    number = _BETWEEN_DIGITS.sub("", text)
    if not NUMBER.fullmatch(number):
        raise typer.BadParameter("must be 7 to 15 digits with the country code")
    return number


def _read_account_id(text: str | None) -> str | None:
    if text is not None and not _ACCOUNT_ID.fullmatch(text):
        raise typer.BadParameter("must be a UUID")
    return text


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

FullNumbers = Annotated[bool, typer.Option("--full-numbers", help="Show whole phone numbers.")]

AccountId = Annotated[
    str | None,
    typer.Option(
        callback=_read_account_id,
        help="Id of the 8x8 account. Once given it is kept in the stack's secret.",
    ),
]

SubAccountOrAll = Annotated[
    str, typer.Option("--sub-account", help="Only for this sub-account; * is the whole account.")
]
