"""Does the API answer, and let only those in who may?"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.calls import NoAnswerError, call
from bridge.checks.findings import Finding, Level
from bridge.stack import Stack
from sms_bridge.api.errors import Code

_PART = "API"
_WRONG_TOKEN = "bridge-doctor"  # noqa: S105 - it is meant to be wrong
_NO_MESSAGE = "00000000-0000-0000-0000-000000000000"


def check_api(stack: Stack) -> Iterator[Finding]:
    """Send what is refused before anything is sent or written."""
    try:
        yield from _check(stack)
    except NoAnswerError as error:
        yield Finding(
            Level.PROBLEM,
            _PART,
            f"{error}: neither MoEngage nor 8x8 reaches it either, unless only this machine cannot",
            "give the right URL with --api-url or BRIDGE_API_URL; else look at the HTTP API in "
            "API Gateway's console",
        )


def _check(stack: Stack) -> Iterator[Finding]:
    secret = stack.secret()
    send = stack.send_url(stack.sub_account_ids[0])
    doors = (
        ("POST", send, secret.moengage_tokens, Code.BODY_MISSING, "sending"),
        (
            "GET",
            stack.look_up_url(_NO_MESSAGE),
            secret.look_up_tokens,
            Code.MESSAGE_NOT_FOUND,
            "look-up",
        ),
    )
    for method, url, tokens, expected, what in doors:
        yield _wrong_token_at(method, url, what)
        if tokens:
            yield _right_token_at(method, url, tokens[0], expected, what)
    yield _wrong_token_at("POST", stack.callback_url, "callback")


def _wrong_token_at(method: str, url: str, what: str) -> Finding:
    answer = call(method, url, token=_WRONG_TOKEN)
    if answer.status == 401:
        return Finding(Level.OK, _PART, f"{what}: it answers and refuses a wrong token")
    if answer.code == Code.ADDRESS_NOT_ALLOWED:
        return Finding(Level.OK, _PART, f"{what}: it answers, and only to 8x8's addresses")
    return Finding(
        Level.PROBLEM,
        _PART,
        f"{what}: a wrong token was answered {answer.status}, not 401",
        f"see the function's log in CloudWatch; is {url} this stack's URL?",
    )


def _right_token_at(method: str, url: str, token: str, expected: Code, what: str) -> Finding:
    answer = call(method, url, token=token)
    if answer.code == expected:
        return Finding(Level.OK, _PART, f"{what}: it accepts its token")
    if answer.code == Code.NOT_CONFIGURED:
        return Finding(
            Level.PROBLEM, _PART, f"{what}: the function has no 8x8 key yet", "bridge configure"
        )
    if answer.status == 401:
        return Finding(
            Level.WARNING,
            _PART,
            f"{what}: the secret's first token is not accepted",
            "after bridge rotate or bridge configure wait until the functions have read the "
            "secret again (parameter ApiKeyMaxAgeSeconds)",
        )
    return Finding(
        Level.PROBLEM,
        _PART,
        f"{what}: an empty request was answered {answer.status} {answer.code or ''}".rstrip(),
        "see the function's log in CloudWatch",
    )
