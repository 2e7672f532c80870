"""The URLs of the API, for those who miss them."""

import re

# As in template.yaml.
_ROUTES = (
    (re.compile(r"/api/v1/subaccounts/[^/]+/messages"), ("POST",)),
    (re.compile(r"/callbacks/8x8"), ("POST",)),
    (re.compile(r"/messages"), ("GET",)),
    (re.compile(r"/messages/[^/]+"), ("GET",)),
)


def methods_of(path: str) -> tuple[str, ...]:
    """Return the methods that a path allows, none where there is nothing at it."""
    return next((methods for route, methods in _ROUTES if route.fullmatch(path)), ())
