"""What the unit tests share."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from sms_bridge.logs import logger
from tests.fakes.logs import WrittenLog

# How fast the machine is today is no property of the code.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


@pytest.fixture
def logged() -> Iterator[WrittenLog]:
    """The log of this test alone."""
    written = WrittenLog()
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(written.stream)
    yield written
    handler.setStream(before)
