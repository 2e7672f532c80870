"""What the functions' roles allow, as rows of a table."""

from collections.abc import Iterator
from typing import Any

from tests.template.conftest import Template

Row = tuple[str, str, tuple[str, ...]]
"""Function, resource and actions."""


def rows_of(template: Template) -> list[Row]:
    """Return what each function may do, but for its own log and traces."""
    return sorted(
        {
            (template.functions[function]["CodeUri"].split("/")[1], resource, tuple(actions))
            for function in template.functions
            for resource, actions in _allowed(template.statements(function))
        }
    )


def _allowed(statements: list[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    by_resource: dict[str, set[str]] = {}
    for statement in statements:
        assert statement["Effect"] == "Allow"
        for resource in _list(statement["Resource"]):
            by_resource.setdefault(_name(resource), set()).update(_list(statement["Action"]))
    for resource, actions in by_resource.items():
        yield "its own log group" if resource.endswith("LogGroup") else resource, sorted(actions)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(resource: Any) -> str:
    match resource:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
        case {"Fn::Sub": str(text)}:
            return text.replace("${", "").replace(".Arn}", "")
    return str(resource)
