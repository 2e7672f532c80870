"""The functions' environment variables."""

from dataclasses import MISSING, Field, fields
from typing import Any

import pytest

from sms_bridge.settings import (
    CallbackSettings,
    ForwardSettings,
    LookUpSettings,
    SendSettings,
    SettingsError,
    read_settings,
)

KINDS: list[type[Any]] = [SendSettings, CallbackSettings, ForwardSettings, LookUpSettings]

SEND = {
    "BRIDGE_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:1:secret:s",
    "SECRET_MAX_AGE_SECONDS": "300",
    "MESSAGES_TABLE": "messages",
    "RETENTION_DAYS": "90",
    "OUTCOME_QUEUE_URL": "https://sqs.example/outcomes",
    "EIGHTX8_BASE_URL": "https://sms.8x8.com",
    "SUB_ACCOUNT_IDS": "acme, acme_otp,",
}


def required(kind: type[Any]) -> list[Field[Any]]:
    return [field for field in fields(kind) if field.default is MISSING]


def enough_for(kind: type[Any]) -> dict[str, str]:
    return {field.name.upper(): "1" for field in required(kind)}


def test_everything_is_read_in_its_own_type() -> None:
    assert read_settings(SendSettings, SEND) == SendSettings(
        bridge_secret_arn="arn:aws:secretsmanager:eu-central-1:1:secret:s",
        secret_max_age_seconds=300,
        messages_table="messages",
        retention_days=90,
        outcome_queue_url="https://sqs.example/outcomes",
        eightx8_base_url="https://sms.8x8.com",
        sub_account_ids=("acme", "acme_otp"),
    )


def test_what_may_be_missing_may_be_given() -> None:
    more = {
        "DEFAULT_SENDER_ID": " Acme ",
        "ALLOWED_COUNTRY_CALLING_CODES": "65,49",
        "DUPLICATE_WINDOW_SECONDS": "0",
        "CALLBACK_BASE_URL": "https://bridge.example",
    }

    settings = read_settings(SendSettings, SEND | more)

    assert settings.default_sender_id == "Acme"
    assert settings.allowed_country_calling_codes == ("65", "49")
    assert settings.duplicate_window_seconds == 0
    assert settings.callback_base_url == "https://bridge.example"


@pytest.mark.parametrize("kind", KINDS)
def test_each_function_starts_with_what_it_requires(kind: type[Any]) -> None:
    assert read_settings(kind, enough_for(kind))


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, field.name.upper()) for kind in KINDS for field in required(kind)],
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_each_variable_that_is_missing_is_named(
    kind: type[Any], name: str, value: str | None
) -> None:
    environment = enough_for(kind)
    del environment[name]
    if value is not None:
        environment[name] = value

    with pytest.raises(SettingsError, match=f"^{name} is missing$"):
        read_settings(kind, environment)


@pytest.mark.parametrize("value", ["soon", "1.5", "-1", "1e3", "0x10"])
@pytest.mark.parametrize("name", ["SECRET_MAX_AGE_SECONDS", "DUPLICATE_WINDOW_SECONDS"])
def test_a_number_that_is_none_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not a whole number$"):
        read_settings(SendSettings, SEND | {name: value})


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(LookUpSettings, {"SECRET_MAX_AGE_SECONDS": "soon"})

    assert str(caught.value) == (
        "BRIDGE_SECRET_ARN is missing; SECRET_MAX_AGE_SECONDS is not a whole number; "
        "MESSAGES_TABLE is missing"
    )
