"""One HTTP API for all tests of a module, and the template."""

from collections.abc import Iterator

import pytest

from tests.docs.http_api import HttpApi, an_http_api
from tests.template.conftest import template

__all__ = ["http_api", "template"]


@pytest.fixture(scope="module")
def http_api() -> Iterator[HttpApi]:
    """The real handlers; 8x8 takes every message."""
    with an_http_api() as http_api:
        yield http_api
