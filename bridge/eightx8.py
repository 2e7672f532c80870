"""The 8x8 account behind a stack: its webhooks, and what the API key may use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from bridge.calls import Answer, call
from bridge.errors import BridgeError
from sms_bridge.providers import eightx8_errors as eightx8_answers

ALL_SUB_ACCOUNTS = "*"

# No message has it, so asking for it is harmless and tells how far the key gets.
_NO_UMID = "00000000-0000-0000-0000-000000000000"
_UNKNOWN_SUB_ACCOUNT = 1001


class EightX8Error(BridgeError):
    """8x8 refused a call."""


class Access(StrEnum):
    """What 8x8 says to a key that asks for a sub-account."""

    GRANTED = "granted"
    KEY_REFUSED = "key refused"
    SUB_ACCOUNT_REFUSED = "sub-account refused"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook of the account; 8x8 masks the ``Authorization`` value that goes with it."""

    sub_account_id: str
    url: str
    enabled: bool
    has_authorization: bool


class EightX8Account:
    """Calls 8x8 with one API key.

    Parameters
    ----------
    base_url
        Of the platform region.
    api_key
        Of the account.
    """

    def __init__(self, base_url: str, api_key: str) -> None:
        self._base_url = base_url
        self._api_key = api_key

    def access_to(self, sub_account_id: str) -> Access:
        """Ask for a message that does not exist: the refusal tells what the key may use."""
        account = quote(sub_account_id, safe="&")
        answer = self._call("GET", f"/api/v1/subaccounts/{account}/messages/{_NO_UMID}")
        if answer.status == 401:
            return Access.KEY_REFUSED
        if answer.status == 403 or answer.code == _UNKNOWN_SUB_ACCOUNT:
            return Access.SUB_ACCOUNT_REFUSED
        # 429 comes after the key was looked at: one question a second is what 8x8 allows.
        return Access.GRANTED if answer.status in (404, 429) else Access.UNCLEAR

    def webhooks(self, account_id: str) -> list[Webhook]:
        """Return the account's webhooks.

        Raises
        ------
        EightX8Error
            8x8 refused.
        """
        answer = self._call("GET", _webhooks(account_id))
        _raise_if_refused(answer)
        return [_webhook(one) for one in answer.json or [] if isinstance(one, dict)]

    def register(self, account_id: str, webhook: Webhook, *, authorization: str) -> None:
        """Register a webhook in place of the sub-account's present one.

        Raises
        ------
        EightX8Error
            8x8 refused.
        """
        body = {
            "subAccountId": webhook.sub_account_id,
            "url": webhook.url,
            "httpAuthorization": authorization,
            "enabled": webhook.enabled,
        }
        _raise_if_refused(self._call("POST", _webhooks(account_id), [body]))

    def remove(self, account_id: str, sub_account_id: str) -> None:
        """Remove a sub-account's webhook.

        Raises
        ------
        EightX8Error
            8x8 refused.
        """
        body = [{"subAccountId": sub_account_id}]
        _raise_if_refused(self._call("DELETE", _webhooks(account_id), body))

    def _call(self, method: str, path: str, body: object = None) -> Answer:
        return call(method, self._base_url + path, token=self._api_key, body=body)


def _webhooks(account_id: str) -> str:
    return f"/api/v1/accounts/{quote(account_id, safe='')}/webhooks"


def _webhook(given: dict[str, Any]) -> Webhook:
    return Webhook(
        sub_account_id=str(given.get("subAccountId", "")),
        url=str(given.get("url", "")),
        enabled=given.get("enabled", True) is True,
        has_authorization=bool(given.get("httpAuthorization") or given.get("oauth")),
    )


def _raise_if_refused(answer: Answer) -> None:
    if answer.status == 403:
        raise EightX8Error("8x8's API key may not use this account; is the account id right?")
    if not 200 <= answer.status < 300:
        result = eightx8_answers.result_of_answer(
            eightx8_answers.Answer(answer.status, answer.content, None)
        )
        raise EightX8Error(f"{result.description} (HTTP {answer.status})")
