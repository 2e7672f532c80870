"""The bridge's own ids: in the form of a UUID, which 8x8 and MoEngage show whole."""

import os
import re
from collections.abc import Callable

NewId = Callable[[], str]
"""Makes an id; tests pass one that they can foretell."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def new_id() -> str:
    """Return a new random id."""
    return id_of(os.urandom(16).hex())


def id_of(digits: str) -> str:
    """Return 32 hexadecimal digits in the form of an id."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def is_message_id(text: str) -> bool:
    """Tell whether a text has the form of the bridge's ids.

    A webhook of an 8x8 account also reports messages that others sent, with ids of their own.
    """
    return _ID.fullmatch(text) is not None
