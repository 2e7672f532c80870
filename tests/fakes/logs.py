"""The log in memory."""

import io
import json
from dataclasses import dataclass, field
from typing import Any


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
