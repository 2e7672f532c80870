"""What the API says to those who miss its URLs."""

import pytest

from sms_bridge.api.responses import is_batch, methods_of, not_offered
from tests.builders import MESSAGE_ID, an_http_request


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/subaccounts/acme/messages", ("POST",)),
        ("/callbacks/8x8", ("POST",)),
        (f"/messages/{MESSAGE_ID}", ("GET",)),
        ("/", ()),
        ("/messages", ("GET",)),
        ("/messages/", ()),
        ("/messages/a/b", ()),
        ("/callbacks/8x8/", ("POST",)),
        ("/callbacks/8x8//", ()),
        ("/api/v1/subaccounts/acme/messages/", ("POST",)),
        ("/callbacks", ()),
        ("/api/v1/subaccounts//messages", ()),
        ("/api/v1/subaccounts/acme/messages/batch", ("POST",)),
        ("/api/v1/subaccounts/acme/messages/batch/", ("POST",)),
        (f"/api/v1/subaccounts/acme/messages/{MESSAGE_ID}", ("GET",)),
        (f"/api/v1/subaccounts/acme/messages/{MESSAGE_ID}/pii", ()),
        ("/API/v1/subaccounts/acme/messages", ()),
    ],
)
def test_a_path_allows_its_methods_and_no_path_allows_more(
    path: str, methods: tuple[str, ...]
) -> None:
    assert methods_of(path) == methods


OF_8X8 = "/api/v1/subaccounts/acme/messages"


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("DELETE", f"{OF_8X8}/{MESSAGE_ID}", "Cancelling"),
        ("DELETE", f"{OF_8X8}/{MESSAGE_ID}/pii", "erasing"),
        ("DELETE", f"{OF_8X8}/batch/{MESSAGE_ID}", "Cancelling"),
        ("POST", f"{OF_8X8}/exports", "export"),
        ("GET", f"{OF_8X8}/exports/7", "export"),
        ("POST", f"{OF_8X8}/{MESSAGE_ID}/feedback", "Feedback"),
        ("POST", "/api/v1/subaccounts/acme/surveys/7/messages", "Surveys"),
        ("GET", "/api/v1/accounts/acme/balance", "account"),
    ],
)
def test_the_rest_of_8x8s_api_is_named(method: str, path: str, what: str) -> None:
    assert what in not_offered(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", OF_8X8),
        ("PUT", f"{OF_8X8}/{MESSAGE_ID}"),
        ("DELETE", f"/messages/{MESSAGE_ID}"),
        ("GET", "/api/v1/subaccounts/acme"),
        ("GET", "/x/api/v1/accounts/acme/balance"),
    ],
)
def test_what_is_not_of_8x8s_api_is_not_said_to_be(method: str, path: str) -> None:
    assert not_offered(method, path) == ""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/subaccounts/acme/messages/batch", True),
        ("/api/v1/subaccounts/acme/messages/batch/", True),
        ("/api/v1/subaccounts/acme/messages", False),
        ("/api/v1/subaccounts/batch/messages/", False),
    ],
)
def test_a_batch_is_known_by_its_url(path: str, expected: bool) -> None:
    assert is_batch(an_http_request(path=path)) is expected
