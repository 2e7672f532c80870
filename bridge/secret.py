"""`sms-bridge configure` and `rotate`: what people put into the secret, and new tokens."""

import sys
from enum import StrEnum
from functools import partial
from time import sleep, time
from typing import Annotated

import typer
from typer import Argument, BadParameter, Option

from bridge.calls import NoAnswerError
from bridge.checks.eightx8 import check_access
from bridge.eightx8 import KEY_REFUSED, EightX8Account
from bridge.errors import BridgeError
from bridge.options import AccountId
from bridge.stack import ACCOUNT_ID, Stack
from bridge.terminal import progress, say_result
from bridge.webhook import register_again
from sms_bridge.domain.clock import timestamp
from sms_bridge.storage.secret import TOKEN_LISTS, add_missing_tokens, new_token

# A function may have read the secret in the last moment before it was changed.
_SECONDS_TO_SPARE = 5


def configure(
    stack: Stack,
    key_from_stdin: Annotated[
        bool,
        Option(
            "--key-from-stdin", help="Read the keys from standard input, a line each, not asking."
        ),
    ] = False,
    data_api_key: Annotated[
        bool,
        Option("--data-api-key", help="MoEngage's Data API key as well, for passing on opt-outs."),
    ] = False,
    account_id: AccountId = None,
) -> None:
    """Put 8x8's API key into the secret, and make missing tokens.

    The key is asked for and not shown; nothing typed keeps the present one. A key that 8x8 refuses
    is not stored.
    """
    done = []
    ask = partial(_ask, stack, from_stdin=key_from_stdin)
    if key := ask("8x8's API key", "eightx8ApiKey"):
        done.append(f"Stored 8x8's API key; {_check(stack, key)}.")
        stack.change_secret(eightx8ApiKey=key)
    if data_api_key and (key := ask("MoEngage's Data API key", "moengageDataApiKey")):
        stack.change_secret(moengageDataApiKey=key)
        done.append("Stored MoEngage's Data API key.")
    if account_id:
        stack.change_secret(**{ACCOUNT_ID: account_id})
        done.append("Stored the id of the 8x8 account.")
    made = add_missing_tokens(stack.aws.client("secretsmanager"), stack.secret_arn)
    done += [f"Made a token in {name}." for name in made]
    last = "Nothing was to be done."
    if done:
        last = (
            f"The functions use it within {stack.seconds_until_secret_is_read} seconds, and at "
            "once where 8x8 refused the key before."
        )
    say_result({"done": done}, *done, last)


def _ask(stack: Stack, what: str, name: str, *, from_stdin: bool) -> str:
    is_known = bool(stack.secret_values.get(name))
    if from_stdin:
        key = sys.stdin.readline().strip()
    else:
        hint = " (Enter keeps the present one)" if is_known else ""
        default = "" if is_known else None
        key = typer.prompt(what + hint, hide_input=True, default=default, show_default=False)
        key = key.strip()
    if not key and not is_known:
        raise BadParameter(f"{what} is missing")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise BadParameter(f"{what} has characters that no key has")
    return key


def _check(stack: Stack, key: str) -> str:
    """Say what 8x8 thinks of a key, unless it refuses it in every platform region."""
    account = EightX8Account(stack.eightx8_url, key)
    try:
        findings = list(check_access(account, stack.sub_account_ids))
    except NoAnswerError as error:
        return f"whether it is right is not known: {error.what}"
    if any(one.id == KEY_REFUSED for one in findings):
        raise BridgeError(
            f"8x8 ({account.host}) refuses this key; nothing was stored", id=KEY_REFUSED
        )
    return "; ".join(f"{one.what} ({one.remedy})" if one.remedy else one.what for one in findings)


class TokenUse(StrEnum):
    MOENGAGE = "moengage"
    CALLBACK = "callback"
    LOOK_UP = "look-up"
    FULL_NUMBER = "full-number"


_LISTS = dict(zip(TokenUse, TOKEN_LISTS, strict=True))


def rotate(
    stack: Stack,
    use: Annotated[TokenUse, Argument(help="What the token is for.")],
    retire: Annotated[bool, Option("--retire", help="Remove all but the newest token.")] = False,
) -> None:
    """Put a new token beside the old one, or retire the old one.

    The new token is shown once: give it to MoEngage or to those who look up, then --retire. For
    callbacks there is nothing to change: the webhook is registered again with the new token as soon
    as all functions know it. A callback token should be retired two days later: until then 8x8 may
    still report messages that were sent with it.
    """
    name, token = _LISTS[use], new_token()
    tokens = _tokens(stack, name)
    if retire:
        stack.change_secret(**{name: tokens[:1]})
        retired = max(len(tokens) - 1, 0)
        say_result({"retired": retired}, f"Removed {retired} older tokens for {use}.")
    elif use is TokenUse.CALLBACK:
        _replace_callback_token(stack, token)
    else:
        stack.change_secret(**{name: [token, *tokens]})
        valid_from = timestamp(time() + stack.seconds_until_secret_is_read)
        say_result(
            {"token": token, "validFrom": valid_from},
            token,
            "",
            f"Use it from {valid_from} on: by then all functions know it. The older ones stay "
            f"valid until sms-bridge rotate {use} --retire.",
        )


def _replace_callback_token(stack: Stack, token: str) -> None:
    """Make the functions accept a token before anybody uses it.

    The first token is the one that is used. 8x8 gives up a receipt that is refused for two
    minutes, and a function may know only the old tokens for longer than that.
    """
    name = _LISTS[TokenUse.CALLBACK]
    stack.change_secret(**{name: [*_tokens(stack, name), token]})
    seconds = stack.seconds_until_secret_is_read + _SECONDS_TO_SPARE
    for _ in progress(range(seconds), f"Waiting {seconds} seconds until all functions know it"):
        sleep(1)
    others = [one for one in _tokens(stack, name) if one != token]
    stack.change_secret(**{name: [token, *others]})
    count = register_again(stack, token) if stack.eightx8_account_id else 0
    if count:
        what = f"8x8 sends the new token now ({count} webhooks were registered again)."
    elif stack.eightx8_account_id:
        what = "No webhook points to this stack, so none was registered again."
    else:
        what = (
            "The id of the 8x8 account is not known, so no webhook was registered again. If one "
            "points here: sms-bridge webhook register --account-id ID"
        )
    say_result({"registeredAgain": count}, what)


def _tokens(stack: Stack, name: str) -> list[str]:
    return list(stack.secret_values.get(name) or [])
