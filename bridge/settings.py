"""`sms-bridge settings`: what to type into MoEngage's forms, and what 8x8 has to know."""

from typing import Annotated

from typer import Option

from bridge.stack import Stack
from bridge.terminal import columns, say_result
from sms_bridge.domain.message import OutcomeStatus

TRACKING = {
    "Unique id of the sent response": "umid",
    "Unique id of the delivery response": "umid",
    "Delivery status": "status",
    "Success values": OutcomeStatus.DELIVERED,
    "Failure reason": "reason",
}


def settings(
    stack: Stack,
    show_tokens: Annotated[bool, Option("--show-tokens", help="Show whole tokens.")] = False,
) -> None:
    """Print what to type into MoEngage's forms.

    In MoEngage: Settings > Channel > SMS > Sender Configuration > Add sender > Add custom service
    provider. Delivery tracking appears there once the sender is saved.
    """
    token = next(iter(stack.secret().moengage_tokens), "")
    if not show_tokens:
        # Enough to see which of two tokens it is.
        token = f"{token[:4]}..." if token else "(none yet: sms-bridge configure)"
    transactional = stack.sending.get("TRANSACTIONAL_SUB_ACCOUNT_IDS", "").split(",")
    sender_id = stack.sending.get("DEFAULT_SENDER_ID") or "your sender ID with 8x8"
    sections = {
        f"Sender that uses the sub-account {name}": {
            "Service provider name": "8x8",
            "Sender name": sender_id,
            "Sender type": "Transactional" if name in transactional else "Promotional",
            "API URL": stack.send_url(name),
            "Method": "POST",
            "URL parameters": "(none)",
            "Header Authorization": f"Bearer {token}",
            "Header Content-Type": "application/json",
            "Body type": "JSON",
            "Body recipient": "Moesms_destination",
            "Body message": "Moesms_message",
            "Body sender": sender_id,
            "Body campaignId": "Moesms_campaignId",
            "Body dltTemplateId": "Moesms_dltTemplateId (only if you use DLT templates)",
        }
        for name in stack.sub_account_ids
    } | {
        "Delivery tracking, manual mapping": TRACKING,
        "8x8's webhook: sms-bridge webhook register": {"URL": stack.callback_url},
    }
    lines: list[str] = []
    for heading, fields in sections.items():
        rows = [(f"  {name}", value) for name, value in fields.items()]
        lines += [heading, *columns(rows), ""]
    if not show_tokens:
        lines.append("--show-tokens shows the whole token.")
    say_result(sections, *lines)
