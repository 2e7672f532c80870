"""The functions' environment variables, read and checked once at start: a class a function.

The classes are plain: to make a dataclass of so many fields takes time at each start.
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any, get_args, get_type_hints

from sms_bridge.domain.attempt import AmbiguousSendPolicy
from sms_bridge.domain.message import MessageType
from sms_bridge.domain.opt_out import Identifier, Keywords, OptOutScope, keywords_of
from sms_bridge.errors import BridgeError


class SettingsError(BridgeError):
    """Environment variables are missing or wrong."""


class Settings:
    """What each function needs.

    A variable is named like its setting, in capitals. An empty variable counts as missing.
    `SettingsError` names every one that is missing or wrong.
    """

    bridge_secret_arn: str
    secret_max_age_seconds: int
    messages_table: str

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        wrong = []
        for setting, kind in get_type_hints(type(self)).items():
            name = setting.upper()
            text = unescaped(environment.get(name, "").strip())
            try:
                if text:
                    setattr(self, setting, _value_of(text, kind))
                elif not hasattr(self, setting):
                    wrong.append(f"{name} is missing")
            except ValueError as error:
                wrong.append(f"{name} is not {error}")
        if wrong:
            raise SettingsError("; ".join(wrong))


class DispatchMode(StrEnum):
    """How messages reach 8x8."""

    DIRECT = "direct"
    """Each within its own request; the send queue takes what that fails for."""
    QUEUED = "queued"
    """All through the send queue, in batches."""


class _SendingSettings(Settings):
    """What both functions that send need."""

    transactional_queue_url: str
    promotional_queue_url: str
    outcome_queue_url: str
    eightx8_base_url: str
    ambiguous_send_policy: AmbiguousSendPolicy
    opt_out_message_types: tuple[MessageType, ...] = ()
    """The types of messages that people who opted out do not get."""
    opt_out_scope: OptOutScope


class SendSettings(_SendingSettings):
    """Settings of ``send_sms``."""

    retention_days: int
    sub_account_ids: tuple[str, ...]
    transactional_sub_account_ids: tuple[str, ...] = ()
    default_sender_id: str = ""
    allowed_country_calling_codes: tuple[str, ...] = ()
    duplicate_window_seconds: int
    callback_base_url: str = ""
    caller_callback_hosts: tuple[str, ...] = ()
    dispatch_mode: DispatchMode
    transactional_seconds_to_live: int
    promotional_seconds_to_live: int

    @property
    def is_queued(self) -> bool:
        return self.dispatch_mode is DispatchMode.QUEUED

    def seconds_to_live(self, message_type: MessageType) -> int:
        """Return how long a message may be sent, from its scheduled time if it has one."""
        if message_type is MessageType.TRANSACTIONAL:
            return self.transactional_seconds_to_live
        return self.promotional_seconds_to_live


class DispatchSettings(_SendingSettings):
    """Settings of ``dispatch_queue``."""

    send_dead_letter_queue_url: str
    send_rate_limit: int
    dispatch_concurrency: int


class _InboundSettings(Settings):
    """What both functions need that work with what people write."""

    outcome_queue_url: str
    moengage_data_api_url: str = ""
    moengage_inbound_event: str = ""
    opt_out_scope: OptOutScope
    opt_out_keywords: tuple[str, ...] = ()
    opt_in_keywords: tuple[str, ...] = ()
    help_keywords: tuple[str, ...] = ()

    @cached_property
    def keywords(self) -> Keywords:
        return keywords_of(self.opt_out_keywords, self.opt_in_keywords, self.help_keywords)


class CallbackSettings(_InboundSettings):
    """Settings of ``receive_callback``."""

    retention_days: int
    transactional_queue_url: str
    sub_account_ids: tuple[str, ...]
    callback_allowed_networks: tuple[str, ...] = ()
    callback_base_url: str = ""
    opt_out_reply: str = ""
    opt_in_reply: str = ""
    help_reply: str = ""
    allowed_country_calling_codes: tuple[str, ...] = ()
    transactional_seconds_to_live: int


class ForwardSettings(_InboundSettings):
    """Settings of ``forward_outcome``."""

    outcome_dead_letter_queue_url: str
    moengage_delivery_tracking_url: str = ""
    moengage_identifier: Identifier


class LookUpSettings(Settings):
    """Settings of ``look_up_message``."""

    eightx8_base_url: str
    sub_account_ids: tuple[str, ...]


class UnresolvedPolicy(StrEnum):
    """What to do with a message of which 8x8's log says nothing certain: report a failure?"""

    REPORT = "report"
    LEAVE = "leave"


class AbsentPolicy(StrEnum):
    """What to do with a message that 8x8 is proven not to have."""

    RESEND = "resend"  # send it, while its time to live lasts
    REPORT = "report"  # report it as failed
    LEAVE = "leave"  # leave it to a person


class MissingReceiptPolicy(StrEnum):
    """What to report of a message whose final receipt never came."""

    FAILED = "failed"
    DELIVERED = "delivered"
    NOTHING = "nothing"


class ReconcileSettings(Settings):
    """Settings of ``reconcile``."""

    outcome_queue_url: str
    eightx8_base_url: str
    ambiguous_send_policy: AmbiguousSendPolicy
    absent_message_policy: AbsentPolicy
    unresolved_message_policy: UnresolvedPolicy
    missing_receipt_policy: MissingReceiptPolicy
    unknown_timeout_seconds: int
    unresolved_timeout_seconds: int
    receipt_timeout_seconds: int


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
    if many := get_args(kind):
        return tuple(_value_of(part.strip(), many[0]) for part in text.split(",") if part.strip())
    if kind is int and not text.isdecimal():
        raise ValueError("a whole number")
    if issubclass(kind, StrEnum) and text not in kind:
        raise ValueError(f"one of {', '.join(kind)}")
    return kind(text)
