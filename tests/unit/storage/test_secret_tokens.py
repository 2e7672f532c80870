"""The tokens that a new stack's secret begins with."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from sms_bridge.storage.secret import add_missing_tokens, new_token
from tests.fakes.aws import REGION

LISTS = ("moengageTokens", "callbackTokens", "lookUpTokens", "fullNumberTokens")

pytestmark = pytest.mark.usefixtures("aws")


class StoredSecret:
    """A secret in moto."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.client = boto3.client("secretsmanager", region_name=REGION)
        secret = self.client.create_secret(Name="secret", SecretString=json.dumps(values))
        self.arn = secret["ARN"]

    def add(self, make_token: Callable[[], str] = new_token) -> dict[str, Any]:
        """Add what is missing and return what the secret holds then."""
        add_missing_tokens(self.client, self.arn, make_token)
        values: dict[str, Any] = json.loads(
            self.client.get_secret_value(SecretId=self.arn)["SecretString"]
        )
        return values

    def versions(self) -> int:
        versions = self.client.list_secret_version_ids(SecretId=self.arn, IncludeDeprecated=True)
        return len(versions["Versions"])


def test_a_new_secret_gets_a_token_for_each_purpose_and_keeps_the_rest() -> None:
    numbers = itertools.count(1)

    values = StoredSecret({"hashKey": "h"}).add(lambda: f"token-{next(numbers)}")

    assert values == {
        "hashKey": "h",
        **{name: [f"token-{number}"] for number, name in enumerate(LISTS, 1)},
    }


def test_tokens_that_are_there_stay() -> None:
    values = StoredSecret(
        {
            "moengageTokens": ["their-token-00001"],
            "callbackTokens": ["short", "theirs, and another"],
        }
    ).add()

    assert values["moengageTokens"] == ["their-token-00001"]
    assert all(len(values[name]) == 1 for name in LISTS)


def test_a_second_time_changes_nothing() -> None:
    secret = StoredSecret({"eightx8ApiKey": "k"})
    first, versions = secret.add(), secret.versions()

    assert secret.add() == first
    assert secret.versions() == versions


def test_tokens_are_all_different_long_and_fit_into_a_url() -> None:
    values = StoredSecret({}).add()

    tokens = {values[name][0] for name in LISTS}
    assert len(tokens) == len(LISTS)
    assert all(
        len(token) >= 43 and token.replace("-", "").replace("_", "").isalnum() for token in tokens
    )
