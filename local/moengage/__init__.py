"""A simulator of MoEngage: its SMS custom connector, delivery tracking and Data API."""

from local.moengage.configuration import BodyType, DeliveryTracking, Macro, Sender, SenderType
from local.moengage.data_api import DataApi
from local.moengage.records import CampaignMessage, Fault, Report, WebhookAnswer
from local.moengage.simulator import MoEngageSimulator

__all__ = [
    "BodyType",
    "CampaignMessage",
    "DataApi",
    "DeliveryTracking",
    "Fault",
    "Macro",
    "MoEngageSimulator",
    "Report",
    "Sender",
    "SenderType",
    "WebhookAnswer",
]
