"""`make tables`: writes the dashboard's list of alarms and the runbook's table from the alarms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENT_MARKS = ("<!-- made by `make tables` -->\n", "<!-- end -->\n")
TEMPLATE_MARKS = ("          # made by `make tables`\n", "          # end\n")
ARN = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:"


@dataclass(frozen=True)
class Alarm:
    """An alarm, as its description says it.

    Attributes
    ----------
    is_basic
        Whether it is there with `Monitoring` `basic`.
    """

    name: str
    is_basic: bool
    severity: str
    meaning: str
    consequence: str
    first: str


def alarms(template: Mapping[str, Any]) -> Iterator[Alarm]:
    """Return the alarms of observability.yaml, those of `basic` first.

    Raises
    ------
    ValueError
        If a description is not in the form that the template asks for.
    """
    found = []
    for one in template["Resources"].values():
        if one["Type"] != "AWS::CloudWatch::Alarm":
            continue
        name = one["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("${BridgeName}-")
        text = one["Properties"]["AlarmDescription"]["Fn::Sub"]
        said = re.fullmatch(
            r"\[(wake|morning)\] ([^;]+); (.+)[.] First: (.+)[.] \$\{AlarmLink\}(.+)", text
        )
        if not said or said[5] != name:
            raise ValueError(f"the description of {name} has another form: {text}")
        found.append(Alarm(name, "IsMonitored" in one["Condition"], *said.groups()[:4]))
    yield from sorted(found, key=lambda one: not one.is_basic)


def with_list(text: str, template: Mapping[str, Any]) -> str:
    """Return observability.yaml with the list of the dashboard's alarms written anew."""
    found = list(alarms(template))
    basic, full = (
        ",\n              ".join(
            f'"{ARN}${{BridgeName}}-{one.name}"' for one in found if one.is_basic is which
        )
        for which in (True, False)
    )
    return _between(
        TEMPLATE_MARKS,
        text,
        f"""\
          BasicAlarms: !Sub |-
              {basic}
          FullAlarms: !If
            - IsFull
            - !Sub |-
              ,
              {full}
            - ""
""",
    )


def with_table(document: str, template: Mapping[str, Any]) -> str:
    """Return the runbook with its table of alarms written anew."""
    rows = (
        f"| [{one.name}](#{one.name}) | {one.severity} | {one.meaning} | {one.consequence} "
        f"| {f'`{one.first}`' if one.first.startswith('sms-bridge') else one.first} |\n"
        for one in alarms(template)
    )
    heading = "| alarm | severity | it means | consequence | first |\n|---|---|---|---|---|\n"
    return _between(DOCUMENT_MARKS, document, f"\n{heading}{''.join(rows)}\n")


def _between(marks: tuple[str, str], text: str, content: str) -> str:
    begin, end = marks
    before, rest = text.split(begin)
    return f"{before}{begin}{content}{end}{rest.partition(end)[2]}"


def main() -> None:
    """Write both files."""
    file, runbook = PROJECT / "observability.yaml", PROJECT / "docs/runbook.md"
    template = load(str(file))
    file.write_text(with_list(file.read_text("utf-8"), template), "utf-8")
    runbook.write_text(with_table(runbook.read_text("utf-8"), template), "utf-8")


if __name__ == "__main__":
    main()
