"""The template as CloudFormation would make it, with the stack within it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.template.conftest import read_template
from tests.template.evaluated import Evaluated

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"


@dataclass
class Stack:
    """A template, and parameters that differ from their defaults."""

    file: Path = TEMPLATE
    given: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def evaluated(self) -> Evaluated:
        return Evaluated(read_template(self.file), dict(self.given))

    @cached_property
    def nested(self) -> list[Stack]:
        found = self.of_type("AWS::Serverless::Application").values()
        return [Stack(self.file.parent / one["Location"], one["Parameters"]) for one in found]

    def of_type(self, type_: str) -> dict[str, dict[str, Any]]:
        """Return the properties of this stack's resources of a type, by name."""
        types = self.evaluated.template.resources
        made = self.evaluated.resources
        return {name: one for name, one in made.items() if types[name]["Type"] == type_}

    def everywhere(self, type_: str) -> Iterator[dict[str, Any]]:
        """Give the properties of the resources of a type, nested stacks' too."""
        yield from self.of_type(type_).values()
        for stack in self.nested:
            yield from stack.everywhere(type_)

    @cached_property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties of each function, with what all share."""
        shared = self.evaluated.of(self.evaluated.template.content["Globals"]["Function"])
        own = self.of_type("AWS::Serverless::Function")
        return {name: _merged(shared, properties) for name, properties in own.items()}

    @property
    def dispatch_batch(self) -> int:
        """How many messages Lambda hands to `dispatch_queue` at once, at most."""
        sources = self.functions["DispatchQueue"]["Events"].values()
        return max(int(one["Properties"]["BatchSize"]) for one in sources)

    def number(self, parameter: str) -> int:
        return int(self.evaluated.values[parameter])


def _merged(shared: Any, own: Any) -> Any:
    """Complete a function's properties with those of all, as SAM does."""
    if not isinstance(shared, dict) or not isinstance(own, dict):
        return own
    return shared | {key: _merged(shared.get(key), one) for key, one in own.items()}
