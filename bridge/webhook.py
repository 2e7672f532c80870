"""`sms-bridge webhook`: where 8x8 sends receipts and inbound SMS."""

from dataclasses import replace

import typer

from bridge.eightx8 import (
    ALL_SUB_ACCOUNTS,
    Webhook,
    account_id_of,
    account_of,
    remember_account_id,
)
from bridge.errors import BridgeError
from bridge.options import AccountId, AsJson, SubAccountOrAll, Yes
from bridge.stack import Stack
from bridge.terminal import columns, confirm, say, say_json

webhook = typer.Typer(
    name="webhook",
    help="Where 8x8 sends receipts and inbound SMS.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_HEADINGS = ("Sub-account", "URL", "Enabled", "Authorization", "This stack")


def is_here(one: Webhook, stack: Stack) -> bool:
    """Return whether a webhook points to the stack."""
    return one.url.rstrip("/") == stack.callback_url


def authorization_of(token: str) -> str:
    """Return the header's value that 8x8 has to send."""
    return f"Bearer {token}"


def webhooks_here(stack: Stack, account_id: str) -> list[Webhook]:
    """Return the webhooks that point to the stack."""
    return [one for one in account_of(stack).webhooks(account_id) if is_here(one, stack)]


@webhook.command()
def show(context: typer.Context, account_id: AccountId = None, as_json: AsJson = False) -> None:
    """Show what is registered. Exit status 1 when nothing enabled points to this stack."""
    stack: Stack = context.obj
    found = account_of(stack).webhooks(account_id_of(stack, account_id))
    _remember(stack, account_id)
    if as_json:
        say_json([_line(one, stack) for one in found])
    elif found:
        rows = [[_word(value) for value in _line(one, stack).values()] for one in found]
        say(*columns(rows, _HEADINGS))
    else:
        say("No webhook is registered: sms-bridge webhook register")
    if not any(one.enabled and is_here(one, stack) for one in found):
        raise typer.Exit(1)


@webhook.command()
def register(
    context: typer.Context,
    sub_account: SubAccountOrAll = ALL_SUB_ACCOUNTS,
    account_id: AccountId = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Register this stack's callback URL, with its token.

    It takes the place of what is registered for the same sub-account; if that points elsewhere,
    you are asked first.
    """
    stack: Stack = context.obj
    account, its_id = account_of(stack), account_id_of(stack, account_id)
    present = _registered_for(sub_account, account.webhooks(its_id))
    elsewhere = _ask_about_others(present, stack, "Replace", yes=yes)
    tokens = stack.secret().callback_tokens
    if not tokens:
        raise BridgeError("the secret holds no callback token yet: sms-bridge configure")
    new = Webhook(
        sub_account_id=sub_account, url=stack.callback_url, enabled=True, has_authorization=True
    )
    account.register(its_id, new, authorization=authorization_of(tokens[0]))
    _remember(stack, account_id)
    if as_json:
        say_json({"registered": _line(new, stack), "replaced": elsewhere})
    else:
        say(f"8x8 now calls {new.url} for {_scope(sub_account)}.")


@webhook.command()
def remove(
    context: typer.Context,
    sub_account: SubAccountOrAll = ALL_SUB_ACCOUNTS,
    account_id: AccountId = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove a webhook; if it points elsewhere, you are asked first."""
    stack: Stack = context.obj
    account, its_id = account_of(stack), account_id_of(stack, account_id)
    present = _registered_for(sub_account, account.webhooks(its_id))
    if not present:
        raise BridgeError(f"no webhook is registered for {_scope(sub_account)}")
    _ask_about_others(present, stack, "Remove", yes=yes)
    account.remove(its_id, sub_account)
    _remember(stack, account_id)
    if as_json:
        say_json({"removed": [_line(one, stack) for one in present]})
    else:
        say(f"8x8 calls nobody for {_scope(sub_account)} any more.")


def register_again(stack: Stack, account_id: str, token: str) -> int:
    """Give the webhooks that point to the stack another token; returns how many there are."""
    found = webhooks_here(stack, account_id)
    for one in found:
        account_of(stack).register(
            account_id,
            replace(one, url=stack.callback_url),
            authorization=authorization_of(token),
        )
    return len(found)


def _registered_for(sub_account: str, webhooks: list[Webhook]) -> list[Webhook]:
    return [one for one in webhooks if one.sub_account_id == sub_account]


def _ask_about_others(webhooks: list[Webhook], stack: Stack, verb: str, *, yes: bool) -> list[str]:
    """Ask before somebody else's webhook is touched; returns the URLs of those."""
    elsewhere = [one.url for one in webhooks if not is_here(one, stack)]
    if elsewhere:
        confirm(f"{verb} {', '.join(elsewhere)}?", yes=yes)
    return elsewhere


def _remember(stack: Stack, account_id: str | None) -> None:
    """Keep an account id that 8x8 has accepted."""
    if account_id:
        remember_account_id(stack, account_id)


def _scope(sub_account: str) -> str:
    return "the whole account" if sub_account == ALL_SUB_ACCOUNTS else sub_account


def _line(one: Webhook, stack: Stack) -> dict[str, str | bool]:
    return {
        "subAccountId": one.sub_account_id,
        "url": one.url,
        "enabled": one.enabled,
        "hasAuthorization": one.has_authorization,
        "isThisStack": is_here(one, stack),
    }


def _word(value: str | bool) -> str:
    return value if isinstance(value, str) else "yes" if value else "no"
