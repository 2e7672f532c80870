"""What the terminal shows of the campaign, and what to try afterwards."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from local.campaign import Result
from local.eightx8 import fates
from local.faults import Faults
from local.stack import PROJECT, SENDER_ID, LocalStack


def table(results: Sequence[Result]) -> Table:
    """Show what became of each message of the campaign."""
    shown = Table(box=box.SIMPLE_HEAD)
    for heading in ("Message", "Recipient", "Webhook", "States", "Outcome", "MoEngage believes"):
        shown.add_column(heading)
    for result in results:
        course = result.course
        mark = "[green]:heavy_check_mark:[/]" if result.as_expected else "[red]x[/]"
        shown.add_row(
            f"{mark} {escape(result.case.name)}",
            masked(result.case.destination),
            ", ".join(course.answers),
            " > ".join(result.states),
            " ".join(filter(None, (course.state, course.reason))),
            f"{course.belief}, {course.reports} reports" if course.reports > 1 else course.belief,
        )
    return shown


def verdict(results: Sequence[Result]) -> str:
    """Say whether the campaign came out as it should, and what did not."""
    wrong = [result for result in results if not result.as_expected]
    if not wrong:
        return f"[green]All {len(results)} messages came out as they should.[/]"
    lines = [f"[red]{len(wrong)} of {len(results)} messages did not come out as they should:[/]"]
    for result in wrong:
        lines.append(escape(f"  {result.case.name}: {'; '.join(result.differences)}"))
    return "\n".join(lines)


def what_to_try(stack: LocalStack) -> str:
    """Give the URLs and tokens, and commands that can be pasted as they are."""
    tokens = stack.tokens
    body = {"message": "Hello from the bridge", "sender": SENDER_ID, "recipient": "+6582220000"}
    sent = (message.unique_id for message in stack.moengage.messages if message.unique_id)
    known_id = next(sent, "MESSAGE_ID")
    endings = [f"{ending:6}  {fate}" for ending, fate in fates.endings()]
    return f"""
The bridge        {stack.front_door_url}
  for MoEngage    {stack.send_url()}
                  Authorization: Bearer {tokens.moengage}
  for 8x8         {stack.callback_url}
                  Authorization: Bearer {tokens.callback}
  look-up         {stack.look_up_url("{messageId}")}
                  Authorization: Bearer {tokens.look_up}
                  with ?numbers=full: Bearer {tokens.full_number}
8x8, simulated    {stack.eightx8_url}
MoEngage          {stack.moengage_url}
AWS, emulated     {stack.aws.endpoint}

Send a message, as MoEngage does:
curl -sS {stack.send_url()} \\
  -H 'Authorization: Bearer {tokens.moengage}' -H 'Content-Type: application/json' \\
  -d '{json.dumps(body)}'

See what became of one (the campaign's first; put your own messageId in its place):
curl -sS {stack.look_up_url(known_id)} \\
  -H 'Authorization: Bearer {tokens.look_up}'

Operate it (paste this into another terminal):
{operators_tool(stack)}
bridge doctor
bridge message --to {stack.moengage.messages[0].destination}

What 8x8's simulator makes of a message, by the last digits of the recipient's number:
  {"\n  ".join(endings)}

Ctrl-C stops everything."""


def what_is_wrong(faults: Faults) -> str:
    """Give what somebody needs who finds and mends the faults with the operators' tool alone."""
    return f"""
Three things are wrong now, and a message was sent into each. Find and mend them with bridge.
8x8 Connect shows the API key        {faults.new_key}
MoEngage shows as tracking URL       {faults.new_tracking_url}

"""


def operators_tool(stack: LocalStack) -> str:
    """Give the lines that lead a shell's `bridge` here, and to no real account."""
    variables = {**stack.aws.environment, "BRIDGE_API_URL": stack.front_door_url}
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    path = shlex.quote(f"{PROJECT}:{PROJECT / 'layers'}")
    python = shlex.quote(sys.executable)
    program = f"PYTHONPATH={path} {python} -m bridge"
    return f"unset AWS_PROFILE; export {exports}\nalias bridge={shlex.quote(program)}"


def masked(number: str) -> str:
    """Hide a number's middle; its end shows what 8x8's simulator makes of it."""
    return f"{number[:3]}...{number[-4:]}"
