"""`make deploy`: builds the stack and deploys it to AWS, asking only what every deployment decides.

`sam deploy --guided` asks for each of the template's parameters. This asks for those of its first
parameter group, with the running stack's values to start from; all others keep their value, or
have the template's default in a new stack. Words after `make deploy ARGS=` go to `sam deploy`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]
from rich.console import Console
from rich.prompt import Prompt

PROJECT = Path(__file__).resolve().parents[1]
SAM = str(PROJECT / ".venv/sam/bin/sam")

Ask = Callable[[str, str, list[str] | None], str]
"""Asks a question (name, default, choices) and returns the answer."""


def questions(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the parameters that are asked for, by name."""
    first_group = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"][0]
    return {name: template["Parameters"][name] for name in first_group["Parameters"]}


def problem_of(parameter: Mapping[str, Any], answer: str) -> str:
    """Say what is wrong with an answer, as CloudFormation would; empty when nothing is."""
    pattern = parameter.get("AllowedPattern", "")
    # CloudFormation holds each entry of a list against the pattern.
    entries = answer.split(",") if parameter["Type"] == "CommaDelimitedList" else [answer]
    if all(re.fullmatch(pattern or ".*", entry) for entry in entries):
        return ""
    return str(parameter["ConstraintDescription"])


def ask_all(
    template: Mapping[str, Any], running: Mapping[str, str], ask: Ask, show: Callable[[str], None]
) -> dict[str, str]:
    """Ask until every answer is one that CloudFormation takes."""
    answers = {}
    for name, parameter in questions(template).items():
        show(f"\n{' '.join(parameter['Description'].split())}")
        default = running.get(name, parameter.get("Default", ""))
        while True:
            answer = ask(name, default, parameter.get("AllowedValues"))
            problem = problem_of(parameter, answer)
            if not problem:
                break
            show(f"That does not fit: {problem}.")
        answers[name] = answer
    return answers


def running_values(stack_name: str) -> dict[str, str]:
    """Return the parameters of the stack as it runs, none when there is no such stack."""
    try:
        [stack] = boto3.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return {}
        raise
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}


def main(arguments: list[str]) -> int:
    """Ask, build, deploy."""
    console = Console(highlight=False)
    settings = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    stack_name = settings["default"]["deploy"]["parameters"]["stack_name"]
    if "--stack-name" in arguments:
        stack_name = arguments[arguments.index("--stack-name") + 1]

    def ask(name: str, default: str, choices: list[str] | None) -> str:
        return Prompt.ask(
            name, default=default, choices=choices, show_default=bool(default), console=console
        ).strip()

    template = load(str(PROJECT / "template.yaml"))
    answers = ask_all(template, running_values(stack_name), ask, console.print)
    overrides = [f"ParameterKey={name},ParameterValue={value}" for name, value in answers.items()]
    for command in (
        [SAM, "build"],
        [SAM, "deploy", *arguments, "--parameter-overrides", *overrides],
    ):
        status = subprocess.run(command, cwd=PROJECT, check=False).returncode  # noqa: S603
        if status:
            return status
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (EOFError, KeyboardInterrupt):
        sys.exit("\nNothing was deployed.")
