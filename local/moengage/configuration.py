"""What an administrator types into MoEngage's forms for a custom service provider."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlencode


class SenderType(StrEnum):
    TRANSACTIONAL = "Transactional"
    PROMOTIONAL = "Promotional"


class BodyType(StrEnum):
    FORM = "Form"
    JSON = "JSON"
    RAW = "Raw"


class Macro(StrEnum):
    """What MoEngage fills in. There is no macro for a message's id."""

    DESTINATION = "Moesms_destination"
    MESSAGE = "Moesms_message"
    DLT_TEMPLATE_ID = "Moesms_dltTemplateId"
    CAMPAIGN_ID = "Moesms_campaignId"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The form "Add custom service provider": one sender and its webhook.

    Attributes
    ----------
    service_provider, name, type
        Two senders may share a provider.
    body
        Keys and values, or the whole text of a Raw body.
    """

    service_provider: str
    name: str
    type: SenderType
    api_url: str
    method: str = "POST"
    url_parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body_type: BodyType = BodyType.JSON
    body: Mapping[str, str] | str = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTracking:
    """The form "Delivery tracking": which keys hold what, and which values mean success."""

    sent_unique_id: str
    report_unique_id: str
    status: str
    success_values: tuple[str, ...]
    failure_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """The webhook of one message, filled in."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def fill_in(sender: Sender, values: Mapping[Macro, str]) -> WebhookRequest:
    """Put a message's values in place of the macros."""

    def filled(text: str, write: Callable[[str], str] = str) -> str:
        # In one pass: a message may hold the name of a macro.
        return _ANY_MACRO.sub(lambda found: write(values.get(Macro(found[0]), "")), text)

    headers = {name: filled(value) for name, value in sender.headers.items()}
    content_type = {
        BodyType.JSON: "application/json",
        BodyType.FORM: "application/x-www-form-urlencoded",
    }.get(sender.body_type)
    if content_type and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = content_type

    if isinstance(sender.body, str):
        # Whether a value is escaped as JSON within a Raw body MoEngage does not document.
        body = filled(sender.body, _in_json_string)
    else:
        pairs = {name: filled(value) for name, value in sender.body.items()}
        is_form = sender.body_type is BodyType.FORM
        body = urlencode(pairs) if is_form else json.dumps(pairs, ensure_ascii=False)
    query = urlencode({name: filled(value) for name, value in sender.url_parameters.items()})
    return WebhookRequest(
        method=sender.method,
        url=f"{sender.api_url}?{query}" if query else sender.api_url,
        headers=headers,
        body=body.encode(),
    )


def misspelt_macros(sender: Sender) -> list[str]:
    """List what looks like a macro in a sender's form and is none: MoEngage leaves it as it is."""
    pairs = (sender.url_parameters, sender.headers, sender.body)
    texts = [text for one in pairs for text in ([one] if isinstance(one, str) else one.values())]
    found = (word for text in texts for word in _LIKE_A_MACRO.findall(text))
    return [word for word in dict.fromkeys(found) if word not in set(Macro)]


_ANY_MACRO = re.compile("|".join(Macro))
_LIKE_A_MACRO = re.compile(r"moe_?sms_?\w*", re.ASCII | re.IGNORECASE)


def _in_json_string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]
