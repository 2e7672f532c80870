"""The reasons that people count and scripts depend on."""

import pytest

from sms_bridge.api.errors import FIELD_CODES, FieldError, Reason, RefusedError
from sms_bridge.providers.eightx8_errors import RESULTS_BY_CODE

REASONS = {
    "body_missing": (400, 1000),
    "body_not_utf8": (400, 1000),
    "body_invalid": (400, 1000),
    "body_too_large": (413, 1010),
    "content_type_unsupported": (415, 1000),
    "field_missing": (400, 1000),
    "field_invalid": (400, 1000),
    "field_doubled": (400, 1000),
    "fields_swapped": (400, 1002),
    "macro_not_filled": (400, 1000),
    "text_too_long": (400, 3006),
    "too_many_messages": (400, 1100),
    "country_not_allowed": (403, 1009),
    "idempotency_key_invalid": (400, 1008),
    "query_invalid": (400, 1000),
    "unauthorized": (401, 1200),
    "sub_account_not_allowed": (403, 1001),
    "address_not_allowed": (403, 1201),
    "full_numbers_not_allowed": (403, 1201),
    "not_found": (404, 1300),
    "not_offered": (404, 2001),
    "message_not_found": (404, 1300),
    "method_not_allowed": (405, 2001),
    "eightx8_unauthorized": (502, 2000),
    "eightx8_unreachable": (502, 2000),
    "eightx8_unavailable": (502, 2000),
    "eightx8_throttled": (503, 2000),
    "eightx8_timeout": (504, 2000),
    "not_configured": (503, 2000),
    "unavailable": (503, 2000),
}


def test_no_reason_was_renamed_dropped_or_added_without_a_thought() -> None:
    assert {str(reason) for reason in Reason} == set(REASONS)


@pytest.mark.parametrize(("reason", "answer"), list(REASONS.items()))
def test_each_reason_has_its_status_and_8x8s_code(reason: str, answer: tuple[int, int]) -> None:
    refusal = RefusedError(Reason(reason), "")

    assert (refusal.status, refusal.code) == answer


def test_every_code_is_one_of_8x8s() -> None:
    codes = {reason.code for reason in Reason} | set(FIELD_CODES.values())

    assert codes <= set(RESULTS_BY_CODE)


def test_the_first_field_that_is_wrong_decides_the_code() -> None:
    errors = [FieldError("to", "is short", name="destination"), FieldError("text", "is long")]

    assert RefusedError(Reason.FIELD_INVALID, "", *errors).code == 1002
    assert RefusedError(Reason.FIELD_INVALID, "", *reversed(errors)).code == 1000
    assert RefusedError(Reason.TEXT_TOO_LONG, "", *errors).code == 3006


def test_an_exceptions_text_is_its_reason_and_nothing_else() -> None:
    refusal = RefusedError(Reason.FIELD_INVALID, "to must be a phone number")

    assert str(refusal) == "field_invalid"
