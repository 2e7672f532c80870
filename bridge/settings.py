"""`sms-bridge settings`: what to type into MoEngage's forms, and what 8x8 has to know."""

from typing import Annotated

import typer

from bridge.options import AsJson
from bridge.stack import Stack
from bridge.terminal import columns, say_result
from sms_bridge.domain.message import OutcomeStatus

# Enough to see which of two tokens it is.
_SHOWN_OF_A_TOKEN = 4

Fields = dict[str, str]


def settings(
    context: typer.Context,
    show_tokens: Annotated[bool, typer.Option("--show-tokens", help="Show whole tokens.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what to type into MoEngage's forms.

    In MoEngage: Settings > Channel > SMS > Sender Configuration > Add sender > Add custom service
    provider. Delivery tracking appears there once the sender is saved.
    """
    stack: Stack = context.obj
    tokens = stack.secret().moengage_tokens
    token = tokens[0] if tokens else ""
    sections = {
        f"Sender that uses the sub-account {name}": sender_fields(
            stack, name, token if show_tokens else _masked(token)
        )
        for name in stack.sub_account_ids
    } | {
        "Delivery tracking, manual mapping": tracking_fields(),
        "8x8's webhook: sms-bridge webhook register": {"URL": stack.callback_url},
    }
    lines: list[str] = []
    for heading, fields in sections.items():
        rows = [(f"  {name}", value) for name, value in fields.items()]
        lines += [heading, *columns(rows), ""]
    if not show_tokens:
        lines.append("--show-tokens shows the whole token.")
    say_result(sections, *lines, as_json=as_json)


def sender_fields(stack: Stack, sub_account_id: str, token: str) -> Fields:
    transactional = stack.sending.get("TRANSACTIONAL_SUB_ACCOUNT_IDS", "").split(",")
    sender_id = stack.sending.get("DEFAULT_SENDER_ID", "")
    return {
        "Service provider name": "8x8",
        "Sender name": sender_id or "your sender ID with 8x8",
        "Sender type": "Transactional" if sub_account_id in transactional else "Promotional",
        "API URL": stack.send_url(sub_account_id),
        "Method": "POST",
        "URL parameters": "(none)",
        "Header Authorization": f"Bearer {token}",
        "Header Content-Type": "application/json",
        "Body type": "JSON",
        "Body recipient": "Moesms_destination",
        "Body message": "Moesms_message",
        "Body sender": sender_id or "your sender ID with 8x8",
        "Body campaignId": "Moesms_campaignId",
        "Body dltTemplateId": "Moesms_dltTemplateId (only if you use DLT templates)",
    }


def tracking_fields() -> Fields:
    return {
        "Unique id of the sent response": "umid",
        "Unique id of the delivery response": "umid",
        "Delivery status": "status",
        "Success values": OutcomeStatus.DELIVERED,
        "Failure reason": "reason",
    }


def _masked(token: str) -> str:
    return f"{token[:_SHOWN_OF_A_TOKEN]}..." if token else "(none yet: sms-bridge configure)"
