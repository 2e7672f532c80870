"""The tokens that a new stack's secret begins with."""

import json
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TOKEN_LISTS = ("moengageTokens", "callbackTokens", "lookUpTokens", "fullNumberTokens")


def new_token() -> str:
    """Return a token that can be typed into a form and stand in a URL."""
    return secrets.token_urlsafe(32)


def add_missing_tokens(
    client: "SecretsManagerClient", arn: str, make_token: Callable[[], str] = new_token
) -> None:
    """Put a token into each list that has none, and leave everything else as it is."""
    values = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
    missing = [name for name in TOKEN_LISTS if not values.get(name)]
    if missing:
        values |= {name: [make_token()] for name in missing}
        client.put_secret_value(SecretId=arn, SecretString=json.dumps(values))
