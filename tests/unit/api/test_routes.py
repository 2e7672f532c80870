"""What the API says to those who miss its URLs."""

import pytest

from sms_bridge.api.responses import methods_of
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
        ("/callbacks/8x8/", ()),
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
