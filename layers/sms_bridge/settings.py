"""The functions' environment variables, read and checked once at start: a class a function."""

import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from typing import Any

from sms_bridge.domain.opt_out import Identifier, OptOutScope
from sms_bridge.domain.reconciliation import (
    MIN_UNRESOLVED_TIMEOUT,
    AbsentPolicy,
    MissingReceiptPolicy,
    UnresolvedPolicy,
)
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy
from sms_bridge.errors import BridgeError


class SettingsError(BridgeError):
    """Environment variables are missing or wrong; names them all."""


def read_settings[Settings](
    settings_class: type[Settings], environment: Mapping[str, str] = os.environ
) -> Settings:
    """Read the settings of a function.

    A variable is named like its setting, in capitals. An empty variable counts as missing.

    Parameters
    ----------
    settings_class
        One of this module's classes.

    Raises
    ------
    SettingsError
        With every variable that is missing or wrong.
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CallbackSettings:
    """Settings of ``receive_callback``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    retention_days: int
    transactional_queue_url: str
    outcome_queue_url: str
    sub_account_ids: tuple[str, ...]
    callback_allowed_networks: str = ""
    callback_base_url: str = ""
    opt_out_scope: OptOutScope
    opt_out_keywords: tuple[str, ...] = ()
    opt_in_keywords: tuple[str, ...] = ()
    help_keywords: tuple[str, ...] = ()
    opt_out_reply: str = ""
    opt_in_reply: str = ""
    help_reply: str = ""
    allowed_country_calling_codes: tuple[str, ...] = ()
    transactional_seconds_to_live: int
    moengage_data_api_url: str = ""
    moengage_inbound_event: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DispatchSettings:
    """Settings of ``dispatch_queue``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    transactional_queue_url: str
    promotional_queue_url: str
    send_dead_letter_queue_url: str
    outcome_queue_url: str
    eightx8_base_url: str
    ambiguous_send_policy: AmbiguousSendPolicy
    opt_out_message_types: tuple[str, ...] = ()
    opt_out_scope: OptOutScope
    send_rate_limit: int
    dispatch_concurrency: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ForwardSettings:
    """Settings of ``forward_outcome``."""

    messages_table: str
    outcome_queue_url: str
    outcome_dead_letter_queue_url: str
    moengage_delivery_tracking_url: str = ""
    bridge_secret_arn: str
    secret_max_age_seconds: int
    moengage_data_api_url: str = ""
    moengage_identifier: Identifier
    moengage_inbound_event: str = ""
    opt_out_scope: OptOutScope
    opt_out_keywords: tuple[str, ...] = ()
    opt_in_keywords: tuple[str, ...] = ()
    help_keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LookUpSettings:
    """Settings of ``look_up_message``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    eightx8_base_url: str
    sub_account_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ReconcileSettings:
    """Settings of ``reconcile``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    outcome_queue_url: str
    eightx8_base_url: str
    ambiguous_send_policy: AmbiguousSendPolicy
    absent_message_policy: AbsentPolicy
    unresolved_message_policy: UnresolvedPolicy
    missing_receipt_policy: MissingReceiptPolicy
    unknown_timeout_seconds: int
    unresolved_timeout_seconds: int
    receipt_timeout_seconds: int

    def __post_init__(self) -> None:
        """Refuse a time in which 8x8's log could prove nothing."""
        if self.unresolved_timeout_seconds < MIN_UNRESOLVED_TIMEOUT:
            raise SettingsError(f"UNRESOLVED_TIMEOUT_SECONDS is less than {MIN_UNRESOLVED_TIMEOUT}")


class DispatchMode(StrEnum):
    """How messages reach 8x8."""

    DIRECT = "direct"
    """Each within its own request; the send queue takes what that fails for."""
    QUEUED = "queued"
    """All through the send queue, in batches."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SendSettings:
    """Settings of ``send_sms``."""

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str
    retention_days: int
    transactional_queue_url: str
    promotional_queue_url: str
    outcome_queue_url: str
    eightx8_base_url: str
    sub_account_ids: tuple[str, ...]
    transactional_sub_account_ids: tuple[str, ...] = ()
    default_sender_id: str = ""
    allowed_country_calling_codes: tuple[str, ...] = ()
    duplicate_window_seconds: int
    callback_base_url: str = ""
    caller_callback_hosts: tuple[str, ...] = ()
    dispatch_mode: DispatchMode
    ambiguous_send_policy: AmbiguousSendPolicy
    transactional_seconds_to_live: int
    promotional_seconds_to_live: int
    opt_out_message_types: tuple[str, ...] = ()
    opt_out_scope: OptOutScope
