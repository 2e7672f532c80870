"""`make tables`: writes the dashboard's list of alarms and the runbook's table from the alarms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from scripts.generated import read_template, rewrite, table, with_parts, with_tables

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
    return with_parts(
        text,
        TEMPLATE_MARKS,
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
        (
            f"[{one.name}](#{one.name})",
            one.severity,
            one.meaning,
            one.consequence,
            f"`{one.first}`" if one.first.startswith("sms-bridge") else one.first,
        )
        for one in alarms(template)
    )
    heading = ("alarm", "severity", "it means", "consequence", "first")
    return with_tables(document, table(heading, rows))


def main() -> None:
    """Write both files."""
    template = read_template("observability.yaml")
    rewrite("observability.yaml", partial(with_list, template=template))
    rewrite("docs/runbook.md", partial(with_table, template=template))


if __name__ == "__main__":
    main()
