"""`bridge parameters`: the stack's parameters, and how to change one without deploying anew."""

from __future__ import annotations

import json
from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated

import typer
from rich.console import Console

from bridge.columns import columns
from bridge.options import AsJson, Yes
from bridge.stack import Stack
from bridge.updates import Change, Update

parameters = typer.Typer(
    name="parameters",
    help="The stack's parameters: show them, and change some without deploying anew.",
    no_args_is_help=True,
)

# Whoever knows it can report outcomes to MoEngage, which asks for nothing else.
_SECRET_IN_ITS_LAST_PART = ("MoEngageConnectorId", "MoEngageDeliveryTrackingUrl")
_SHOWN_OF_A_SECRET = 4
# What was built is for one processor only.
_NEEDS_A_BUILD = "Arch"


@parameters.command()
def show(
    context: typer.Context,
    show_connector: Annotated[
        bool, typer.Option("--show-connector", help="Show MoEngage's connector id whole.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show each parameter and its value. The README says what they are for."""
    stack: Stack = context.obj
    values = {
        name: value if show_connector else _masked(name, value)
        for name, value in stack.parameters.items()
    }
    typer.echo(json.dumps(values) if as_json else columns(sorted(values.items())))


@parameters.command(name="set")
def set_parameters(
    context: typer.Context,
    assignments: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE...", help="Parameters and their new values."),
    ],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Change parameters of the running stack: template, code and all other values stay.

    Shows what CloudFormation would change and asks. No message is lost meanwhile.
    """
    stack: Stack = context.obj
    values = _read(assignments, stack)
    old = {name: stack.parameters[name] for name in values}
    update, console = Update(stack, values), Console(stderr=True)
    with console.status("Asking CloudFormation what would change"):
        changes = update.plan()
    if changes:
        if not as_json:
            _show(old, values, changes)
        if not (yes or typer.confirm("Change it?", err=True)):
            update.drop()
            raise typer.Abort
        with console.status("CloudFormation changes the stack"):
            update.make()
    if as_json:
        typer.echo(json.dumps({"changed": bool(changes), "changes": [asdict(c) for c in changes]}))
    elif changes:
        typer.echo(f"Changed {', '.join(values)}. To see how things stand: bridge doctor")
    else:
        typer.echo("Nothing was to be changed.")


def _read(assignments: list[str], stack: Stack) -> dict[str, str]:
    values = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise typer.BadParameter(f"{name} needs a value: {name}=VALUE")
        if name not in stack.parameters:
            near = get_close_matches(name, stack.parameters, n=1)
            hint = f"; did you mean {near[0]}?" if near else ": bridge parameters show"
            raise typer.BadParameter(f"the stack has no parameter {name}{hint}")
        if name == _NEEDS_A_BUILD:
            raise typer.BadParameter(f"{name} needs the functions to be built anew: make deploy")
        values[name] = value.strip()
    return values


def _show(old: dict[str, str], new: dict[str, str], changes: list[Change]) -> None:
    for name, value in new.items():
        was, will_be = _masked(name, old[name]) or "(empty)", _masked(name, value) or "(empty)"
        typer.echo(f"{name}: {was} -> {will_be}")
    rows = [(one.action, one.resource, one.type, one.replacement) for one in changes]
    typer.echo("\n" + columns(rows, ("CloudFormation", "Resource", "Type", "Replaced")) + "\n")


def _masked(name: str, value: str) -> str:
    if name not in _SECRET_IN_ITS_LAST_PART or not value:
        return value
    start, slash, secret = value.rpartition("/")
    return f"{start}{slash}{secret[:_SHOWN_OF_A_SECRET]}..."
