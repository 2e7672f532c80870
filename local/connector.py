"""What the administrator types into MoEngage, by 8x8's guide, with the bridge's URL and token."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from local.moengage import BodyType, DeliveryTracking, Macro, Sender, SenderType

SERVICE_PROVIDER = "8x8"

DELIVERY_TRACKING = DeliveryTracking(
    sent_unique_id="umid",
    report_unique_id="umid",
    status="status",
    success_values=("DELIVERED",),
    failure_reason="reason",
)


class Senders(NamedTuple):
    """The senders of one service provider, by what they are for or how their body is given."""

    transactional: Sender
    promotional: Sender
    raw: Sender


def senders(transactional_url: str, promotional_url: str, token: str, sender_id: str) -> Senders:
    """Fill in the forms: a body as JSON, as a form and as raw text. All API URLs have one host."""
    headers = {"Authorization": f"Bearer {token}"}
    body = {
        "message": Macro.MESSAGE,
        "sender": sender_id,
        "recipient": Macro.DESTINATION,
        "campaignId": Macro.CAMPAIGN_ID,
    }
    transactional = Sender(
        service_provider=SERVICE_PROVIDER,
        name="Acme orders",
        type=SenderType.TRANSACTIONAL,
        api_url=transactional_url,
        headers=headers,
        body_type=BodyType.JSON,
        body=body,
    )
    promotional = replace(
        transactional,
        name="Acme offers",
        type=SenderType.PROMOTIONAL,
        api_url=promotional_url,
        body_type=BodyType.FORM,
    )
    raw = replace(
        promotional,
        name="Acme news",
        headers={**headers, "Content-Type": "application/json"},
        body_type=BodyType.RAW,
        # As another gateway's guide has it.
        body=f'{{"text": "{Macro.MESSAGE}", "from": "{sender_id}", '
        f'"dest": [{Macro.DESTINATION}], "campaignId": "{Macro.CAMPAIGN_ID}"}}',
    )
    return Senders(transactional, promotional, raw)


def sub_account_of(sender: Sender) -> str:
    """Return 8x8's sub-account, which is a part of the API URL."""
    return sender.api_url.split("/subaccounts/")[1].partition("/")[0]
