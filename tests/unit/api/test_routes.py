"""What the API says to those who miss its URLs."""

import pytest

from sms_bridge.api.request import Reason
from sms_bridge.api.responses import refusal_of
from tests.builders import MESSAGE_ID

OF_8X8 = "/api/v1/subaccounts/acme/messages"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        *((f"{OF_8X8}{end}", "POST") for end in ("", "/", "/batch", "/batch/")),
        *(("/callbacks/8x8", "POST"), ("/callbacks/8x8/", "POST")),
        *(("/messages", "GET"), (f"/messages/{MESSAGE_ID}", "GET")),
    ],
)
def test_a_method_that_a_url_does_not_take_is_refused_with_the_one_that_it_takes(
    path: str, allowed: str
) -> None:
    refusal = refusal_of(path)

    assert refusal.reason is Reason.METHOD_NOT_ALLOWED
    assert (refusal.message, refusal.headers) == (f"This URL takes {allowed}.", {"allow": allowed})


@pytest.mark.parametrize(
    "path",
    [
        # To cancel, to erase, the log, feedback, surveys, the account.
        *(f"{OF_8X8}/{MESSAGE_ID}{end}" for end in ("", "/pii", "/feedback")),
        *(f"{OF_8X8}/batch/{MESSAGE_ID}", f"{OF_8X8}/exports", f"{OF_8X8}/exports/7"),
        *("/api/v1/subaccounts/acme/surveys/7/messages", "/api/v1/accounts/acme/balance"),
        *("/api/v1/subaccounts//messages", OF_8X8.upper(), f"/x{OF_8X8}"),
        *("/", "/callbacks", "/callbacks/8x8//", "/messages/", "/messages/a/b"),
    ],
)
def test_nothing_else_is_there_and_what_8x8_offers_is_named(path: str) -> None:
    refusal = refusal_of(path)

    assert (refusal.reason, refusal.headers) == (Reason.NOT_FOUND, {})
    assert "ask 8x8 itself for the rest" in refusal.message
