"""The functions' environment variables, read and checked once at start."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, get_type_hints


class SettingsError(Exception):
    """Environment variables are missing or wrong; names them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings:
    """Settings of ``send_sms``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    retention_days: int
    outcome_queue_url: str
    eightx8_base_url: str
    sub_account_ids: tuple[str, ...]
    default_sender_id: str = ""
    allowed_country_calling_codes: tuple[str, ...] = ()
    duplicate_window_seconds: int = 120
    callback_base_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSettings:
    """Settings of ``receive_callback``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    retention_days: int
    outcome_queue_url: str
    callback_allowed_networks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardSettings:
    """Settings of ``forward_outcome``."""

    messages_table: str
    outcome_queue_url: str
    outcome_dead_letter_queue_url: str
    moengage_delivery_tracking_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpSettings:
    """Settings of ``look_up_message``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str


def read_settings[Settings](
    kind: type[Settings], environment: Mapping[str, str] = os.environ
) -> Settings:
    """Read the settings of a function.

    A variable is named like its setting, in capitals. An empty variable counts as missing.

    Parameters
    ----------
    kind
        One of the dataclasses above.

    Raises
    ------
    SettingsError
        With every variable that is missing or wrong.
    """
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    wrong = []
    for field in fields(kind):  # type: ignore[arg-type]
        name = field.name.upper()
        text = environment.get(name, "").strip()
        if not text:
            if field.default is MISSING:
                wrong.append(f"{name} is missing")
        elif hints[field.name] is int:
            if text.isdecimal():
                values[field.name] = int(text)
            else:
                wrong.append(f"{name} is not a whole number")
        elif hints[field.name] is str:
            values[field.name] = text
        else:
            values[field.name] = tuple(part.strip() for part in text.split(",") if part.strip())
    if wrong:
        raise SettingsError("; ".join(wrong))
    return kind(**values)
