"""JSON as the bridge writes it, without blanks."""

import json
from collections.abc import Callable, Iterable
from json import encoder
from typing import Any


def _writer(texts: Callable[[str], str]) -> Callable[[Any], str]:
    """Return a writer. It is made once: those of the module ``json`` make theirs for each call.

    It does not look for circles: what the bridge writes is its own.
    """
    refuse = json.JSONEncoder().default
    make: Any = encoder.c_make_encoder  # type: ignore[attr-defined]
    pieces = make(None, refuse, texts, None, ":", ",", False, False, True)
    return lambda content: "".join(pieces(content, 0))


json_string = encoder.encode_basestring
"""Writes a text as JSON."""

json_text = _writer(json_string)
"""Writes a value as JSON."""

ascii_json_text = _writer(encoder.encode_basestring_ascii)
"""Writes a value as JSON, in ASCII: any text, for whoever does not take every character."""


class WrittenList(list[Any]):
    """A list that is written as JSON already, because its parts are much the same.

    Parameters
    ----------
    parts
        For whoever reads the list.
    text
        The same as JSON.
    """

    def __init__(self, parts: Iterable[Any], text: str) -> None:
        super().__init__(parts)
        self.text = text
