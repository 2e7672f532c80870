"""The 8x8 account behind a stack: its webhooks, what the API key may use, erasure and balance."""

import time
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import quote, urlsplit

from bridge.calls import Answer, NoAnswerError, call
from bridge.errors import BridgeError
from bridge.stack import Stack

ALL_SUB_ACCOUNTS = "*"
HOSTS = {
    "asia-pacific": "https://sms.8x8.com",
    "north-america": "https://sms.us.8x8.com",
    "europe": "https://sms.8x8.uk",
    "indonesia": "https://sms.8x8.id",
}
"""By the parameter ``EightX8Region``."""

KEY_REFUSED = "eightx8-key-refused"
ENTER_THE_KEY = "sms-bridge configure, with the key from 8x8 Connect > API keys"
# No message has it, so asking for it is harmless and shows how far the key gets.
_NO_UMID = "00000000-0000-0000-0000-000000000000"
_UNKNOWN_SUB_ACCOUNT, _NOT_FOUND = 1001, 1300
_SECONDS_BETWEEN_QUESTIONS = 1.0
_TRIES = 5


class Access(Enum):
    """What 8x8 says to a key that asks for a sub-account."""

    GRANTED, KEY_REFUSED, SUB_ACCOUNT_REFUSED, NOT_8X8, UNCLEAR = range(5)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook of the account; 8x8 masks the ``Authorization`` value that goes with it."""

    sub_account_id: str
    url: str
    enabled: bool = True
    has_authorization: bool = True


@dataclass(frozen=True, slots=True)
class EightX8Account:
    """Calls a platform region of 8x8 with one API key."""

    base_url: str
    api_key: str = field(repr=False)
    account_id: str = ""
    """Webhooks and balance are those of this account."""

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    def access_to(self, sub_account_id: str) -> Access:
        """Ask for a message that does not exist: the refusal shows what the key may use."""
        answer = self._call("GET", _message(sub_account_id, _NO_UMID))
        if answer.status == 401:
            return Access.KEY_REFUSED
        if answer.status == 403 or answer.get("code") == _UNKNOWN_SUB_ACCOUNT:
            return Access.SUB_ACCOUNT_REFUSED
        # 429 comes after the key was looked at: one question a second is what 8x8 allows.
        if answer.status == 429 or answer.get("code") == _NOT_FOUND:
            return Access.GRANTED
        return Access.NOT_8X8 if answer.status == 404 else Access.UNCLEAR

    def region_that_accepts(self, sub_account_id: str) -> str:
        """Return the other platform region whose host accepts the key, empty where none does."""
        others = {region: url for region, url in HOSTS.items() if url != self.base_url}
        for region, url in others.items() if len(others) < len(HOSTS) else ():
            try:
                found = EightX8Account(url, self.api_key).access_to(sub_account_id)
            except NoAnswerError:
                continue
            if found in (Access.GRANTED, Access.SUB_ACCOUNT_REFUSED):
                return region
        return ""

    def webhooks(self) -> list[Webhook]:
        answer = self._call("GET", f"{self._account}/webhooks")
        _raise_if_refused(answer)
        return [
            Webhook(
                str(one.get("subAccountId", "")),
                str(one.get("url", "")),
                enabled=one.get("enabled", True) is True,
                has_authorization=bool(one.get("httpAuthorization") or one.get("oauth")),
            )
            for one in answer.json or []
            if isinstance(one, dict)
        ]

    def register(self, webhook: Webhook, token: str) -> None:
        body = {
            "subAccountId": webhook.sub_account_id,
            "url": webhook.url,
            "httpAuthorization": f"Bearer {token}",
            "enabled": webhook.enabled,
        }
        answer = self._call("POST", f"{self._account}/webhooks", [body])
        if "new format" in str(answer.get("message")):
            raise BridgeError(
                "8x8 still has a webhook of the old format (V1) for this account, whose receipts "
                "are XML, and refuses a new one beside it",
                id="webhook-old-format",
                remedy="ask 8x8's support to delete the old SMS delivery-receipt webhook and to "
                "switch the account to the new format; then: sms-bridge webhook register",
            )
        _raise_if_refused(answer)

    def remove(self, sub_account_id: str) -> None:
        body = [{"subAccountId": sub_account_id}]
        _raise_if_refused(self._call("DELETE", f"{self._account}/webhooks", body))

    def balance(self) -> tuple[float, str] | None:
        """Return the prepaid balance and its currency, ``None`` where there is none."""
        answer = self._call("GET", f"{self._account}/balance")
        balance = answer.get("balance")
        if answer.status != 200 or not isinstance(balance, int | float):
            return None
        return float(balance), str(answer.get("currency") or "")

    def erase(self, sub_account_id: str, umid: str) -> None:
        """Have 8x8 erase number and text of a message; what it does not have is erased."""
        for _ in range(_TRIES):
            answer = self._call("DELETE", f"{_message(sub_account_id, umid)}/pii")
            if answer.status != 429:
                break
            time.sleep(_SECONDS_BETWEEN_QUESTIONS)
        if answer.get("code") != _NOT_FOUND:
            _raise_if_refused(answer)

    @property
    def _account(self) -> str:
        if not self.account_id:
            raise BridgeError(
                "the id of the 8x8 account is not known",
                id="account-id-missing",
                remedy="add --account-id ID once (8x8 Connect shows it)",
            )
        return f"/api/v1/accounts/{quote(self.account_id, safe='')}"

    def _call(self, method: str, path: str, body: object = None) -> Answer:
        return call(method, self.base_url + path, token=self.api_key, body=body)


def _message(sub_account_id: str, umid: str) -> str:
    account = quote(sub_account_id, safe="&")
    return f"/api/v1/subaccounts/{account}/messages/{quote(umid, safe='')}"


def _raise_if_refused(answer: Answer) -> None:
    if answer.status == 401:
        raise BridgeError("8x8 refuses the bridge's API key", id=KEY_REFUSED, remedy=ENTER_THE_KEY)
    if answer.status == 403:
        raise BridgeError(
            "8x8's API key may not use this account",
            id="account-id-wrong",
            remedy="see in 8x8 Connect whether the account id is right: --account-id ID",
        )
    if not 200 <= answer.status < 300:
        code = f", code {answer.code}" if answer.code else ""
        raise BridgeError(f"8x8 refused it (HTTP {answer.status}{code})", id="eightx8-refused")


def account_of(stack: Stack, account_id: str | None = None) -> EightX8Account:
    """Return the account: the one of the given id, or that of which the secret holds the id."""
    key = stack.secret().eightx8_api_key
    if not key:
        raise BridgeError(
            "the secret does not hold 8x8's API key yet",
            id="eightx8-key-missing",
            remedy="sms-bridge configure",
        )
    return EightX8Account(stack.eightx8_url, key, account_id or stack.eightx8_account_id)
