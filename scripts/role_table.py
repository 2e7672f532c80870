"""`make tables`: writes the roles in docs/security.md from the template."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from scripts.generated import read_template, rewrite, table, with_tables


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
    rows = sorted(
        (
            one["Properties"]["CodeUri"].split("/")[1],
            resource,
            ", ".join(f"`{action}`" for action in sorted(actions)),
        )
        for function, one in template["Resources"].items()
        if one["Type"] == "AWS::Serverless::Function"
        for resource, actions in allowed(template, function).items()
        # Each writes to a log group of its own.
        if not resource.endswith("LogGroup")
    )
    cells = ((f"`{function}`", f"`{resource}`", actions) for function, resource, actions in rows)
    return with_tables(document, table(("function", "resource", "actions"), cells))


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
    rewrite("docs/security.md", partial(with_table, template=read_template()))


if __name__ == "__main__":
    main()
