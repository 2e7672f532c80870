"""`make tables`: writes docs/parameters.md and events/environment.json from the template."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from scripts import generated
from scripts.generated import read_template, rewrite, table


def with_tables(document: str, template: Mapping[str, Any]) -> str:
    """Return a document with a table of parameters for each of the template's groups."""
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    heading = ("parameter", "default", "what for")
    tables = (
        f"## {group['Label']['default']}\n\n{table(heading, _rows(template, group))}"
        for group in groups
    )
    return generated.with_tables(document, "\n".join(tables))


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


def _rows(template: Mapping[str, Any], group: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in group["Parameters"]:
        parameter = template["Parameters"][name]
        default = parameter.get("Default", "needed")
        cell = f"`{default}`" if default not in ("", "needed") else default or "empty"
        text = f"{' '.join(parameter['Description'].split())} {_limits(parameter)}".rstrip()
        yield f"`{name}`", cell, text


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
    template = read_template()
    rewrite("docs/parameters.md", partial(with_tables, template=template))
    rewrite(
        "events/environment.json",
        lambda text: json.dumps(with_variables(json.loads(text), template), indent=2) + "\n",
    )


if __name__ == "__main__":
    main()
