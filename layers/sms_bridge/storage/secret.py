"""The bridge's secret in Secrets Manager: 8x8's API key and the bridge's own tokens."""

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sms_bridge.errors import BridgeError
from sms_bridge.observability import log_failure

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TOKEN_LISTS = ("moengageTokens", "callbackTokens", "lookUpTokens", "fullNumberTokens")

# What a header can carry; tokens have no quotes and commas, which stand around and between them.
_KEY = re.compile("[!-~]+")
_TOKEN = re.compile(r"[!#-+\--~]{16,}")

# While 8x8 refuses the key, or somebody tries tokens: each read costs.
_SECONDS_BETWEEN_LOOKS = 2.0

# After a failed read the old secret serves on, and this long nobody waits for another one.
_SECONDS_BETWEEN_FAILURES = 10.0


class InvalidSecretError(BridgeError):
    """The secret cannot be used; its text says why and quotes nothing."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Secret:
    """What the secret holds. Nothing of it shows in a ``repr``.

    Who sends, calls back, looks up, or looks up whole numbers, has a token. Several are valid at
    once, so that one can be replaced by the next without a gap.
    """

    eightx8_api_key: str
    moengage_data_api_key: str = ""
    moengage_tokens: tuple[str, ...]
    callback_tokens: tuple[str, ...]
    look_up_tokens: tuple[str, ...]
    full_number_tokens: tuple[str, ...]
    hash_key: str
    """For the hashes that stand for numbers in logs and for duplicates in the table. Never empty:
    without it people who opted out would not be known again, and ids could be computed."""

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "Secret":
        """Take what is there; but for the hash key, what is missing is empty."""
        hash_key = _text(values.get("hashKey"))
        if not hash_key:
            raise InvalidSecretError("the secret has no hashKey")
        return cls(
            eightx8_api_key=_text(values.get("eightx8ApiKey"), _KEY),
            moengage_data_api_key=_text(values.get("moengageDataApiKey"), _KEY),
            moengage_tokens=tokens_in(values.get("moengageTokens")),
            callback_tokens=tokens_in(values.get("callbackTokens")),
            look_up_tokens=tokens_in(values.get("lookUpTokens")),
            full_number_tokens=tokens_in(values.get("fullNumberTokens")),
            hash_key=hash_key,
        )


def tokens_in(listed: object) -> tuple[str, ...]:
    """Return the tokens in one of the secret's lists.

    What is too short to be safe is none, nor is what nobody can send: with blanks, line breaks,
    quotes or commas inside, or other letters than ASCII has. People paste them: blanks and line
    breaks around a token do not count, and a token alone is a list of one.
    """
    several = listed if isinstance(listed, list) else [listed]
    return tuple(filter(None, (_text(one, _TOKEN) for one in several)))


def _text(value: object, pattern: str | re.Pattern[str] = "(?s).*") -> str:
    """Return a text without blanks around it, empty for what is not of the pattern."""
    text = value.strip() if isinstance(value, str) else ""
    return text if re.fullmatch(pattern, text) else ""


class SecretSource:
    """Reads the secret, and again when it is older than its age limit or 8x8 refuses the key."""

    def __init__(
        self,
        client: "SecretsManagerClient",
        arn: str,
        *,
        max_age_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._arn = arn
        self._max_age = max_age_seconds
        self._clock = clock
        self._secret: Secret | None = None
        self._read_again_at = 0.0
        self._look_again_at = 0.0

    def get(self) -> Secret:
        """Return the secret.

        When it cannot be read anew, the last one that could be serves on: an outage of Secrets
        Manager, or a mistake in the secret, must not become an outage of the bridge. Only one that
        could never be read raises an error.
        """
        secret = self._secret
        if secret is None or self._clock() >= self._read_again_at:
            return self._read()
        return secret

    def api_key(self, refused: str | None = None) -> str:
        """Return 8x8's key; after 8x8 refused the one that the secret holds, it is read at once."""
        secret = self.get()
        if secret.eightx8_api_key == refused:
            secret = self.get_newer()
        return secret.eightx8_api_key

    def get_newer(self) -> Secret:
        """Read the secret at once, because somebody's token, or a good key, is not in it.

        Not more than once in two seconds; the same secret is returned then.
        """
        if self._clock() < self._look_again_at:
            return self.get()
        self._look_again_at = self._clock() + _SECONDS_BETWEEN_LOOKS
        return self._read()

    def _read(self) -> Secret:
        try:
            self._secret = Secret.from_values(read_values(self._client, self._arn))
            self._read_again_at = self._clock() + self._max_age
        except Exception as error:
            if self._secret is None:
                raise
            log_failure("secret cannot be read; the last one serves on", error)
            self._read_again_at = self._clock() + min(self._max_age, _SECONDS_BETWEEN_FAILURES)
        return self._secret


# ------------------------------------------------------------------------------ changing the secret
def new_token() -> str:
    """Return a token that can be typed into a form and stand in a URL."""
    return secrets.token_urlsafe(32)


def read_values(client: "SecretsManagerClient", arn: str) -> dict[str, Any]:
    """Return what the secret holds."""
    text = client.get_secret_value(SecretId=arn)["SecretString"]
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        # Without its cause: a decoder's error holds the whole text.
        values = None
    if not isinstance(values, dict):
        raise InvalidSecretError("the secret is not a JSON object")
    return values


def change_values(client: "SecretsManagerClient", arn: str, changes: Mapping[str, object]) -> None:
    """Put values into the secret and leave everything else as it is."""
    before = read_values(client, arn)
    after = {**before, **changes}
    if after != before:
        client.put_secret_value(SecretId=arn, SecretString=json.dumps(after))


def add_missing_tokens(client: "SecretsManagerClient", arn: str) -> list[str]:
    """Put a token into each list that has no usable one, and return the names of those lists."""
    values = read_values(client, arn)
    missing = [name for name in TOKEN_LISTS if not tokens_in(values.get(name))]
    change_values(client, arn, {name: [new_token()] for name in missing})
    return missing
