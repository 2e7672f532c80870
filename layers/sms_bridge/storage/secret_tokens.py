"""Changes what the secret holds: keys that a person puts there, and the bridge's own tokens."""

import json
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TOKEN_LISTS = ("moengageTokens", "callbackTokens", "lookUpTokens", "fullNumberTokens")


def new_token() -> str:
    """Return a token that can be typed into a form and stand in a URL."""
    return secrets.token_urlsafe(32)


def read_values(client: "SecretsManagerClient", arn: str) -> dict[str, Any]:
    """Return what the secret holds.

    Raises
    ------
    ValueError
        When it is not a JSON object.
    """
    values = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
    if not isinstance(values, dict):
        raise ValueError("the secret is not a JSON object")
    return values


def change_values(
    client: "SecretsManagerClient", arn: str, changes: Mapping[str, object]
) -> dict[str, Any]:
    """Put values into the secret, leave everything else as it is, and return all of it."""
    before = read_values(client, arn)
    after = {**before, **changes}
    if after != before:
        client.put_secret_value(SecretId=arn, SecretString=json.dumps(after))
    return after


def add_missing_tokens(
    client: "SecretsManagerClient", arn: str, make_token: Callable[[], str] = new_token
) -> list[str]:
    """Put a token into each list that has none, and return the names of those lists."""
    values = read_values(client, arn)
    missing = [name for name in TOKEN_LISTS if not values.get(name)]
    change_values(client, arn, {name: [make_token()] for name in missing})
    return missing
