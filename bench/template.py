"""The template as CloudFormation would make it, with the stack within it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sms_bridge.services.dispatch import seconds_for
from tests.template.conftest import read_template
from tests.template.evaluated import Evaluated

# CloudWatch Logs adds so many to every line that it takes in.
BYTES_A_LINE = 26


class Stack(Evaluated):
    """What a template makes; ``given`` are the parameters that differ from their defaults."""

    def __init__(self, file: str | Path = "template.yaml", **given: str) -> None:
        super().__init__(read_template(file), given)

    def everywhere(self, type_: str) -> Iterator[dict[str, Any]]:
        """Give the properties of the resources of a type, nested stacks' too."""
        for name, properties in self.resources.items():
            match self.template.resources[name]["Type"]:
                case "AWS::Serverless::Application":
                    nested = Stack(properties["Location"], **properties["Parameters"])
                    yield from nested.everywhere(type_)
                case found if found == type_:
                    yield properties

    def number(self, parameter: str) -> int:
        return int(self.values[parameter])

    @property
    def dispatch_batch(self) -> int:
        """How many messages Lambda hands to `dispatch_queue` at once, at most."""
        sources = self.resources["DispatchQueue"]["Events"].values()
        return max(int(one["Properties"]["BatchSize"]) for one in sources)

    @property
    def pace(self) -> float:
        """Seconds that a dispatched message takes at least: both queues keep under one rate."""
        rate, at_once = self.number("SendRateLimit"), 2 * self.number("DispatchConcurrency")
        return seconds_for(1, rate=rate, at_once=at_once)


@dataclass(frozen=True)
class Settings:
    """How the functions are set up; by default as is usual with the Tracer."""

    memory_mb: int = 512
    traced: float = 0.05
    has_platform_lines: bool = True
    access_log_bytes: int = 0
    pace: float = 0.0

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Return those of the bridge."""
        shared = stack.of(stack.template.content["Globals"]["Function"])
        format_ = stack.resources["HttpApi"]["AccessLogSettings"]["Format"]
        return cls(
            memory_mb=shared["MemorySize"],
            traced=0.05 if shared.get("Tracing") == "Active" else 0.0,
            has_platform_lines=shared["LoggingConfig"].get("SystemLogLevel") != "WARN",
            access_log_bytes=len(re.sub(r"\$context[\w.]+", "x" * 12, format_)) + BYTES_A_LINE,
            pace=stack.pace,
        )
