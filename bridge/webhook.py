"""`sms-bridge webhook`: where 8x8 sends receipts and inbound SMS."""

from dataclasses import replace
from typing import Any

from typer import Exit

from bridge.eightx8 import ALL_SUB_ACCOUNTS, EightX8Account, Webhook, account_of
from bridge.errors import BridgeError
from bridge.options import AccountId, SubAccountOrAll, Yes
from bridge.stack import ACCOUNT_ID, Stack
from bridge.terminal import columns, confirm, say_result


def is_here(one: Webhook, stack: Stack) -> bool:
    return one.url.rstrip("/") == stack.callback_url


def show(stack: Stack, account_id: AccountId = None) -> None:
    """Show what is registered. Exit status 1 when nothing enabled points to this stack."""
    _, found = _account_and_webhooks(stack, account_id)
    facts = [_line(one, stack) for one in found]
    words = {True: "yes", False: "no"}
    rows = [[words.get(value, value) for value in one.values()] for one in facts]
    lines = columns(rows, ("Sub-account", "URL", "Enabled", "Authorization", "This stack"))
    say_result(
        facts, *(lines if found else ["No webhook is registered: sms-bridge webhook register"])
    )
    if not any(one.enabled and is_here(one, stack) for one in found):
        raise Exit(1)


def register(
    stack: Stack,
    sub_account: SubAccountOrAll = ALL_SUB_ACCOUNTS,
    account_id: AccountId = None,
    yes: Yes = False,
) -> None:
    """Register this stack's callback URL, with its token.

    It takes the place of what is registered for the same sub-account; if that points elsewhere,
    you are asked first.
    """
    account, present = _account_and_webhooks(stack, account_id, sub_account)
    elsewhere = _ask_about_others(present, stack, "Replace", yes=yes)
    tokens = stack.secret().callback_tokens
    if not tokens:
        raise BridgeError("the secret holds no callback token yet: sms-bridge configure")
    new = Webhook(sub_account, stack.callback_url)
    account.register(new, tokens[0])
    say_result(
        {"registered": _line(new, stack), "replaced": elsewhere},
        f"8x8 now calls {new.url} for {_scope(sub_account)}.",
    )


def remove(
    stack: Stack,
    sub_account: SubAccountOrAll = ALL_SUB_ACCOUNTS,
    account_id: AccountId = None,
    yes: Yes = False,
) -> None:
    """Remove a webhook; if it points elsewhere, you are asked first."""
    account, present = _account_and_webhooks(stack, account_id, sub_account)
    if not present:
        raise BridgeError(f"no webhook is registered for {_scope(sub_account)}")
    _ask_about_others(present, stack, "Remove", yes=yes)
    account.remove(sub_account)
    say_result(
        {"removed": [_line(one, stack) for one in present]},
        f"8x8 calls nobody for {_scope(sub_account)} any more.",
    )


def register_again(stack: Stack, token: str) -> int:
    """Give the webhooks that point to the stack another token; returns how many there are."""
    account = account_of(stack)
    found = [one for one in account.webhooks() if is_here(one, stack)]
    for one in found:
        account.register(replace(one, url=stack.callback_url), token)
    return len(found)


def fault_of(name: str, webhooks: list[Webhook], stack: Stack) -> tuple[str, str, str]:
    """Return what is wrong with the webhook that counts: id, what and remedy; or nothing."""
    own = [one for one in webhooks if one.sub_account_id == name]
    relevant = own or [one for one in webhooks if one.sub_account_id == ALL_SUB_ACCOUNTS]
    register = "sms-bridge webhook register" + (f" --sub-account {name}" if own else "")
    here = [one for one in relevant if is_here(one, stack)]
    if any(one.enabled and one.has_authorization for one in here):
        return "", "", ""
    if any(one.enabled for one in here):
        return "webhook-without-token", "8x8's webhook sends no token", register
    if here:
        return "webhook-disabled", "8x8's webhook is not enabled", register
    if not relevant:
        return "webhook-missing", "no webhook is registered with 8x8", register
    return (
        "webhook-elsewhere",
        f"8x8's webhook points to {', '.join(one.url for one in relevant)}",
        f"{register}; if the other URL needs the events as well, let each message name its own "
        f"instead: sms-bridge parameters set CallbackBaseUrl={stack.api_url}",
    )


def _account_and_webhooks(
    stack: Stack, account_id: str | None, sub_account: str = ""
) -> tuple[EightX8Account, list[Webhook]]:
    """Return the account and its webhooks, or a sub-account's; an id that 8x8 accepted is kept."""
    account = account_of(stack, account_id)
    webhooks = account.webhooks()
    if account_id:
        stack.change_secret(**{ACCOUNT_ID: account_id})
    return account, [one for one in webhooks if sub_account in ("", one.sub_account_id)]


def _ask_about_others(webhooks: list[Webhook], stack: Stack, verb: str, *, yes: bool) -> list[str]:
    """Ask before somebody else's webhook is touched; returns the URLs of those."""
    elsewhere = [one.url for one in webhooks if not is_here(one, stack)]
    if elsewhere:
        confirm(f"{verb} {', '.join(elsewhere)}?", yes=yes)
    return elsewhere


def _scope(sub_account: str) -> str:
    return "the whole account" if sub_account == ALL_SUB_ACCOUNTS else sub_account


def _line(one: Webhook, stack: Stack) -> dict[Any, Any]:
    return {
        "subAccountId": one.sub_account_id,
        "url": one.url,
        "enabled": one.enabled,
        "hasAuthorization": one.has_authorization,
        "isThisStack": is_here(one, stack),
    }
