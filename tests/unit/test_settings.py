"""The functions' environment variables."""

import re
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from typing import Any, get_type_hints

import pytest

from sms_bridge.settings import SettingsError, read_settings
from sms_bridge.settings.dispatch import DispatchSettings
from sms_bridge.settings.forward import ForwardSettings
from sms_bridge.settings.look_up import LookUpSettings
from sms_bridge.settings.receive import CallbackSettings
from sms_bridge.settings.reconcile import ReconcileSettings
from sms_bridge.settings.send import DispatchMode, SendSettings
from tests.template.conftest import PROJECT

KINDS: list[type[Any]] = [
    SendSettings,
    DispatchSettings,
    CallbackSettings,
    ForwardSettings,
    LookUpSettings,
    ReconcileSettings,
]


def required(kind: type[Any]) -> list[Field[Any]]:
    return [field for field in fields(kind) if field.default is MISSING]


def enough_for(kind: type[Any]) -> dict[str, str]:
    hints = get_type_hints(kind)
    return {field.name.upper(): a_value_of(hints[field.name]) for field in required(kind)}


def a_value_of(hint: Any) -> str:
    is_choice = isinstance(hint, type) and issubclass(hint, StrEnum)
    return next(iter(hint)) if is_choice else "900"


SEND = {
    **enough_for(SendSettings),
    "MESSAGES_TABLE": "messages",
    "SUB_ACCOUNT_IDS": "acme, acme_otp,",
    "DUPLICATE_WINDOW_SECONDS": "120",
    "DISPATCH_MODE": "direct",
}


def test_each_kind_is_read_in_its_own_type() -> None:
    settings = read_settings(SendSettings, SEND)

    assert settings.messages_table == "messages"
    assert settings.sub_account_ids == ("acme", "acme_otp")
    assert settings.duplicate_window_seconds == 120
    assert settings.dispatch_mode is DispatchMode.DIRECT


@pytest.mark.parametrize("name", sorted({field.name for kind in KINDS for field in fields(kind)}))
def test_each_setting_is_obeyed_somewhere(name: str) -> None:
    layer = PROJECT / "layers/sms_bridge"
    readers = (layer / "wiring.py", *layer.glob("api/*.py"), *PROJECT.glob("functions/*/app.py"))
    code = "".join(path.read_text("utf-8") for path in readers)

    assert re.search(rf"\bsettings\.{name}\b", code)


def test_what_may_be_missing_may_be_given() -> None:
    more = {
        "DEFAULT_SENDER_ID": " Acme ",
        "ALLOWED_COUNTRY_CALLING_CODES": "65,49",
        "OPT_OUT_MESSAGE_TYPES": "promotional,transactional",
        "TRANSACTIONAL_SUB_ACCOUNT_IDS": "acme_otp",
        "CALLBACK_BASE_URL": "https://bridge.example",
    }

    settings = read_settings(SendSettings, SEND | more)

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

    settings = read_settings(CallbackSettings, environment)

    assert settings.opt_out_reply == text
    assert settings.opt_out_keywords == ("STOP", text)


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


def test_a_time_in_which_the_log_could_prove_nothing_is_refused() -> None:
    environment = enough_for(ReconcileSettings)
    environment["UNRESOLVED_TIMEOUT_SECONDS"] = "899"

    with pytest.raises(SettingsError, match=r"^UNRESOLVED_TIMEOUT_SECONDS is less than 900$"):
        read_settings(ReconcileSettings, environment)


@pytest.mark.parametrize("value", ["soon", "1.5", "-1", "1e3", "0x10"])
@pytest.mark.parametrize("name", ["SECRET_MAX_AGE_SECONDS", "DUPLICATE_WINDOW_SECONDS"])
def test_a_number_that_is_none_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not a whole number$"):
        read_settings(SendSettings, SEND | {name: value})


@pytest.mark.parametrize("value", ["Direct", "hold", "both"])
def test_a_choice_that_is_none_is_named_with_those_that_there_are(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^DISPATCH_MODE is not one of direct, queued$"):
        read_settings(SendSettings, SEND | {"DISPATCH_MODE": value})


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(LookUpSettings, {"SECRET_MAX_AGE_SECONDS": "soon"})

    assert str(caught.value) == (
        "BRIDGE_SECRET_ARN is missing; SECRET_MAX_AGE_SECONDS is not a whole number; "
        "MESSAGES_TABLE is missing; EIGHTX8_BASE_URL is missing; SUB_ACCOUNT_IDS is missing"
    )
