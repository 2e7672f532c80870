"""template.yaml as CloudFormation would read it for given parameters."""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.template.conftest import Template

PSEUDO_PARAMETERS = {
    "AWS::StackName": "sms-bridge",
    "AWS::Region": "eu-central-1",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::Partition": "aws",
    "AWS::AccountId": "123456789012",
}
NO_VALUE = object()


@dataclass(frozen=True)
class Evaluated:
    """The template's conditions, rules, resources and outputs for values of its parameters.

    What is known only once a resource exists stands as ``<Resource>`` or ``<Resource.Attribute>``.
    """

    template: Template
    given: dict[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """The value of each parameter."""
        defaults = {
            name: one["Default"]
            for name, one in self.template.parameters.items()
            if "Default" in one
        }
        return {"SubAccountIds": "acme", **PSEUDO_PARAMETERS, **defaults, **self.given}

    @property
    def complaints(self) -> list[str]:
        """What CloudFormation says before it creates anything."""
        return [
            assertion["AssertDescription"]
            for rule in self.template.content["Rules"].values()
            if self.of(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self.of(assertion["Assert"])
        ]

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Properties of the resources that are made."""
        return {
            name: self.of(resource.get("Properties", {}))
            for name, resource in self.template.resources.items()
            if self._is_made(resource)
        }

    @property
    def outputs(self) -> dict[str, Any]:
        """Values of the outputs that are given."""
        return {
            name: self.of(output["Value"])
            for name, output in self.template.content["Outputs"].items()
            if self._is_made(output)
        }

    def of(self, part: Any) -> Any:
        """Return the value of any part of the template."""
        if isinstance(part, list):
            return [value for one in part if (value := self.of(one)) is not NO_VALUE]
        if not isinstance(part, dict):
            return part
        match part:
            case {"Ref": "AWS::NoValue"}:
                return NO_VALUE
            case {"Ref": name}:
                value = self.values.get(name, f"<{name}>")
                kind = self.template.parameters.get(name, {}).get("Type")
                return value.split(",") if kind == "CommaDelimitedList" else value
            case {"Fn::GetAtt": [name, attribute]}:
                return f"<{name}.{attribute}>"
            case {"Condition": str(name)} if len(part) == 1:
                return self._holds(name)
            case {"Fn::If": [name, one, other]}:
                return self.of(one if self._holds(name) else other)
            case {"Fn::Equals": [one, other]}:
                return self.of(one) == self.of(other)
            case {"Fn::Not": [one]}:
                return not self.of(one)
            case {"Fn::And": parts}:
                return all(map(self.of, parts))
            case {"Fn::Or": parts}:
                return any(map(self.of, parts))
            case {"Fn::Select": [index, listed]}:
                return self.of(listed)[index]
            case {"Fn::Split": [between, text]}:
                return self.of(text).split(between)
            case {"Fn::Join": [between, parts]}:
                return between.join(self.of(parts))
            case {"Fn::FindInMap": [name, *keys]}:
                found = self.template.content["Mappings"][name]
                for key in keys:
                    found = found[self.of(key)]
                return found
            case {"Fn::Sub": [str(text), own]}:
                return self._sub(text, {name: self.of(value) for name, value in own.items()})
            case {"Fn::Sub": str(text)}:
                return self._sub(text, {})
        values = {name: self.of(value) for name, value in part.items()}
        return {name: value for name, value in values.items() if value is not NO_VALUE}

    def _sub(self, text: str, own: dict[str, Any]) -> str:
        known = {**self.values, **own}
        filled = re.sub(r"\$\{([^!}]+)\}", lambda one: str(known.get(one[1], f"<{one[1]}>")), text)
        return filled.replace("${!", "${")

    def _holds(self, condition: str) -> bool:
        return bool(self.of(self.template.content["Conditions"][condition]))

    def _is_made(self, part: dict[str, Any]) -> bool:
        return "Condition" not in part or self._holds(part["Condition"])
