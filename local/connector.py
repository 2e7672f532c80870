"""What the administrator types into MoEngage, by 8x8's guide, with the bridge's URL and token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from local.moengage import BodyType, DeliveryTracking, Macro, Sender, SenderType

SERVICE_PROVIDER = "8x8"

DELIVERY_TRACKING = DeliveryTracking(
    sent_unique_id="umid",
    report_unique_id="umid",
    status="status",
    success_values=("DELIVERED",),
    failure_reason="reason",
)


@dataclass(frozen=True, slots=True)
class Senders:
    """The senders of one service provider."""

    transactional: Sender
    """Sends JSON."""
    promotional: Sender
    """Sends a form."""
    raw: Sender
    """Sends a body that was copied from another gateway's guide."""

    def __iter__(self) -> Iterator[Sender]:
        """Go through all of them."""
        return iter((self.transactional, self.promotional, self.raw))


def senders(transactional_url: str, promotional_url: str, token: str, sender_id: str) -> Senders:
    """Fill in the forms.

    Parameters
    ----------
    transactional_url, promotional_url
        Of one host: the API URL with the sub-account for each kind.
    token
        One of the bridge's tokens for MoEngage.
    sender_id
        Of the SMS.
    """
    headers = {"Authorization": f"Bearer {token}"}
    body = {
        "message": Macro.MESSAGE,
        "sender": sender_id,
        "recipient": Macro.DESTINATION,
        "campaignId": Macro.CAMPAIGN_ID,
    }
    return Senders(
        transactional=Sender(
            service_provider=SERVICE_PROVIDER,
            name="Acme orders",
            type=SenderType.TRANSACTIONAL,
            api_url=transactional_url,
            headers=headers,
            body_type=BodyType.JSON,
            body=body,
        ),
        promotional=Sender(
            service_provider=SERVICE_PROVIDER,
            name="Acme offers",
            type=SenderType.PROMOTIONAL,
            api_url=promotional_url,
            headers=headers,
            body_type=BodyType.FORM,
            body=body,
        ),
        raw=Sender(
            service_provider=SERVICE_PROVIDER,
            name="Acme news",
            type=SenderType.PROMOTIONAL,
            api_url=promotional_url,
            headers={**headers, "Content-Type": "application/json"},
            body_type=BodyType.RAW,
            body=f'{{"text": "{Macro.MESSAGE}", "from": "{sender_id}", '
            f'"dest": [{Macro.DESTINATION}], "campaignId": "{Macro.CAMPAIGN_ID}"}}',
        ),
    )


def sub_account_of(sender: Sender) -> str:
    """Return 8x8's sub-account, which is a part of the API URL."""
    return sender.api_url.split("/subaccounts/")[1].partition("/")[0]
