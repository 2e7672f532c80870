"""The functions' environment variables."""

import re
from enum import StrEnum
from typing import Any, get_type_hints

import pytest

from sms_bridge.settings import (
    CallbackSettings,
    DispatchMode,
    LookUpSettings,
    SendSettings,
    Settings,
    SettingsError,
)
from tests.functions import SETTINGS, variables_of
from tests.template.conftest import PROJECT

KINDS = list(SETTINGS.values())


def enough_for(kind: type[Settings]) -> dict[str, str]:
    hints = get_type_hints(kind)
    return {name: a_value_of(hints[name.lower()]) for name in variables_of(kind, required=True)}


def a_value_of(hint: Any) -> str:
    is_choice = isinstance(hint, type) and issubclass(hint, StrEnum)
    return next(iter(hint)) if is_choice else "900"


SEND = {
    **enough_for(SendSettings),
    "MESSAGES_TABLE": "messages",
    "SUB_ACCOUNT_IDS": "acme, acme_otp, ,",
    "DUPLICATE_WINDOW_SECONDS": "120",
    "DISPATCH_MODE": "direct",
}


def test_each_kind_is_read_in_its_own_type() -> None:
    settings = SendSettings(SEND)

    assert settings.messages_table == "messages"
    assert settings.sub_account_ids == ("acme", "acme_otp")
    assert settings.duplicate_window_seconds == 120
    assert settings.dispatch_mode is DispatchMode.DIRECT


@pytest.mark.parametrize("name", sorted({name for kind in KINDS for name in variables_of(kind)}))
def test_each_setting_is_obeyed_somewhere(name: str) -> None:
    layer = PROJECT / "layers/sms_bridge"
    readers = (*layer.rglob("*.py"), *PROJECT.glob("functions/*/app.py"))
    code = "".join(path.read_text("utf-8") for path in readers)

    assert re.search(rf"\b(self|settings|timeouts)\.{name.lower()}\b", code)


def test_what_may_be_missing_may_be_given() -> None:
    more = {
        "DEFAULT_SENDER_ID": " Acme ",
        "ALLOWED_COUNTRY_CALLING_CODES": "65,49",
        "OPT_OUT_MESSAGE_TYPES": "promotional,transactional",
        "TRANSACTIONAL_SUB_ACCOUNT_IDS": "acme_otp",
        "CALLBACK_BASE_URL": "https://bridge.example",
    }

    settings = SendSettings(SEND | more)

    assert settings.default_sender_id == "Acme"
    assert settings.allowed_country_calling_codes == ("65", "49")
    assert settings.opt_out_message_types == ("promotional", "transactional")
    assert settings.transactional_sub_account_ids == ("acme_otp",)
    assert settings.callback_base_url == "https://bridge.example"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("You are out.", "You are out."),
        (r"\u0412\u044b \u0432\u044b\u0448\u043b\u0438.", "Вы вышли."),
        (r"Adi\u00f3s \ud83d\ude42", "Adiós 🙂"),
        (r"half \ud83d a pair", "half \ufffd a pair"),
        (r"no number \u12", r"no number \u12"),
        (r"C:\temp", r"C:\temp"),
    ],
)
def test_characters_beyond_ascii_may_be_written_by_their_numbers(written: str, text: str) -> None:
    environment = enough_for(CallbackSettings) | {
        "OPT_OUT_REPLY": written,
        "OPT_OUT_KEYWORDS": f"STOP,{written}",
    }

    settings = CallbackSettings(environment)

    assert settings.opt_out_reply == text
    assert settings.opt_out_keywords == ("STOP", text)


@pytest.mark.parametrize("kind", KINDS)
def test_each_function_starts_with_what_it_requires(kind: type[Settings]) -> None:
    assert kind(enough_for(kind)).messages_table == "900"


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in KINDS for name in variables_of(kind, required=True)],
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_each_variable_that_is_missing_is_named(
    kind: type[Settings], name: str, value: str | None
) -> None:
    environment = enough_for(kind)
    del environment[name]
    if value is not None:
        environment[name] = value

    with pytest.raises(SettingsError, match=f"^{name} is missing$"):
        kind(environment)


@pytest.mark.parametrize("value", ["soon", "1.5", "-1", "1e3", "0x10"])
@pytest.mark.parametrize("name", ["SECRET_MAX_AGE_SECONDS", "DUPLICATE_WINDOW_SECONDS"])
def test_a_number_that_is_none_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not a whole number$"):
        SendSettings(SEND | {name: value})


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [
        ("DISPATCH_MODE", "Direct", "direct, queued"),
        ("DISPATCH_MODE", "both", "direct, queued"),
        ("OPT_OUT_MESSAGE_TYPES", "promotional,other", "transactional, promotional"),
    ],
)
def test_a_choice_that_is_none_is_named_with_those_that_there_are(
    name: str, value: str, choices: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not one of {choices}$"):
        SendSettings(SEND | {name: value})


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        LookUpSettings({"SECRET_MAX_AGE_SECONDS": "soon"})

    assert str(caught.value) == (
        "BRIDGE_SECRET_ARN is missing; SECRET_MAX_AGE_SECONDS is not a whole number; "
        "MESSAGES_TABLE is missing; EIGHTX8_BASE_URL is missing; SUB_ACCOUNT_IDS is missing"
    )
