"""`make deploy`: builds the stack and deploys it to AWS, asking only what every deployment decides.

`sam deploy --guided` asks for each of the template's parameters. This asks for those of its first
parameter group, with the running stack's values to start from, and for who is notified of alarms;
all others keep their value, or have the template's default in a new stack. Words after
`make deploy ARGS=` go to `sam deploy`: with `--config-env NAME` stack, region and parameters are
those of the section NAME of samconfig.toml, and what the section answers is not asked.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess  # nosec B404
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]
from rich.console import Console
from rich.prompt import Prompt

from bridge.errors import failure_of

PROJECT = Path(__file__).resolve().parents[1]
TOPIC, RUNBOOK = "AlarmTopicArn", "RunbookUrl"
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
    template: Mapping[str, Any],
    running: Mapping[str, str],
    given: Mapping[str, str],
    ask: Ask,
    show: Callable[[str], None],
) -> dict[str, str]:
    """Ask what is not given, until every answer is one that CloudFormation takes."""
    answers = {}
    for name, parameter in questions(template).items():
        if name in given:
            continue
        show(f"\n{' '.join(parameter['Description'].split())}")
        default = running.get(name, parameter.get("Default", ""))
        keeps = is_unreadable(default)
        if keeps:
            show("CloudFormation shows the present value as question marks. Enter keeps it.")
            default = ""
        while True:
            answer = ask(name, default, parameter.get("AllowedValues"))
            if keeps and not answer:
                break
            problem = problem_of(parameter, answer)
            if not problem:
                break
            show(f"That does not fit: {problem}.")
        if answer or not keeps:
            answers[name] = answer
    return answers


def is_unreadable(value: str) -> bool:
    """Tell whether a running stack's value may have been something else.

    CloudFormation gives back a question mark for each character outside ASCII.
    """
    return "?" in value


def ask_for_topic(
    running: Mapping[str, str], ask: Ask, show: Callable[[str], None], topics: Topics
) -> dict[str, str]:
    """Ask who is notified of alarms; empty when that is known or nobody is to be.

    Raises
    ------
    SystemExit
        The answer is neither an e-mail address nor a topic.
    """
    if running.get(TOPIC):
        return {}
    show(
        "\nWho is notified of alarms: an e-mail address (a topic is made for it), the ARN of an SNS"
        " topic, or nothing for nobody."
    )
    answer = ask("Alarms to", "", None)
    if not answer:
        return {}
    if re.fullmatch(r"arn:[\w-]+:sns:[\w-]+:\d+:[\w-]+", answer):
        if topics.loses_alarms(answer):
            show(
                "This topic is encrypted under AWS's managed key for SNS, which CloudWatch may not"
                " use: it would never get an alarm. Use a key of your own, or none."
            )
        return {TOPIC: answer}
    if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", answer):
        show(f"AWS writes to {answer} now; alarms arrive once the link in that mail was opened.")
        return {TOPIC: topics.made_for(answer)}
    sys.exit(f"{answer} is neither an e-mail address nor the ARN of a topic.")


class Topics:
    """SNS topics in the account and region of the stack."""

    def __init__(self, client: Any, stack_name: str) -> None:
        self._client = client
        self._stack_name = stack_name

    def made_for(self, address: str) -> str:
        """Make the stack's topic, if it is not there, and subscribe an e-mail address."""
        arn: str = self._client.create_topic(Name=f"{self._stack_name}-alarms")["TopicArn"]
        self._client.subscribe(TopicArn=arn, Protocol="email", Endpoint=address)
        return arn

    def loses_alarms(self, arn: str) -> bool:
        """Tell whether CloudWatch cannot publish to a topic, as far as that can be seen."""
        try:
            attributes = self._client.get_topic_attributes(TopicArn=arn)["Attributes"]
        except ClientError:
            return False
        return str(attributes.get("KmsMasterKeyId", "")).endswith("alias/aws/sns")


def runbook_url(remote: str) -> str:
    """Return where a repository's web pages have the runbook; empty for an address without any."""
    found = re.fullmatch(
        # What stands before the "@" may be a token.
        r"(?:https://|ssh://)?(?:[^@/]*@)?(\w[\w-]*(?:\.[\w-]+)+)(?::\d+(?=/))?[:/]"
        r"([^\s#\"\\@]+?)(?:\.git)?/?",
        remote,
    )
    return f"https://{found[1]}/{found[2]}/blob/HEAD/docs/runbook.md" if found else ""


@dataclass(frozen=True)
class Target:
    """Which stack is meant, and what is said about it beforehand.

    Attributes
    ----------
    region, profile
        ``None`` leaves them to the environment, as AWS's own tools do.
    given
        Values of parameters.
    arguments
        What is left to say to `sam deploy`.
    """

    stack_name: str
    region: str | None
    profile: str | None
    given: dict[str, str]
    arguments: list[str]


