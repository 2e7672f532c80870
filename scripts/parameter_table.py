"""`make tables`: writes docs/parameters.md and events/environment.json from the template."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

PROJECT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- made by `make tables` -->\n", "<!-- end -->\n"
HEADING = "| parameter | default | what for |\n|---|---|---|\n"


def tables(template: Mapping[str, Any]) -> str:
    """Return all parameters, a table for each of the template's groups."""
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    return "\n".join(
        f"## {group['Label']['default']}\n\n{HEADING}{''.join(_rows(template, group))}"
        for group in groups
    )


def with_tables(document: str, template: Mapping[str, Any]) -> str:
    """Return a document with its tables of parameters written anew."""
    before, rest = document.split(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{tables(template)}\n{END}{after}"


def with_variables(
    environment: Mapping[str, Mapping[str, str]], template: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """Return the variables of each function: what is given, and the defaults of new parameters."""
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    functions = {
        name: {**shared, **one["Properties"].get("Environment", {}).get("Variables", {})}
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::Serverless::Function"
    }
    return {
        function: {
            name: found
            for name, value in variables.items()
            if (found := environment.get(function, {}).get(name, _default(value, template)))
            is not None
        }
        for function, variables in functions.items()
    }


def _default(value: object, template: Mapping[str, Any]) -> str | None:
    name = value.get("Ref") if isinstance(value, Mapping) else None
    default = template["Parameters"].get(name, {}).get("Default")
    return None if default is None else str(default)


def _rows(template: Mapping[str, Any], group: Mapping[str, Any]) -> Iterator[str]:
    for name in group["Parameters"]:
        parameter = template["Parameters"][name]
        default = parameter.get("Default", "needed")
        cell = f"`{default}`" if default not in ("", "needed") else default or "empty"
        text = f"{' '.join(parameter['Description'].split())} {_limits(parameter)}".rstrip()
        yield f"| `{name}` | {cell} | {text} |\n"


def _limits(parameter: Mapping[str, Any]) -> str:
    match parameter:
        case {"AllowedValues": values}:
            return f"({', '.join(f'`{value}`' if value != '' else 'empty' for value in values)})"
        case {"MinValue": least, "MaxValue": most}:
            return f"({least} to {most})"
        case {"MinValue": least}:
            return f"({least} or more)"
    return ""


def main() -> None:
    """Write both files."""
    document = PROJECT / "docs/parameters.md"
    template = load(str(PROJECT / "template.yaml"))
    document.write_text(with_tables(document.read_text("utf-8"), template), "utf-8")
    file = PROJECT / "events/environment.json"
    environment = with_variables(json.loads(file.read_text("utf-8")), template)
    file.write_text(json.dumps(environment, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
