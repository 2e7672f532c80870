"""The template as CloudFormation would make it, with the stack within it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.template.conftest import PROJECT, read_template
from tests.template.evaluated import Evaluated


class Stack:
    """What a template makes: the resources' properties by name, and those all functions share."""

    def __init__(self, file: Path = PROJECT / "template.yaml", **given: str) -> None:
        """Read a template; ``given`` are the parameters that differ from their defaults."""
        self.template = read_template(file)
        evaluated = Evaluated(self.template, given)
        self.values = evaluated.values
        self.resources = evaluated.resources
        self.shared = evaluated.of(self.template.content.get("Globals", {}).get("Function", {}))
        inner = self.of_type("AWS::Serverless::Application").values()
        self.nested = [Stack(file.parent / one["Location"], **one["Parameters"]) for one in inner]

    def of_type(self, type_: str) -> dict[str, dict[str, Any]]:
        """Return the properties of this stack's resources of a type, by name."""
        types = self.template.resources
        return {name: one for name, one in self.resources.items() if types[name]["Type"] == type_}

    def everywhere(self, type_: str) -> Iterator[dict[str, Any]]:
        """Give the properties of the resources of a type, nested stacks' too."""
        yield from self.of_type(type_).values()
        for stack in self.nested:
            yield from stack.everywhere(type_)

    def number(self, parameter: str) -> int:
        return int(self.values[parameter])

    @property
    def dispatch_batch(self) -> int:
        """How many messages Lambda hands to `dispatch_queue` at once, at most."""
        sources = self.resources["DispatchQueue"]["Events"].values()
        return max(int(one["Properties"]["BatchSize"]) for one in sources)


@dataclass(frozen=True)
class Settings:
    """How the functions are set up; by default as is usual with the Tracer."""

    memory_mb: int = 512
    traced: float = 0.05
    has_platform_lines: bool = True
    access_log_bytes: int = 0
    # Seconds that a message of a batch takes at least, so that all dispatchers together keep under
    # the send rate.
    pace: float = 0.0

    @classmethod
    def of(cls, stack: Stack) -> "Settings":
        """Return those of the bridge."""
        format_ = stack.resources["HttpApi"]["AccessLogSettings"]["Format"]
        dispatchers, rate = stack.number("DispatchConcurrency"), stack.number("SendRateLimit")
        return cls(
            memory_mb=stack.shared["MemorySize"],
            traced=0.05 if stack.shared.get("Tracing") == "Active" else 0.0,
            has_platform_lines=stack.shared["LoggingConfig"].get("SystemLogLevel") != "WARN",
            access_log_bytes=len(re.sub(r"\$context[\w.]+", "x" * 12, format_)),
            pace=2 * dispatchers / rate if rate else 0.0,
        )
