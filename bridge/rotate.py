"""`sms-bridge rotate`: replaces a token without a gap."""

from enum import StrEnum
from time import sleep, time
from typing import Annotated

import typer

from bridge.eightx8 import known_account_id
from bridge.options import AsJson
from bridge.stack import Stack
from bridge.terminal import progress, say_result
from bridge.webhook import register_again
from sms_bridge.domain.clock import timestamp
from sms_bridge.storage.secret import new_token

# A function may have read the secret in the last moment before it was changed.
_SECONDS_TO_SPARE = 5


class TokenUse(StrEnum):
    """What a token is for."""

    MOENGAGE = "moengage"
    CALLBACK = "callback"
    LOOK_UP = "look-up"
    FULL_NUMBER = "full-number"

    @property
    def list_name(self) -> str:
        """Where the secret holds such tokens."""
        return {
            TokenUse.MOENGAGE: "moengageTokens",
            TokenUse.CALLBACK: "callbackTokens",
            TokenUse.LOOK_UP: "lookUpTokens",
            TokenUse.FULL_NUMBER: "fullNumberTokens",
        }[self]


def rotate(
    context: typer.Context,
    use: Annotated[TokenUse, typer.Argument(help="What the token is for.")],
    retire: Annotated[
        bool, typer.Option("--retire", help="Remove all but the newest token.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a new token beside the old one, or retire the old one.

    The new token is shown once: give it to MoEngage or to those who look up, then --retire. For
    callbacks there is nothing to change: the webhook is registered again with the new token as soon
    as all functions know it. A callback token should be retired two days later: until then 8x8 may
    still report messages that were sent with it.
    """
    stack: Stack = context.obj
    tokens = _tokens(stack, use)
    if retire:
        stack.change_secret(**{use.list_name: tokens[:1]})
        retired = max(len(tokens) - 1, 0)
        what = f"Removed {retired} older tokens for {use}."
        say_result({"retired": retired}, what, as_json=as_json)
        return
    token = new_token()
    if use is TokenUse.CALLBACK:
        _replace_callback_token(stack, token, as_json=as_json)
        return
    stack.change_secret(**{use.list_name: [token, *tokens]})
    valid_from = timestamp(time() + stack.seconds_until_secret_is_read)
    say_result(
        {"token": token, "validFrom": valid_from},
        token,
        "",
        f"Use it from {valid_from} on: by then all functions know it. The older ones stay valid "
        f"until sms-bridge rotate {use} --retire.",
        as_json=as_json,
    )


def _replace_callback_token(stack: Stack, token: str, *, as_json: bool) -> None:
    """Make the functions accept a token before anybody uses it.

    The first token is the one that is used. 8x8 gives up a receipt that is refused for two
    minutes, and a function may know only the old tokens for longer than that.
    """
    name = TokenUse.CALLBACK.list_name
    stack.change_secret(**{name: [*_tokens(stack, TokenUse.CALLBACK), token]})
    seconds = stack.seconds_until_secret_is_read + _SECONDS_TO_SPARE
    for _ in progress(range(seconds), f"Waiting {seconds} seconds until all functions know it"):
        sleep(1)
    others = [one for one in _tokens(stack, TokenUse.CALLBACK) if one != token]
    stack.change_secret(**{name: [token, *others]})
    account_id = known_account_id(stack)
    count = register_again(stack, token) if account_id else 0
    if count:
        what = f"8x8 sends the new token now ({count} webhooks were registered again)."
    elif account_id:
        what = "No webhook points to this stack, so none was registered again."
    else:
        what = (
            "The id of the 8x8 account is not known, so no webhook was registered again. If one "
            "points here: sms-bridge webhook register --account-id ID"
        )
    say_result({"registeredAgain": count}, what, as_json=as_json)


def _tokens(stack: Stack, use: TokenUse) -> list[str]:
    return list(stack.secret_values.get(use.list_name) or [])
