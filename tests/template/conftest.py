"""template.yaml and observability.yaml, read as they are written."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

PROJECT = Path(__file__).resolve().parents[2]


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


def read_template(name: str | Path = "template.yaml") -> Template:
    """Read one of the project's templates, or a file anywhere."""
    return Template(load(str(PROJECT / name)))


@pytest.fixture(scope="session")
def template() -> Template:
    """The project's template."""
    return read_template()


@pytest.fixture(scope="session")
def observability() -> Template:
    """What watches the bridge, the nested stack."""
    return read_template("observability.yaml")
