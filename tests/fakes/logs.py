"""The log in memory."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from sms_bridge.observability import logger


@dataclass
class WrittenLog:
    """What was logged, as CloudWatch would get it."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def logged() -> Iterator[WrittenLog]:
    """The log of this test alone."""
    written = WrittenLog()
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(written.stream)
    yield written
    handler.setStream(before)
