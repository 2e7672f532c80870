"""Does 8x8 accept the key, and does it send receipts here?"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.account import account_of, known_account_id
from bridge.checks.findings import Finding, Level
from bridge.eightx8 import ALL_SUB_ACCOUNTS, Access, EightX8Error, Webhook
from bridge.stack import Stack
from bridge.webhook import is_here

_KEY = "8x8 key"
_WEBHOOK = "8x8 webhook"


def check_key(stack: Stack) -> Iterator[Finding]:
    """Ask 8x8, for each sub-account, for a message that does not exist."""
    if not stack.secret().eightx8_api_key:
        return  # the secret's check says so
    account = account_of(stack)
    for name in stack.sub_account_ids:
        match account.access_to(name):
            case Access.GRANTED:
                yield Finding(Level.OK, _KEY, f"8x8 accepts it for the sub-account {name}")
            case Access.KEY_REFUSED:
                yield Finding(
                    Level.PROBLEM,
                    _KEY,
                    "8x8 refuses the API key: every message fails (eightx8_unauthorized)",
                    "bridge configure, with the key from 8x8 Connect > API keys",
                )
                return
            case Access.SUB_ACCOUNT_REFUSED:
                yield Finding(
                    Level.PROBLEM,
                    _KEY,
                    f"8x8 does not let the key use the sub-account {name}: its messages fail",
                    f"create {name} in 8x8 Connect, or leave it out: "
                    f"bridge parameters set SubAccountIds={_all_but(name, stack)}",
                )
            case Access.UNCLEAR:
                yield Finding(
                    Level.WARNING,
                    _KEY,
                    f"8x8 did not say whether the key may use {name}",
                    "try again in a minute; 8x8's status page tells of outages",
                )


def check_webhook(stack: Stack) -> Iterator[Finding]:
    """See whether each sub-account's receipts come here."""
    if stack.sending.get("CALLBACK_BASE_URL"):
        yield Finding(Level.OK, _WEBHOOK, "not needed: each message names its own callback URL")
        return
    account_id = known_account_id(stack)
    if not account_id:
        yield Finding(
            Level.WARNING,
            _WEBHOOK,
            "whether receipts come here is not known, because the 8x8 account's id is not",
            "bridge webhook show --account-id ID (8x8 Connect shows the id); it is kept then",
        )
        return
    try:
        webhooks = account_of(stack).webhooks(account_id)
    except EightX8Error as error:
        yield Finding(
            Level.PROBLEM,
            _WEBHOOK,
            f"8x8 does not tell: {error}",
            "mend the key if it is named above, else: bridge webhook show --account-id ID",
        )
        return
    for name in stack.sub_account_ids:
        yield _of_sub_account(name, webhooks, stack)


def _of_sub_account(name: str, webhooks: list[Webhook], stack: Stack) -> Finding:
    own = [one for one in webhooks if one.sub_account_id == name]
    relevant = own or [one for one in webhooks if one.sub_account_id == ALL_SUB_ACCOUNTS]
    option = f" --sub-account {name}" if own else ""
    register = f"bridge webhook register{option}"
    here = [one for one in relevant if is_here(one, stack)]
    lost = f"no receipt of {name} arrives, and MoEngage hears nothing of its messages"
    if any(one.enabled and one.has_authorization for one in here):
        return Finding(Level.OK, _WEBHOOK, f"receipts of {name} come here")
    if any(one.enabled for one in here):
        what = f"it sends no token: {lost}"
    elif here:
        what = f"it is not enabled: {lost}"
    elif relevant:
        urls = ", ".join(one.url for one in relevant)
        what = f"it points elsewhere, to {urls}: {lost}"
        register += (
            "; if the other URL needs the events as well, let each message name its own instead: "
            f"bridge parameters set CallbackBaseUrl={stack.api_url}"
        )
    else:
        what = f"none is registered: {lost}"
    return Finding(Level.PROBLEM, _WEBHOOK, what, register)


def _all_but(name: str, stack: Stack) -> str:
    return ",".join(one for one in stack.sub_account_ids if one != name) or "OTHER"
