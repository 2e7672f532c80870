"""The tables of docs/http-api.md are those of the code, and what it says of repeats holds."""

import re

import pytest

from scripts.reason_tables import failures, send_results, with_tables
from sms_bridge.api.batch_request import BATCH_FIELDS
from sms_bridge.api.request import Reason
from sms_bridge.api.send_request import (
    FIELDS,
    FIRST_NAMES,
    NAMES,
    OPTIONS,
    by_first_name,
    read_message,
)
from sms_bridge.domain.duplicates import claim_key
from sms_bridge.services.forward import NO_URL
from tests.builders import send_settings
from tests.docs.markdown import rows_of, words_in
from tests.template.conftest import PROJECT

DOCUMENT = "docs/http-api.md"


def test_every_reason_stands_with_its_status_and_code() -> None:
    documented = [
        (int(status), int(code), *words_in(reason))
        for status, code, reason, _ in rows_of(DOCUMENT, "| status | code | reason | |")
    ]

    assert documented == [(reason.status, reason.code, str(reason)) for reason in Reason]


def test_every_fields_code_is_given() -> None:
    rows = rows_of(DOCUMENT, "| field | code |")

    codes = {name: code for name, (code, *_) in {**FIELDS, **BATCH_FIELDS}.items() if code != 1000}
    assert {words_in(field)[0]: int(code) for field, code in rows} == codes


def test_every_field_is_there_and_no_other() -> None:
    rows = rows_of(DOCUMENT, "| field | also accepted as | |")

    named = [name for row in rows for name in words_in(row[0]) + words_in(row[1])]

    assert sorted(named) == sorted(name for names in NAMES.values() for name in names)


@pytest.mark.parametrize(
    "names", [names for first, names in NAMES.items() if first not in OPTIONS], ids=" ".join
)
def test_every_name_of_a_field_stands_in_its_row(names: tuple[str, ...]) -> None:
    rows = rows_of(DOCUMENT, "| field | also accepted as | |")
    [row] = [row for row in rows if names[0] in words_in(row[0])]

    assert tuple(words_in(row[0]) + words_in(row[1])) == names


# Two values of each field that a caller may send.
TWO_VALUES = {
    "destination": ("+6591234567", "+6591234568"),
    "text": ("Hello", "Hello."),
    "source": ("Acme", "acme"),
    "clientMessageId": ("1", "2"),
    "campaignId": ("1", "2"),
    "messageType": ("transactional", "promotional"),
    "dltTemplateId": ("1", "2"),
    "country": ("SG", "HK"),
    "encoding": ("GSM7", "UCS2"),
    "scheduled": ("2026-11-24T09:30:00Z", "2026-11-24T09:30:01Z"),
    "expiry": ("2026-11-24T09:30:00Z", "2026-11-24T09:30:01Z"),
    "dlrCallbackUrl": ("https://acme.example/1", "https://acme.example/2"),
    "clientIp": ("203.0.113.1", "203.0.113.2"),
    "track": ("None", "Outcome"),
}


@pytest.mark.parametrize("field", NAMES)
def test_a_message_is_another_one_if_any_field_of_the_table_differs(field: str) -> None:
    settings = send_settings(caller_callback_hosts=("acme.example",))
    fields = {"destination": "+6591234567", "text": "Hello"}
    requests = [
        read_message(by_first_name({**fields, field: value}.items(), FIRST_NAMES), settings, "acme")
        for value in TWO_VALUES[field]
    ]

    keys = [claim_key(one, window_seconds=120, hash_key="k") for one in requests]

    assert len({key.value for key in keys if key}) == 2


def test_the_reasons_are_those_of_the_code() -> None:
    document = (PROJECT / DOCUMENT).read_text("utf-8")

    assert with_tables(document) == document, "run `make tables`"


def test_why_outcomes_are_given_up_without_a_url_is_named() -> None:
    assert f"(`{NO_URL}`)" in (PROJECT / DOCUMENT).read_text("utf-8")


def test_reasons_are_short_words() -> None:
    reasons = {*failures(), *(one.reason for one in send_results())} - {""}

    assert all(re.fullmatch(r"[a-z][a-zN0-9_]{2,40}", reason) for reason in reasons)
