"""What the API says to those who miss its URLs."""

import pytest

from sms_bridge.api.responses import is_only_8x8s, methods_of
from tests.builders import MESSAGE_ID


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
        ("/api/v1/subaccounts/acme/messages/batch", ()),
        ("/API/v1/subaccounts/acme/messages", ()),
    ],
)
def test_a_path_allows_its_methods_and_no_path_allows_more(
    path: str, methods: tuple[str, ...]
) -> None:
    assert methods_of(path) == methods


@pytest.mark.parametrize(
    ("path", "is_8x8s"),
    [
        ("/api/v1/subaccounts/acme/messages/batch", True),
        (f"/api/v1/subaccounts/acme/messages/{MESSAGE_ID}", True),
        ("/api/v1/subaccounts/acme/messages/exports/7", True),
        ("/api/v1/subaccounts/acme/messages/", False),
        ("/api/v1/accounts/acme/messages/batch", False),
        ("/messages/batch", False),
    ],
)
def test_the_rest_of_8x8s_api_is_known(path: str, is_8x8s: bool) -> None:
    assert is_only_8x8s(path) is is_8x8s
