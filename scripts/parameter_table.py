"""`make tables`: writes the tables of docs/parameters.md from the template."""

from __future__ import annotations

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
    """Write the tables into docs/parameters.md."""
    document = PROJECT / "docs/parameters.md"
    template = load(str(PROJECT / "template.yaml"))
    document.write_text(with_tables(document.read_text("utf-8"), template), "utf-8")


if __name__ == "__main__":
    main()
