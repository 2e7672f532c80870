"""The tokens that a new stack's secret begins with."""

import json
from typing import Any

import pytest

from sms_bridge.storage.secret import TOKEN_LISTS, add_missing_tokens
from tests.fakes.aws import client_of

pytestmark = pytest.mark.usefixtures("aws")


class StoredSecret:
    """A secret in moto."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.client = client_of("secretsmanager")
        secret = self.client.create_secret(Name="secret", SecretString=json.dumps(values))
        self.arn = secret["ARN"]

    def add(self) -> dict[str, Any]:
        """Add what is missing and return what the secret holds then."""
        add_missing_tokens(self.client, self.arn)
        values: dict[str, Any] = json.loads(
            self.client.get_secret_value(SecretId=self.arn)["SecretString"]
        )
        return values


def test_a_new_secret_gets_a_long_token_for_each_purpose_and_keeps_the_rest() -> None:
    values = StoredSecret({"hashKey": "h"}).add()

    assert values.pop("hashKey") == "h"
    tokens = {name: token for name, (token,) in values.items()}
    assert tuple(tokens) == TOKEN_LISTS
    assert len(set(tokens.values())) == len(TOKEN_LISTS)
    # They fit into a URL.
    assert all(
        len(one) >= 43 and one.replace("-", "").replace("_", "").isalnum()
        for one in tokens.values()
    )


def test_tokens_that_are_there_stay() -> None:
    theirs = {"moengageTokens": ["their-token-00001"], "callbackTokens": ["short", "theirs, two"]}

    values = StoredSecret(theirs).add()

    assert values["moengageTokens"] == ["their-token-00001"]
    assert all(len(values[name]) == 1 for name in TOKEN_LISTS)


def test_a_second_time_changes_nothing() -> None:
    secret = StoredSecret({"eightx8ApiKey": "k"})
    first = secret.add()

    assert secret.add() == first
    versions = secret.client.list_secret_version_ids(SecretId=secret.arn, IncludeDeprecated=True)
    assert len(versions["Versions"]) == 2
