"""`sms-bridge configure`: fills the stack's secret."""

import sys
from typing import Annotated

import typer

from bridge.calls import NoAnswerError
from bridge.eightx8 import Access, EightX8Account, EightX8Error, remember_account_id
from bridge.options import AccountId, AsJson
from bridge.stack import Stack
from bridge.terminal import say, say_json


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
    if as_json:
        say_json({"done": done})
        return
    say(*(done or ["Nothing was to be done."]))
    if done:
        seconds = stack.seconds_until_secret_is_read
        say(
            f"The functions use it within {seconds} seconds, and at once where 8x8 refused the "
            "key before."
        )


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
    """Say what 8x8 thinks of a key.

    Raises
    ------
    EightX8Error
        8x8 refuses it, in every platform region.
    """
    account = EightX8Account(stack.eightx8_url, key)
    try:
        access = {name: account.access_to(name) for name in stack.sub_account_ids}
    except NoAnswerError as error:
        return f"whether it is right is not known: {error}"
    if Access.KEY_REFUSED in access.values():
        region = account.region_that_accepts(stack.sub_account_ids[0])
        if region:
            return (
                f"{account.host} refuses it, and the platform region {region} accepts it: "
                f"sms-bridge parameters set EightX8Region={region}"
            )
        raise EightX8Error(
            f"8x8 ({account.host}) refuses this key; nothing was stored", id="eightx8-key-refused"
        )
    if Access.NOT_8X8 in access.values():
        return (
            f"{account.host} does not answer as 8x8's API does, so whether it is right is not "
            "known; see EightX8Region and EightX8BaseUrl: sms-bridge parameters show"
        )
    if refused := [name for name, one in access.items() if one is Access.SUB_ACCOUNT_REFUSED]:
        return f"8x8 accepts it, but not for {', '.join(refused)}"
    if Access.UNCLEAR in access.values():
        return "8x8 did not say whether it is right"
    return "8x8 accepts it"
