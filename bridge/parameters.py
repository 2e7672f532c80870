"""`sms-bridge parameters`: the stack's parameters, and how to change one without deploying anew."""

from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated

import typer

from bridge.options import AsJson, Yes
from bridge.stack import Stack
from bridge.terminal import columns, confirm, say, say_result, waiting
from bridge.updates import Change, Update

parameters = typer.Typer(
    name="parameters",
    help="Show the stack's parameters, or change some.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

# Whoever knows it can report outcomes to MoEngage, which asks for nothing else.
_HIDDEN = "MoEngageConnectorId"
_SHOWN_OF_IT = 4
# What was built is for one processor only.
_NEEDS_A_BUILD = "Arch"
# Words for people, in any language.
_TEXTS = (
    *("OptOutKeywords", "OptInKeywords", "HelpKeywords"),
    *("OptOutReply", "OptInReply", "HelpReply"),
)
_BEYOND_ASCII = 128
_FUNCTION, _VERSION = "AWS::Lambda::Function", "AWS::Lambda::Version"
# What callers outside have been given the address of.
_WITH_A_URL = ("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::DomainName")


@parameters.command()
def show(
    context: typer.Context,
    show_connector: Annotated[
        bool, typer.Option("--show-connector", help="Show MoEngage's connector id whole.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show each parameter and its value. The parameters' document says what they are for."""
    stack: Stack = context.obj
    values = {
        name: value if show_connector else _masked(name, value)
        for name, value in stack.parameters.items()
    }
    lines = columns(sorted(values.items()))
    if any("??" in value for value in values.values()):
        lines.append(
            "CloudFormation shows characters beyond ASCII as question marks; they are kept."
        )
    say_result(values, *lines, as_json=as_json)


@parameters.command(
    name="set",
    epilog="\b\nExamples:\n  sms-bridge parameters set SendRateLimit=500\n"
    '  sms-bridge parameters set "OptOutKeywords=STOP,CANCEL" --yes',
)
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

    Says what CloudFormation would change and asks. No message is lost meanwhile.
    """
    stack: Stack = context.obj
    values = _read(assignments, stack)
    old = {name: stack.parameters[name] for name in values}
    update = Update(stack, values)
    with waiting("Asking CloudFormation what would change"):
        changes = update.plan()
    drifted: list[str] = []
    if changes:
        if not as_json:
            _show(old, values, changes)
        try:
            confirm("Change it?", yes=yes)
        except typer.Abort:
            update.drop()
            raise
        with waiting(f"CloudFormation changes {len(changes)} resources; a minute or two"):
            update.make()
    else:
        drifted = sorted({f"{function} ({name})" for function, name in stack.drift()})
    if changes:
        lines = [f"Changed {', '.join(values)}. To see how things stand: sms-bridge doctor"]
    else:
        lines = ["Nothing was to be changed."]
    if drifted:
        lines.append(
            "But functions run with other values than the stack's, changed by hand: "
            f"{', '.join(drifted)}. make deploy brings the stack's back."
        )
    facts = {"changes": [asdict(one) for one in changes], "drift": drifted}
    say_result({"changed": bool(changes), **facts}, *lines, as_json=as_json)


def in_a_sentence(changes: Sequence[Change]) -> str:
    """Return what a change does."""
    urls = [one.resource for one in changes if one.type in _WITH_A_URL and one.is_replaced]
    replaced = [
        one.resource
        for one in changes
        if one.is_replaced and one.type not in (*_WITH_A_URL, _VERSION)
    ]
    functions = [one.resource for one in changes if one.type == _FUNCTION]
    parts = ["URLs change, so MoEngage and 8x8 need the new ones" if urls else "no URL changes"]
    if functions:
        parts.append(f"{', '.join(functions)} get a new version")
    if replaced:
        parts.append(f"{', '.join(replaced)} may be made anew")
    others = len(changes) - len(functions) - len(replaced) - len(urls)
    if others > 0:
        parts.append(f"{others} other resources are changed in place")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _read(assignments: list[str], stack: Stack) -> dict[str, str]:
    values = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise typer.BadParameter(f"{name} needs a value: {name}=VALUE")
        if name not in stack.parameters:
            near = get_close_matches(name, stack.parameters, n=1)
            hint = f"; did you mean {near[0]}?" if near else ": sms-bridge parameters show"
            raise typer.BadParameter(f"the stack has no parameter {name}{hint}")
        if name == _NEEDS_A_BUILD:
            raise typer.BadParameter(f"{name} needs the functions to be built anew: make deploy")
        value = value.strip()
        values[name] = escaped(value) if name in _TEXTS else value
    return values


def escaped(text: str) -> str:
    """Return a text in ASCII, as the functions read it: CloudFormation shows nothing else."""
    units = text.encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    return "".join(chr(code) if code < _BEYOND_ASCII else f"\\u{code:04x}" for code in codes)


def _show(old: dict[str, str], new: dict[str, str], changes: list[Change]) -> None:
    for name, value in new.items():
        was, will_be = _masked(name, old[name]) or "(empty)", _masked(name, value) or "(empty)"
        say(f"{name}: {was} -> {will_be}")
    rows = [(one.action, one.resource, one.type, one.replacement) for one in changes]
    headings = ("CloudFormation", "Resource", "Type", "Replaced")
    say("", *columns(rows, headings), "", in_a_sentence(changes))


def _masked(name: str, value: str) -> str:
    return f"{value[:_SHOWN_OF_IT]}..." if name == _HIDDEN and value else value
