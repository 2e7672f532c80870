"""What MoEngage remembers of messages, and how it answers reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.moengage.configuration import Sender, WebhookRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    """What came of one request to the service provider.

    Attributes
    ----------
    http_status
        0 where there was no answer.
    unique_id
        The value of the attribute that is mapped as the message's id; empty without one.
    error_code
        Empty for a success; else what the campaign page counts.
    content
        What was answered, empty where it was no JSON object.
    at, seconds
        When it was asked, seconds since the epoch, and how long it took.
    """

    http_status: int
    unique_id: str = ""
    error_code: str = ""
    content: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    at: float = field(default=0.0, compare=False)
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One call to the delivery-tracking URL."""

    unique_id: str
    succeeded: bool
    reason: str
    content: Mapping[str, Any]
    http_status: int
    at: float = 0.0


@dataclass(slots=True, kw_only=True)
class CampaignMessage:
    """A message of a campaign, and what MoEngage believes of it."""

    sender: Sender
    destination: str = field(repr=False)
    request: WebhookRequest
    text: str = field(default="", repr=False)
    campaign_id: str = ""
    at: float = 0.0
    answers: list[WebhookAnswer] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    @property
    def sent(self) -> bool:
        """Whether the service provider took it."""
        return any(answer.http_status == 200 for answer in self.answers)

    @property
    def unique_id(self) -> str:
        """The id that the service provider gave it, empty without one."""
        return next((answer.unique_id for answer in self.answers if answer.unique_id), "")

    @property
    def belief(self) -> str:
        """What the campaign's page shows: ``not sent``, ``sent``, ``delivered`` or ``failed``."""
        if not self.sent:
            return "not sent"
        if not self.reports:
            return "sent"
        return "delivered" if self.reports[0].succeeded else "failed"

    @property
    def reason(self) -> str:
        """Why it failed, by the webhook's answer or the report."""
        if not self.sent:
            return self.answers[-1].error_code if self.answers else ""
        return "" if self.belief != "failed" else self.reports[0].reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How one delivery report is answered instead of at once and with 200."""

    http_status: int = 200
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
