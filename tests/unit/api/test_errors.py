"""The codes that people count and scripts depend on."""

import pytest

from sms_bridge.api.errors import Code, RefusedError

CODES = {
    "body_missing": 400,
    "body_not_utf8": 400,
    "body_invalid": 400,
    "body_too_large": 413,
    "content_type_unsupported": 415,
    "field_missing": 400,
    "field_invalid": 400,
    "field_doubled": 400,
    "fields_swapped": 400,
    "text_too_long": 400,
    "country_not_allowed": 403,
    "idempotency_key_invalid": 400,
    "query_invalid": 400,
    "unauthorized": 401,
    "sub_account_not_allowed": 403,
    "address_not_allowed": 403,
    "full_numbers_not_allowed": 403,
    "not_found": 404,
    "message_not_found": 404,
    "method_not_allowed": 405,
    "eightx8_unauthorized": 502,
    "eightx8_unreachable": 502,
    "eightx8_unavailable": 502,
    "eightx8_throttled": 503,
    "eightx8_timeout": 504,
    "not_configured": 503,
    "unavailable": 503,
}


def test_no_code_was_renamed_dropped_or_added_without_a_thought() -> None:
    assert {str(code) for code in Code} == set(CODES)


@pytest.mark.parametrize(("code", "status"), list(CODES.items()))
def test_each_code_has_its_status(code: str, status: int) -> None:
    assert RefusedError(Code(code), "").status == status


def test_an_exceptions_text_is_its_code_and_nothing_else() -> None:
    refusal = RefusedError(Code.FIELD_INVALID, "to must be a phone number")

    assert str(refusal) == "field_invalid"
