"""The bridge's own message ids."""

import re
import uuid
from collections.abc import Callable

NewId = Callable[[], str]
"""Makes a message id; tests pass one that they can foretell."""

_MESSAGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def new_message_id() -> str:
    """Return a new random message id (a UUID)."""
    return str(uuid.uuid4())


def is_message_id(text: str) -> bool:
    """Tell whether a text has the form of the bridge's ids.

    A webhook of an 8x8 account also reports messages that others sent, with ids of their own.
    """
    return _MESSAGE_ID.fullmatch(text) is not None
