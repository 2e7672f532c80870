"""`sms-bridge configure`: fills the stack's secret."""

import sys
from typing import Annotated

import typer

from bridge.calls import NoAnswerError
from bridge.checks.eightx8 import check_access
from bridge.eightx8 import KEY_REFUSED, EightX8Account, EightX8Error, remember_account_id
from bridge.options import AccountId, AsJson
from bridge.stack import Stack
from bridge.terminal import say_result


def configure(
    context: typer.Context,
    key_from_stdin: Annotated[
        bool,
        typer.Option(
            "--key-from-stdin", help="Read the keys from standard input, a line each, not asking."
        ),
    ] = False,
    data_api_key: Annotated[
        bool,
        typer.Option(
            "--data-api-key", help="MoEngage's Data API key as well, for passing on opt-outs."
        ),
    ] = False,
    account_id: AccountId = None,
    as_json: AsJson = False,
) -> None:
    """Put 8x8's API key into the secret, and make missing tokens.

    The key is asked for and not shown; nothing typed keeps the present one. A key that 8x8 refuses
    is not stored.
    """
    stack: Stack = context.obj
    values = stack.secret_values
    key = _ask("8x8's API key", bool(values.get("eightx8ApiKey")), key_from_stdin)
    done = []
    if key:
        done.append(f"Stored 8x8's API key; {_check(stack, key)}.")
        stack.change_secret(eightx8ApiKey=key)
    if data_api_key:
        known = bool(values.get("moengageDataApiKey"))
        if its_key := _ask("MoEngage's Data API key", known, key_from_stdin):
            stack.change_secret(moengageDataApiKey=its_key)
            done.append("Stored MoEngage's Data API key.")
    if account_id:
        remember_account_id(stack, account_id)
        done.append("Stored the id of the 8x8 account.")
    done += [f"Made a token in {name}." for name in stack.add_missing_tokens()]
    lines = list(done)
    if done:
        seconds = stack.seconds_until_secret_is_read
        lines.append(
            f"The functions use it within {seconds} seconds, and at once where 8x8 refused the "
            "key before."
        )
    say_result({"done": done}, *(lines or ["Nothing was to be done."]), as_json=as_json)


def _ask(what: str, is_known: bool, from_stdin: bool) -> str:
    if from_stdin:
        key = sys.stdin.readline().strip()
    else:
        hint = " (Enter keeps the present one)" if is_known else ""
        default = "" if is_known else None
        key = typer.prompt(what + hint, hide_input=True, default=default, show_default=False)
        key = key.strip()
    if not key and not is_known:
        raise typer.BadParameter(f"{what} is missing")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise typer.BadParameter(f"{what} has characters that no key has")
    return key


def _check(stack: Stack, key: str) -> str:
    """Say what 8x8 thinks of a key, unless it refuses it in every platform region."""
    account = EightX8Account(stack.eightx8_url, key)
    try:
        findings = list(check_access(account, stack.sub_account_ids))
    except NoAnswerError as error:
        return f"whether it is right is not known: {error}"
    if any(one.id == KEY_REFUSED for one in findings):
        raise EightX8Error(
            f"8x8 ({account.host}) refuses this key; nothing was stored", id=KEY_REFUSED
        )
    return "; ".join(f"{one.what} ({one.remedy})" if one.remedy else one.what for one in findings)
