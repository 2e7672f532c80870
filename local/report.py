"""What the terminal shows of the campaign, and what to try afterwards."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence

from rich.markup import escape

from local.campaign import Result
from local.containers import ENVIRONMENT_FILE
from local.eightx8 import scenarios
from local.faults import Faults
from local.stack import PROJECT, SENDER_ID, LocalStack

# What comes of an SMS that nothing happens to.
PLAIN_ANSWERS, PLAIN_RECEIPTS = ("200",), ("queued", "sent", "delivered")


def outcomes(results: Sequence[Result]) -> str:
    """Show what became of each message of the campaign; fits into 80 columns."""
    lines = [f"  {'Message':32}{'To':9}MoEngage shows"]
    for result in results:
        course = result.course
        mark = "[green]:heavy_check_mark:[/]" if result.as_expected else "[red]x[/]"
        belief = ": ".join(filter(None, (course.belief, course.reason)))
        reports = f", {course.reports} reports" if course.reports > 1 else ""
        to = f"...{result.case.destination[-4:]}"
        lines.append(f"{mark} {escape(f'{result.case.name:32}{to:9}{belief}{reports}')}")
        if course.answers != PLAIN_ANSWERS:
            lines.append(f"    [dim]answers to MoEngage: {', '.join(course.answers)}[/]")
        if result.receipts and result.receipts != PLAIN_RECEIPTS:
            lines.append(f"    [dim]receipts as they came: {', '.join(result.receipts)}[/]")
    return "\n".join(lines)


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
    # curl takes a proxy even for this machine.
    proxied = any(os.environ.get(name) for name in ("http_proxy", "all_proxy", "ALL_PROXY"))
    curl = "curl -sS --noproxy '*'" if proxied else "curl -sS"
    endings = [f"{ending:6}  {scenario}" for ending, scenario in scenarios.endings()]
    return f"""
The bridge        {stack.front_door_url}
  for MoEngage    {stack.send_url()}
                  Authorization: Bearer {tokens.moengage}
  for 8x8         {stack.callback_url}
                  Authorization: Bearer {tokens.callback}
  look-up         {stack.look_up_url("{umid}")}
                  Authorization: Bearer {tokens.look_up}
                  with ?numbers=full: Bearer {tokens.full_number}
8x8, simulated    {stack.eightx8_url}
MoEngage          {stack.moengage_url}
AWS, emulated     {stack.aws.endpoint}

Send a message, as MoEngage does:
{curl} {stack.send_url()} \\
  -H 'Authorization: Bearer {tokens.moengage}' -H 'Content-Type: application/json' \\
  -d '{json.dumps(body)}'

See what became of one (the campaign's first; put your own umid in its place):
{curl} {stack.look_up_url(known_id)} \\
  -H 'Authorization: Bearer {tokens.look_up}'

Operate it (paste this into another terminal):
{operators_tool(stack)}
sms-bridge doctor
sms-bridge message {stack.moengage.messages[0].destination}

The environment of its functions, for `sam local invoke` (events/README.md):
{ENVIRONMENT_FILE}

8x8's simulator goes by the last digits of the recipient's number:
  {"\n  ".join(endings)}"""


def what_is_wrong(faults: Faults) -> str:
    """Give what somebody needs to find and fix the faults with the operators' tool alone."""
    return f"""
FAULTS: three things are wrong now, and a message was sent into each.
Find and fix them with sms-bridge, as above.
8x8 Connect shows the API key        {faults.new_key}
MoEngage shows as tracking URL       {faults.new_tracking_url}"""


def operators_tool(stack: LocalStack) -> str:
    """Give the lines that lead a shell's `sms-bridge` here, and to no real account."""
    variables = {**stack.aws.credentials, "BRIDGE_API_URL": stack.front_door_url}
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    path = shlex.quote(f"{PROJECT}:{PROJECT / 'layers'}")
    python = shlex.quote(sys.executable)
    program = f"PYTHONPATH={path} {python} -m bridge"
    unset = "AWS_PROFILE HTTP_PROXY http_proxy"
    return f"unset {unset}; export {exports}\nalias sms-bridge={shlex.quote(program)}"
