"""The 8x8 account of a stack, with the key and the account id that its secret holds."""

from __future__ import annotations

from bridge.eightx8 import EightX8Account
from bridge.errors import BridgeError
from bridge.stack import Stack

_ACCOUNT_ID = "eightx8AccountId"

ACCOUNT_ID_IS_MISSING = (
    "the id of the 8x8 account is not known; give --account-id once (8x8 Connect shows it)"
)


def account_of(stack: Stack) -> EightX8Account:
    """Return the account.

    Raises
    ------
    BridgeError
        The secret does not hold the key.
    """
    key = stack.secret().eightx8_api_key
    if not key:
        raise BridgeError("the secret does not hold 8x8's API key yet: bridge configure")
    return EightX8Account(stack.eightx8_url, key)


def known_account_id(stack: Stack) -> str:
    """Return the account's id as the secret holds it, empty where it does not."""
    return str(stack.secret_values().get(_ACCOUNT_ID) or "")


def account_id_of(stack: Stack, given: str | None) -> str:
    """Return the account's id: the given one, or the one that the secret holds.

    Raises
    ------
    BridgeError
        It is neither given nor known.
    """
    account_id = given or known_account_id(stack)
    if not account_id:
        raise BridgeError(ACCOUNT_ID_IS_MISSING)
    return account_id


def remember_account_id(stack: Stack, account_id: str) -> None:
    """Keep the account's id in the secret."""
    stack.change_secret(**{_ACCOUNT_ID: account_id})
