"""`make parameters`: writes the README's table of parameters from the template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

PROJECT = Path(__file__).resolve().parents[1]
HEADING = "| parameter | default | what for |\n|---|---|---|\n"


def table(template: Mapping[str, Any]) -> str:
    """Return all parameters as rows of a table, in the template's groups."""
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    return HEADING + "".join(f"{row}\n" for group in groups for row in _rows(template, group))


def with_table(document: str, template: Mapping[str, Any]) -> str:
    """Return a document with its table of parameters written anew."""
    before, after = document.split(HEADING)
    rest = after.partition("\n\n")[2]
    return f"{before}{table(template)}\n{rest}"


def _rows(template: Mapping[str, Any], group: Mapping[str, Any]) -> Iterator[str]:
    yield f"| **{group['Label']['default']}** | | |"
    for name in group["Parameters"]:
        parameter = template["Parameters"][name]
        default = parameter.get("Default", "needed")
        cell = f"`{default}`" if default not in ("", "needed") else default
        text = f"{' '.join(parameter['Description'].split())} {_limits(parameter)}".rstrip()
        yield f"| `{name}` | {cell} | {text} |"


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
    """Write the table into README.md."""
    readme = PROJECT / "README.md"
    template = load(str(PROJECT / "template.yaml"))
    readme.write_text(with_table(readme.read_text("utf-8"), template), "utf-8")


if __name__ == "__main__":
    main()
