"""`sms-bridge doctor`: is the deployed bridge healthy, and what to do if not."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated

from typer import Exit, Option

from bridge.checks import Check, Finding, Level, api, aws, eightx8, problem, traffic
from bridge.errors import UNEXPECTED, failure_of
from bridge.stack import Stack
from bridge.terminal import say, say_result, waiting

# Those that others rest on first.
_CHECKS: dict[str, Check] = {
    "functions": aws.check_environments,
    "running": aws.check_running,
    "outbound address": aws.check_outbound_address,
    "secret": api.check_secret,
    "8x8's key": eightx8.check_key,
    "8x8's webhook": eightx8.check_webhook,
    "8x8's balance": eightx8.check_balance,
    "the API": api.check_api,
    "delivery tracking": traffic.check_delivery_tracking,
    "opt-outs": aws.check_opt_outs,
    "queues and messages": traffic.check_work,
    "the last hour": traffic.check_last_hour,
    "alarms": aws.check_alarms,
}
_COLOURS = {Level.PROBLEM: "red", Level.WARNING: "yellow", Level.OK: "green"}
_INDENT = 9
_BREAK_EVERYTHING = ("environment-broken", "environment-drift", "secret-unreadable")
_BREAK_8X8 = ("eightx8-region-wrong", "eightx8-host-wrong")


def doctor(
    stack: Stack,
    everything: Annotated[bool, Option("--all", help="Show what is well, too.")] = False,
) -> None:
    """Say what is wrong with the bridge, and what fixes it.

    It checks the deployed bridge from end to end. Nothing is sent and no setting changed. Exit
    status 1 when there is a problem.
    """
    with waiting("Looking at the bridge"):
        findings = examine(stack)
    levels = [one.level for one in findings]
    problems, warnings = levels.count(Level.PROBLEM), levels.count(Level.WARNING)
    where = {"stack": stack.name, "region": "", "account": ""}
    with suppress(Exception):  # a finding says why
        where["region"] = stack.region
        where["account"] = stack.account
    say(", ".join(f"{name} {value or 'unknown'}" for name, value in where.items()), "")
    for one in findings:
        if everything or one.level is not Level.OK:
            mark = f"{one.level:<{_INDENT}}"
            say(f"{one.what} [{one.id}]", mark=mark, colour=_COLOURS[one.level])
            if one.remedy:
                say(f"{'':{_INDENT}}-> {one.remedy}", "")
    facts = [
        {"level": one.level, "id": one.id, "what": one.what, "remedy": one.remedy}
        for one in findings
    ]
    say_result(
        {**where, "problems": problems, "warnings": warnings, "findings": facts},
        f"problems: {problems}, warnings: {warnings}",
    )
    if problems:
        raise Exit(1)


def examine(stack: Stack) -> list[Finding]:
    """Run every check; problems come first, and what follows from another finding is left out."""
    found = list(_findings_of("the stack", aws.check_deployment, stack, []))
    if not any(one.level is Level.PROBLEM for one in found):
        for name, check in _CHECKS.items():
            found += _findings_of(name, check, stack, found)
    ids = {one.id for one in found if one.level is not Level.OK}
    found = [one for one in found if not ids.intersection(one.follows_from)]
    return sorted(found, key=lambda one: list(Level).index(one.level))


def _findings_of(
    name: str, check: Check, stack: Stack, earlier: Sequence[Finding]
) -> Iterator[Finding]:
    """Run a check; what keeps it from being made is a finding as well."""
    try:
        yield from check(stack)
    except Exception as error:
        failure = failure_of(error)
        if failure.id == UNEXPECTED:
            what = f"{name} could not be checked: {failure.what}"
            yield problem(failure.id, what, failure.remedy, _BREAK_EVERYTHING)
        # What several checks stumble over is one fault.
        elif failure.id not in {one.id for one in earlier}:
            remedy = failure.remedy or "fix that, then: sms-bridge doctor"
            yield problem(failure.id, failure.what, remedy, _BREAK_8X8)
