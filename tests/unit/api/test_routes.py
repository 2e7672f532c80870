"""What the API says to those who miss its URLs."""

import pytest

from sms_bridge.api.errors import Reason
from sms_bridge.api.responses import methods_of, refusal_of
from tests.builders import MESSAGE_ID

OF_8X8 = "/api/v1/subaccounts/acme/messages"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (OF_8X8, ("POST",)),
        (f"{OF_8X8}/", ("POST",)),
        (f"{OF_8X8}/batch", ("POST",)),
        (f"{OF_8X8}/batch/", ("POST",)),
        (f"{OF_8X8}/{MESSAGE_ID}", ("GET",)),
        (f"{OF_8X8}/{MESSAGE_ID}/pii", ()),
        ("/api/v1/subaccounts//messages", ()),
        ("/API/v1/subaccounts/acme/messages", ()),
        ("/callbacks/8x8", ("POST",)),
        ("/callbacks/8x8/", ("POST",)),
        ("/callbacks/8x8//", ()),
        ("/callbacks", ()),
        (f"/messages/{MESSAGE_ID}", ("GET",)),
        ("/messages", ("GET",)),
        ("/messages/", ()),
        ("/messages/a/b", ()),
        ("/", ()),
    ],
)
def test_a_path_allows_its_methods_and_no_path_allows_more(
    path: str, methods: tuple[str, ...]
) -> None:
    assert methods_of(path) == methods


NOT_OFFERED, WRONG_METHOD = Reason.NOT_OFFERED, Reason.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    ("request_", "reason", "message"),
    [
        (f"DELETE {OF_8X8}/{MESSAGE_ID}", NOT_OFFERED, "Cancelling and erasing messages: 8x8"),
        (f"DELETE {OF_8X8}/{MESSAGE_ID}/pii", NOT_OFFERED, "Cancelling and erasing messages: 8x8"),
        (f"DELETE {OF_8X8}/batch/{MESSAGE_ID}", NOT_OFFERED, "Cancelling and erasing messages"),
        (f"POST {OF_8X8}/exports", NOT_OFFERED, "The export of the log: 8x8 offers that"),
        (f"GET {OF_8X8}/exports/7", NOT_OFFERED, "The export of the log: 8x8 offers that"),
        (f"POST {OF_8X8}/{MESSAGE_ID}/feedback", NOT_OFFERED, "Feedback on a message: 8x8"),
        ("POST /api/v1/subaccounts/acme/surveys/7/messages", NOT_OFFERED, "Surveys: 8x8 offers"),
        ("GET /api/v1/accounts/acme/balance", NOT_OFFERED, "What concerns the account"),
        (f"GET {OF_8X8}", WRONG_METHOD, "This URL takes POST."),
        (f"PUT {OF_8X8}/{MESSAGE_ID}", WRONG_METHOD, "This URL takes GET."),
        (f"DELETE /messages/{MESSAGE_ID}", WRONG_METHOD, "This URL takes GET."),
        ("GET /api/v1/subaccounts/acme", Reason.NOT_FOUND, "There is nothing at this URL."),
        ("GET /x/api/v1/accounts/acme/balance", Reason.NOT_FOUND, "There is nothing at this URL."),
    ],
)
def test_who_misses_the_urls_is_told_what_8x8_offers_and_the_bridge_takes(
    request_: str, reason: Reason, message: str
) -> None:
    refusal = refusal_of(*request_.split())

    assert (refusal.reason, refusal.message.startswith(message)) == (reason, True)
    assert ("allow" in refusal.headers) is (reason is WRONG_METHOD)
