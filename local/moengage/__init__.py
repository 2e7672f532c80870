"""A simulator of MoEngage: its SMS custom connector and its delivery tracking."""

from local.moengage.configuration import BodyType, DeliveryTracking, Macro, Sender, SenderType
from local.moengage.simulator import (
    CampaignMessage,
    Fault,
    MoEngageSimulator,
    Report,
    WebhookAnswer,
)

__all__ = [
    "BodyType",
    "CampaignMessage",
    "DeliveryTracking",
    "Fault",
    "Macro",
    "MoEngageSimulator",
    "Report",
    "Sender",
    "SenderType",
    "WebhookAnswer",
]
