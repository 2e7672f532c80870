"""The forms as JSON, there and back, and what is wrong in them."""

from dataclasses import replace
from typing import Any

import pytest

from local.connector import DELIVERY_TRACKING, senders
from local.console.forms import (
    FormError,
    instruction_of,
    sender_form,
    sender_of,
    tracking_form,
    tracking_of,
    what_to_type,
)
from local.eightx8 import Course, Instruction

SENDERS = senders(
    "http://127.0.0.1:8080/api/v1/subaccounts/Acme/messages",
    "http://127.0.0.1:8080/api/v1/subaccounts/Offers/messages",
    "the-token",
    "Acme",
)


@pytest.mark.parametrize("sender", list(SENDERS), ids=lambda sender: str(sender.body_type))
def test_a_sender_comes_back_as_it_was(sender: Any) -> None:
    assert sender_of(sender_form(sender)) == sender


def test_a_mapping_comes_back_as_it_was_its_success_values_separated_by_commas() -> None:
    form = tracking_form(DELIVERY_TRACKING)

    assert tracking_of(form) == DELIVERY_TRACKING
    more = tracking_of({**form, "successValues": " DELIVERED,READ , "})
    assert more.success_values == ("DELIVERED", "READ")


WRONG: dict[str, list[object]] = {
    "apiUrl": [
        *("https://gateway.example/send", "http://127.0.0.1.example/send", "http://10.0.0.1/send"),
        *("file:///etc/passwd", "http://[::1", "http://127.0.0.1:99999/", ""),
    ],
    "method": ["PATCH"],
    "type": ["Urgent"],
    "bodyType": ["XML"],
    "name": [5, "x" * 101],
    "headers": [
        *([{"key": "", "value": "alone"}], [{"key": "Two words", "value": "x"}]),
        *([{"key": "Line", "value": "a\nb"}], "Authorization"),
    ],
    "body": [[5]],
}


@pytest.mark.parametrize("field", WRONG)
def test_what_moengage_would_not_take_or_would_call_elsewhere(field: str) -> None:
    for value in WRONG[field]:
        with pytest.raises(FormError) as caught:
            sender_of({**sender_form(SENDERS.transactional), field: value})

        assert caught.value.field in (field, "key")


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "127.1.2.3:80", "[::1]:8080"])
def test_this_machine_may_be_called(host: str) -> None:
    form = {**sender_form(SENDERS.transactional), "apiUrl": f"http://{host}/send"}

    assert sender_of(form).api_url == f"http://{host}/send"


@pytest.mark.parametrize("field", ["sentUniqueId", "status", "successValues", "failureReason"])
def test_a_mapping_without_a_value(field: str) -> None:
    with pytest.raises(FormError, match="must not be empty"):
        tracking_of({**tracking_form(DELIVERY_TRACKING), field: " "})


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"course": "explode"}, "course"),
        ({}, "course"),
        ({"course": "fail", "errorCode": 6}, "errorCode"),
        ({"course": "fail", "errorCode": True}, "errorCode"),
        ({"course": "late", "seconds": 61}, "seconds"),
        ({"course": "error", "accepted": "yes"}, "accepted"),
        ({"course": "error", "silent": 1}, "silent"),
        ({"course": "drop", "once": None}, "once"),
    ],
)
def test_an_instruction_that_cannot_be_followed(form: dict[str, Any], field: str) -> None:
    followed = instruction_of({"course": "fail", "errorCode": 43})
    assert followed == Instruction(course=Course.FAIL, error_code=43)
    with pytest.raises(FormError) as caught:
        instruction_of(form)

    assert caught.value.field == field


def test_what_to_type_has_every_field_and_neither_this_stacks_host_nor_its_token() -> None:
    rows = {row["field"]: row for row in what_to_type(SENDERS.transactional)}

    assert rows["API URL"]["value"] == (
        "https://YOUR_BRIDGE/api/v1/subaccounts/YOUR_SUB_ACCOUNT/messages"
    )
    assert rows["Header Authorization"]["value"] == "Bearer YOUR_TOKEN"
    assert rows["Header Content-Type"]["value"] == "application/json"
    assert rows["Body recipient"]["value"] == "Moesms_destination"
    assert {name for name, row in rows.items() if row["own"]} == {"API URL", "Header Authorization"}
    assert rows["Sender name"]["source"] != rows["Body sender"]["source"]
    assert "the-token" not in str(rows)
    assert "127.0.0.1" not in str(rows)


def test_what_to_type_leaves_a_forms_content_type_to_moengage_and_names_a_header_once() -> None:
    form = what_to_type(SENDERS.promotional)
    raw = what_to_type(replace(SENDERS.raw, headers={"content-type": "text/json"}))

    assert not [row for row in form if "Content-Type" in row["field"]]
    assert [row["value"] for row in raw if "Content-Type" in row["field"]] == ["text/json"]
