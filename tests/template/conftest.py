"""template.yaml and observability.yaml, read as they are written."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]


class CloudFormationLoader(yaml.SafeLoader):
    """Reads CloudFormation's tags as their long forms: ``!Ref X`` as ``{"Ref": "X"}``."""


def _long_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt":
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


CloudFormationLoader.add_multi_constructor("!", _long_form)


@dataclass(frozen=True)
class Template:
    """The template and what tests ask of it."""

    content: dict[str, Any]

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        parameters: dict[str, dict[str, Any]] = self.content["Parameters"]
        return parameters

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        resources: dict[str, dict[str, Any]] = self.content["Resources"]
        return resources

    @cached_property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties of each function, with those that it shares with all."""
        common = self.content["Globals"]["Function"]
        return {
            name: {**common, **properties}
            for name, properties in self.of_type("AWS::Serverless::Function").items()
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of all resources of a type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def variables(self, function: str) -> dict[str, Any]:
        """Return the environment of a function, without what all of them share."""
        properties = self.of_type("AWS::Serverless::Function")[function]
        variables: dict[str, Any] = properties.get("Environment", {}).get("Variables", {})
        return variables

    @property
    def shared_variables(self) -> dict[str, Any]:
        variables: dict[str, Any] = self.content["Globals"]["Function"]["Environment"]["Variables"]
        return variables

    def statements(self, function: str) -> list[dict[str, Any]]:
        """Return what a function's role allows."""
        [role, attribute] = self.functions[function]["Role"]["Fn::GetAtt"]
        assert attribute == "Arn"
        return [
            statement
            for policy in self.resources[role]["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def allowed(self, function: str) -> dict[str, set[str]]:
        """Return which actions a function's role allows, by the resource or the part of one."""
        allowed: dict[str, set[str]] = {}
        for statement in self.statements(function):
            assert statement["Effect"] == "Allow"
            actions = _as_list(statement["Action"])
            for resource in _as_list(statement["Resource"]):
                allowed.setdefault(_name_of(resource), set()).update(actions)
        return allowed


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name_of(resource: Any) -> str:
    """Return a resource's name, with the path behind it for a part of one: ``Table/index/x``."""
    match resource:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
        case {"Fn::Sub": str(text)}:
            return text.replace("${", "").replace(".Arn}", "")
    return str(resource)


def read_template(name: str = "template.yaml") -> Template:
    """Read one of the project's templates."""
    text = (PROJECT / name).read_text("utf-8")
    return Template(yaml.load(text, CloudFormationLoader))  # noqa: S506 - a SafeLoader


@pytest.fixture(scope="session")
def template() -> Template:
    """The project's template."""
    return read_template()


@pytest.fixture(scope="session")
def observability() -> Template:
    """What watches the bridge, the nested stack."""
    return read_template("observability.yaml")
