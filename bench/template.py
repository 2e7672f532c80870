"""The template as CloudFormation would make it: parameters filled in, conditions decided."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"
_NO_VALUE: dict[str, str] = {"Ref": "AWS::NoValue"}
_NESTED = ("AWS::CloudFormation::Stack", "AWS::Serverless::Application")
_PLACEHOLDER = re.compile(r"\$\{([\w:.]+)\}")


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's tags as their long forms: ``!Ref X`` as ``{"Ref": "X"}``."""


def _long_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _long_form)


@dataclass
class Stack:
    """A template with values for its parameters; what no value is known for stays as written.

    Attributes
    ----------
    given
        Parameters that differ from their defaults; those that the template has not are left out.
    """

    file: Path = TEMPLATE
    given: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def content(self) -> dict[str, Any]:
        """The file itself."""
        content: dict[str, Any] = yaml.load(self.file.read_text("utf-8"), _Loader)  # noqa: S506
        return content

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The value of each parameter that has one."""
        declared = self.content.get("Parameters", {})
        defaults = {name: one["Default"] for name, one in declared.items() if "Default" in one}
        return defaults | {name: value for name, value in self.given.items() if name in declared}

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources that are made, by name."""
        return {
            name: self.value({key: one[key] for key in ("Type", "Properties") if key in one})
            for name, one in self.content["Resources"].items()
            if "Condition" not in one or self.holds({"Condition": one["Condition"]})
        }

    @cached_property
    def nested(self) -> list[Stack]:
        """The stacks within this one."""
        found = []
        for properties in self.of_type(*_NESTED).values():
            file = self.file.parent / properties.get("Location", properties.get("TemplateURL", ""))
            given = properties.get("Parameters", {})
            known = {name: one for name, one in given.items() if not isinstance(one, dict)}
            found.append(Stack(file, known))
        return found

    def of_type(self, *types: str) -> dict[str, dict[str, Any]]:
        """Return the properties of this stack's resources of some types, by name."""
        return {
            name: one.get("Properties", {})
            for name, one in self.resources.items()
            if one["Type"] in types
        }

    def everywhere(self, *types: str) -> Iterator[dict[str, Any]]:
        """Give the properties of the resources of some types, nested stacks' too."""
        yield from self.of_type(*types).values()
        for stack in self.nested:
            yield from stack.everywhere(*types)

    @cached_property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties of each function, with what all share."""
        shared = self.value(self.content["Globals"]["Function"])
        found = {}
        for name, own in self.of_type("AWS::Serverless::Function").items():
            found[name] = _merged(shared, own)
        return found

    @property
    def dispatch_batch(self) -> int:
        """How many messages Lambda hands to `dispatch_queue` at once, at most."""
        sources = self.functions["DispatchQueue"]["Events"].values()
        return max(int(one["Properties"]["BatchSize"]) for one in sources)

    def number(self, parameter: str) -> int:
        """Return the value of a parameter that is a number."""
        return int(self.parameters[parameter])

    def holds(self, condition: Any) -> bool:
        """Decide a condition."""
        match condition:
            case {"Condition": str(name)}:
                return self.holds(self.content["Conditions"][name])
            case {"Fn::Not": [one]}:
                return not self.holds(one)
            case {"Fn::And": list(all_of)}:
                return all(map(self.holds, all_of))
            case {"Fn::Or": list(any_of)}:
                return any(map(self.holds, any_of))
            case {"Fn::Equals": [one, other]}:
                return str(self.value(one)) == str(self.value(other))
        raise NotImplementedError(f"condition {condition}")

    def value(self, written: Any) -> Any:
        """Fill in parameters and decide what depends on conditions."""
        match written:
            case {"Ref": str(name)} if name in self.parameters:
                return self.parameters[name]
            case {"Fn::If": [name, yes, no]}:
                return self.value(yes if self.holds({"Condition": name}) else no)
            case {"Fn::FindInMap": [name, first, second]}:
                keys = self.value(first), self.value(second)
                found = self.content["Mappings"][name]
                known = all(isinstance(key, str) for key in keys)
                return found[keys[0]][keys[1]] if known else written
            case {"Fn::Sub": str(text)}:
                return _PLACEHOLDER.sub(lambda found: self._filled(found[1], {}), text)
            case {"Fn::Sub": [text, own]}:
                values = self.value(own)
                return _PLACEHOLDER.sub(lambda found: self._filled(found[1], values), text)
            case {"Fn::Join": [by, list(parts)]}:
                return by.join(
                    one if isinstance(one, str) else json.dumps(one) for one in self.value(parts)
                )
        if isinstance(written, dict):
            valued = {key: self.value(one) for key, one in written.items()}
            return {key: one for key, one in valued.items() if one != _NO_VALUE}
        if isinstance(written, list):
            return [one for one in map(self.value, written) if one != _NO_VALUE]
        return written

    def _filled(self, name: str, own: Mapping[str, Any]) -> str:
        value = own.get(name, self.parameters.get(name))
        return str(value) if isinstance(value, str | int | float) else f"${{{name}}}"


def _merged(shared: Any, own: Any) -> Any:
    """Complete a function's properties with those of all, as SAM does."""
    if not isinstance(shared, dict) or not isinstance(own, dict):
        return own
    return shared | {key: _merged(shared.get(key), one) for key, one in own.items()}
