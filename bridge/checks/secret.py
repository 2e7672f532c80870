"""Is the secret filled?"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.checks.findings import Finding, Level
from bridge.stack import Stack, StackError
from sms_bridge.storage.secret import TOKEN_LISTS

_PART = "secret"


def check_secret(stack: Stack) -> Iterator[Finding]:
    """Look at what the secret holds."""
    try:
        values = stack.secret_values()
    except StackError as error:
        yield Finding(
            Level.PROBLEM,
            _PART,
            f"{error}: no function works",
            "Secrets Manager's console > the secret > Retrieve secret value > Edit: bring back "
            "the JSON, or restore its former version",
        )
        return
    wrong = list(_missing(values))
    yield from wrong
    if not wrong:
        yield Finding(Level.OK, _PART, "it holds 8x8's API key and tokens for everybody")
    if stack.environment_of("ForwardOutcome").get("MOENGAGE_DATA_API_URL") and not values.get(
        "moengageDataApiKey"
    ):
        yield Finding(
            Level.PROBLEM,
            _PART,
            "opt-outs are to be passed on to MoEngage, but its Data API key is missing",
            "bridge configure --data-api-key",
        )


def _missing(values: dict[str, object]) -> Iterator[Finding]:
    if not values.get("eightx8ApiKey"):
        yield Finding(
            Level.PROBLEM,
            _PART,
            "8x8's API key is missing: every message is refused (not_configured)",
            "bridge configure",
        )
    lists = [name for name in TOKEN_LISTS if not values.get(name)]
    if lists:
        yield Finding(
            Level.PROBLEM,
            _PART,
            f"there is no token in {', '.join(lists)}: nobody is let in there",
            "bridge configure",
        )
    if not values.get("hashKey"):
        yield Finding(
            Level.PROBLEM,
            _PART,
            "hashKey is missing: repeats and numbers are hashed without a key",
            "Secrets Manager's console: restore hashKey from the secret's former version",
        )
