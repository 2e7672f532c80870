"""`make tables`: writes the roles in docs/security.md from the template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

PROJECT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- made by `make tables` -->\n", "<!-- end -->\n"
HEADING = "| function | resource | actions |\n|---|---|---|\n"


def statements(template: Mapping[str, Any], function: str) -> list[dict[str, Any]]:
    """Return the statements of a function's role."""
    [role, _] = template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"]
    policies = template["Resources"][role]["Properties"]["Policies"]
    return [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]


def allowed(template: Mapping[str, Any], function: str) -> dict[str, set[str]]:
    """Return which actions a function's role allows, by the resource or the part of one."""
    found: dict[str, set[str]] = {}
    for statement in statements(template, function):
        for resource in _as_list(statement["Resource"]):
            found.setdefault(_name_of(resource), set()).update(_as_list(statement["Action"]))
    return found


def with_table(document: str, template: Mapping[str, Any]) -> str:
    """Return the document with its table written anew."""
    before, rest = document.split(BEGIN)
    return f"{before}{BEGIN}\n{HEADING}{_rows(template)}\n{END}{rest.partition(END)[2]}"


def _rows(template: Mapping[str, Any]) -> str:
    rows = sorted(
        (one["Properties"]["CodeUri"].split("/")[1], resource, actions)
        for function, one in template["Resources"].items()
        if one["Type"] == "AWS::Serverless::Function"
        for resource, actions in allowed(template, function).items()
        # Each writes to a log group of its own.
        if not resource.endswith("LogGroup")
    )
    return "".join(
        f"| `{function}` | `{resource}` | {', '.join(f'`{one}`' for one in sorted(actions))} |\n"
        for function, resource, actions in rows
    )


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


def main() -> None:
    """Write the document."""
    document = PROJECT / "docs/security.md"
    text = with_table(document.read_text("utf-8"), load(str(PROJECT / "template.yaml")))
    document.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
