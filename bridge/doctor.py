"""`bridge doctor`: is the deployed bridge healthy, and what to do if not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import chain

import typer
from rich.console import Console
from rich.markup import escape

from bridge.checks.alarms import check_alarms
from bridge.checks.api import check_api
from bridge.checks.deployment import check_deployment
from bridge.checks.eightx8 import check_key, check_webhook
from bridge.checks.findings import Finding, Level
from bridge.checks.messages import check_messages
from bridge.checks.moengage import check_delivery_tracking, check_outcomes
from bridge.checks.queues import check_dead_letters, check_queues
from bridge.checks.secret import check_secret
from bridge.errors import FAILURES, line_of
from bridge.options import AsJson
from bridge.stack import Stack
from bridge.survey import take_survey


def _check_survey(stack: Stack) -> Iterable[Finding]:
    survey = take_survey(stack.messages, time.time())
    return chain(check_messages(survey), check_outcomes(survey, stack))


_CHECKS: dict[str, Callable[[Stack], Iterable[Finding]]] = {
    "secret": check_secret,
    "8x8 key": check_key,
    "8x8 webhook": check_webhook,
    "API": check_api,
    "delivery tracking": check_delivery_tracking,
    "queues": check_queues,
    "dead letters": check_dead_letters,
    "messages": _check_survey,
    "alarms": check_alarms,
}
_MARKS = {
    Level.OK: "[green]ok[/]",
    Level.WARNING: "[yellow]warning[/]",
    Level.PROBLEM: "[red]problem[/]",
}
_INDENT = 9


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check the deployed bridge from end to end, and say what mends each thing that is wrong.

    Nothing is sent and nothing changed. Exit status 1 when there is a problem.
    """
    stack: Stack = context.obj
    console = Console(soft_wrap=True, highlight=False)
    findings: list[Finding] = []
    for finding in examine(stack):
        findings.append(finding)
        if not as_json:
            _show(finding, console)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in findings]))
    problems = sum(one.level is Level.PROBLEM for one in findings)
    warnings = sum(one.level is Level.WARNING for one in findings)
    if not as_json:
        console.print(f"\n{problems} problems, {warnings} warnings")
    if problems:
        raise typer.Exit(1)


def examine(stack: Stack) -> Iterator[Finding]:
    """Run every check, the ones that others rest on first."""
    deployment = list(_guarded("stack", check_deployment, stack))
    yield from deployment
    if any(one.level is Level.PROBLEM for one in deployment):
        return
    for name, check in _CHECKS.items():
        yield from _guarded(name, check, stack)


def _guarded(
    name: str, check: Callable[[Stack], Iterable[Finding]], stack: Stack
) -> Iterator[Finding]:
    """Run a check; what keeps it from being made is a finding as well."""
    try:
        yield from check(stack)
    except FAILURES as error:
        yield Finding(
            Level.PROBLEM,
            name,
            f"could not be checked: {line_of(error)}",
            "mend that, then: bridge doctor",
        )


def _show(finding: Finding, console: Console) -> None:
    mark = _MARKS[finding.level] + " " * (_INDENT - len(finding.level))
    console.print(f"{mark}{escape(finding.part)}: {escape(finding.what)}")
    if finding.remedy:
        console.print(f"{' ' * _INDENT}-> {escape(finding.remedy)}")
