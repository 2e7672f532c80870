"""What the functions' roles allow, as rows of a table."""

from tests.template.conftest import Template

Row = tuple[str, str, tuple[str, ...]]
"""Function, resource and actions."""


def rows_of(template: Template) -> list[Row]:
    """Return what each function may do."""
    return sorted(
        {
            (
                template.functions[function]["CodeUri"].split("/")[1],
                "its own log group" if resource.endswith("LogGroup") else resource,
                tuple(sorted(actions)),
            )
            for function in template.functions
            for resource, actions in template.allowed(function).items()
        }
    )
