"""The functions' environment variables, read and checked once at start: a module a function.

A function loads the class of its own alone: making one takes time at each start.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any

from sms_bridge.errors import BridgeError


class SettingsError(BridgeError):
    """Environment variables are missing or wrong."""


def read_settings[Settings](
    settings_class: type[Settings], environment: Mapping[str, str] = os.environ
) -> Settings:
    """Read the settings of a function.

    A variable is named like its setting, in capitals. An empty variable counts as missing.
    `SettingsError` names every one that is missing or wrong.
    """
    values: dict[str, Any] = {}
    wrong = []
    for field in fields(settings_class):  # type: ignore[arg-type]
        name = field.name.upper()
        text = unescaped(environment.get(name, "").strip())
        if not text:
            if field.default is MISSING:
                wrong.append(f"{name} is missing")
            continue
        try:
            values[field.name] = _value_of(text, field.type)
        except ValueError as error:
            wrong.append(f"{name} is not {error}")
    if wrong:
        raise SettingsError("; ".join(wrong))
    return settings_class(**values)


def unescaped(text: str) -> str:
    r"""Return a text in which ``\uXXXX`` stands for a character, as in JSON.

    CloudFormation gives back a question mark for each character outside ASCII; this is how a
    parameter's value stays what it is.
    """
    if "\\u" not in text:
        return text
    units = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    # What is beyond four digits is a pair of them.
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _value_of(text: str, kind: Any) -> Any:
    """Read one value; the error says what it is not."""
    if kind is str:
        return text
    if kind is int:
        if not text.isdecimal():
            raise ValueError("a whole number")
        return int(text)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if text not in kind:
            raise ValueError(f"one of {', '.join(kind)}")
        return kind(text)
    return tuple(part.strip() for part in text.split(",") if part.strip())