def target_of(settings: Mapping[str, Any], arguments: list[str]) -> Target:
    """Put together what samconfig.toml and the command line say; the command line comes first.

    Raises
    ------
    SystemExit
        samconfig.toml has no section of the name given.
    """
    parser = argparse.ArgumentParser(
        prog="make deploy ARGS=...", allow_abbrev=False, add_help=False
    )
    parser.add_argument("--config-env", default="default")
    parser.add_argument("--stack-name")
    parser.add_argument("--region")
    parser.add_argument("--profile")
    parser.add_argument("--parameter-overrides", nargs="*", action="extend", default=[])
    said, _ = parser.parse_known_args(arguments)
    try:
        section = settings[said.config_env]["deploy"]["parameters"]
    except KeyError:
        sys.exit(f"samconfig.toml has no section [{said.config_env}.deploy.parameters].")
    written = section.get("parameter_overrides", [])
    return Target(
        stack_name=said.stack_name or section["stack_name"],
        region=said.region or section.get("region"),
        profile=said.profile or section.get("profile"),
        given=overrides(written if isinstance(written, list) else shlex.split(written))
        | overrides(said.parameter_overrides),
        arguments=_without_overrides(arguments),
    )


def overrides(words: Iterable[str]) -> dict[str, str]:
    """Read parameters as SAM takes them: ``Name=Value`` or ``ParameterKey=...,ParameterValue=...``.

    Raises
    ------
    SystemExit
        A word is neither.
    """
    found = {}
    for word in words:
        pair = re.fullmatch(r"(?:ParameterKey=)?(\w+)(?:,ParameterValue)?=(.*)", word, re.DOTALL)
        if not pair:
            sys.exit(f"{word} is no parameter: write Name=Value.")
        name, value = pair.groups()
        quoted = re.fullmatch(r"(['\"])(.*)\1", value, re.DOTALL)
        found[name] = quoted[2] if quoted else value
    return found


def as_override(name: str, value: str) -> str:
    """Write a parameter as SAM reads it. It would end a value at a space that is not quoted."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'ParameterKey={name},ParameterValue="{escaped}"'


def _without_overrides(arguments: list[str]) -> list[str]:
    kept, dropping = [], False
    for word in arguments:
        dropping = word == "--parameter-overrides" or (dropping and not word.startswith("--"))
        if not dropping:
            kept.append(word)
    return kept


def running_values(session: boto3.Session, target: Target) -> dict[str, str]:
    """Return the parameters of the stack as it runs, none when there is no such stack."""
    try:
        found = session.client("cloudformation").describe_stacks(StackName=target.stack_name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return {}
        raise
    [stack] = found["Stacks"]
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}


def _remote() -> str:
    """Return the address that the repository was cloned from, if any."""
    git = shutil.which("git")
    if git is None:
        return ""
    said = subprocess.run(  # noqa: S603 - no shell  # nosec B603
        [git, "remote", "get-url", "origin"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip()


def destination(session: boto3.Session, stack_name: str) -> str:
    """Say where the stack would go."""
    # STS answers without a region.
    region = session.client("cloudformation").meta.region_name
    account = session.client("sts").get_caller_identity()["Account"]
    return f"Stack {stack_name}, account {account}, region {region}."


def main(arguments: list[str]) -> int:
    """Deploy, or say what is missing.

    Raises
    ------
    SystemExit
        There is no region, there are no credentials, or AWS refuses.
    """
    try:
        return deploy(arguments)
    except (BotoCoreError, ClientError) as error:
        sys.exit(
            f"{failure_of(error)}.\nNothing was deployed. Options go into ARGS:  "
            "make deploy ARGS='--region REGION --profile NAME'"
        )


def deploy(arguments: list[str]) -> int:
    """Ask, build, deploy."""
    console = Console(highlight=False)
    target = target_of(tomllib.loads((PROJECT / "samconfig.toml").read_text()), arguments)

    def ask(name: str, default: str, choices: list[str] | None) -> str:
        return Prompt.ask(
            name, default=default, choices=choices, show_default=bool(default), console=console
        ).strip()

    template = load(str(PROJECT / "template.yaml"))
    session = boto3.Session(profile_name=target.profile, region_name=target.region)
    console.print(destination(session, target.stack_name))
    running = running_values(session, target)
    answers = ask_all(template, running, target.given, ask, console.print)
    if TOPIC not in target.given:
        topics = Topics(session.client("sns"), target.stack_name)
        answers |= ask_for_topic(running, ask, console.print, topics)
    if running.get(RUNBOOK) or not (url := runbook_url(_remote())):
        answers |= target.given
    else:
        answers |= {RUNBOOK: url} | target.given
    # The layer is built for the processor that the functions will run on.
    arch = answers.get("Arch") or running.get("Arch") or template["Parameters"]["Arch"]["Default"]
    values = [as_override(name, value) for name, value in answers.items()]
    for command in (
        [SAM, "build", "--parameter-overrides", as_override("Arch", arch)],
        [SAM, "deploy", *target.arguments, "--parameter-overrides", *values],
    ):
        status = subprocess.run(command, cwd=PROJECT, check=False).returncode  # noqa: S603 - no shell  # nosec B603
        if status:
            return status
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (EOFError, KeyboardInterrupt):
        sys.exit("\nNothing was deployed.")
