"""Three faults, and an operator who has only `sms-bridge` to find and fix them."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from local.faults import Faults, faults
from local.report import operators_tool
from local.stack import LocalStack
from tests.end_to_end.bridge import SECONDS_TO_WAIT, Bridge

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]

HOURS = 3600
OF_THE_LAST_HOUR = ("requests-", "messages-", "callbacks-")
GIVEN_UP, REPORTED = "Z: gave up reporting to MoEngage: ", "Z: reported to MoEngage: "


@dataclass(frozen=True)
class Ended:
    """A command that ran to its end."""

    status: int
    printed: str
    complaint: str


class Operator:
    """Somebody who pasted into a terminal what `make run` prints, and types commands there."""

    def __init__(self, stack: LocalStack) -> None:
        self._pasted = operators_tool(stack)

    async def types(self, command: str, *, typed: str = "") -> Ended:
        script = f"shopt -s expand_aliases\n{self._pasted}\n{command}"
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            script,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "COLUMNS": "200", "no_proxy": "*"},
        )
        async with asyncio.timeout(SECONDS_TO_WAIT):
            printed, complaint = await process.communicate(typed.encode())
        assert process.returncode is not None
        return Ended(process.returncode, printed.decode(), complaint.decode())

    async def does(self, command: str, *, typed: str = "") -> str:
        """Type a command that works."""
        ended = await self.types(command, typed=typed)
        assert ended.status == 0, ended
        return ended.printed

    async def problems(self) -> list[dict[str, Any]]:
        """Ask the doctor what is wrong; the exit status must fit to it."""
        ended = await self.types("sms-bridge doctor --json")
        report = json.loads(ended.printed)
        problems = [one for one in report["findings"] if one["level"] == "problem"]
        assert ended.status == (1 if problems else 0)
        # What the last hour says, other tests have done.
        return [one for one in problems if not one["id"].startswith(OF_THE_LAST_HOUR)]


@pytest_asyncio.fixture(loop_scope="session")
async def made(stack: LocalStack, bridge: Bridge) -> AsyncIterator[Faults]:
    """The faults; what an operator did not fix in the end keeps no other test from going well."""
    # Of other tests' messages none may be hit.
    await bridge.quiet()
    async with faults(stack) as made:
        yield made


@pytest.fixture
def operator(stack: LocalStack) -> Operator:
    return Operator(stack)


async def test_each_fault_is_named_and_fixed(
    made: Faults, stack: LocalStack, bridge: Bridge, operator: Operator
) -> None:
    await _ended(GIVEN_UP, stack, made.without_report, made.refused)

    # ------------------------------------------------------------------------- what is wrong
    # With a wrong key nobody can see the webhooks.
    key, moengage = await operator.problems()
    assert (key["id"], moengage["id"]) == ("eightx8-key-refused", "outcomes-given-up")
    assert key["remedy"].startswith("sms-bridge configure")
    assert "MoEngage refused the reports with HTTP 404, so the URL was wrong" in moengage["what"]

    asked = await operator.types("sms-bridge message 00000000-0000-0000-0000-000000000001")
    assert asked.status == 3
    assert "8x8 refuses the bridge's API key" in asked.complaint

    # ---------------------------------------------------------------------------- the 8x8 key
    refused = await operator.types("sms-bridge configure --key-from-stdin", typed="not-the-key\n")
    assert refused.status == 1
    await operator.does("sms-bridge configure --key-from-stdin", typed=f"{made.new_key}\n")

    # ---------------------------------------------------------------------------- the webhook
    webhook, _ = await operator.problems()
    assert webhook["id"] == "webhook-elsewhere"
    assert "/another/system" in webhook["what"]
    assert webhook["remedy"].startswith("sms-bridge webhook register")
    await operator.does("sms-bridge webhook register", typed="y\n")

    # ------------------------------------------------------------------- the delivery tracking
    [moengage] = await operator.problems()
    assert "sms-bridge parameters set MoEngageConnectorId=ID" in moengage["remedy"]
    connector_id = made.new_tracking_url.rpartition("/")[2]
    await operator.does(f"sms-bridge parameters set MoEngageConnectorId={connector_id} --yes")
    # What was given up meanwhile is still named, with the command that reports it again.
    [moengage] = await operator.problems()
    await operator.does(moengage["remedy"].rpartition("then: ")[2])
    await _ended(REPORTED, stack, made.without_report, made.refused)

    assert await operator.problems() == []
    reported = await bridge.control.messages(made.without_report, made.refused)
    assert [one.reason for one in reported] == ["eightx8_rejected", "eightx8_unauthorized"]

    # ---------------------------------------------------------------- and all is well again
    after = await bridge.send(destination=bridge.number())
    await _ended(REPORTED, stack, after.unique_id)
    assert (await bridge.control.message(after.key)).belief == "delivered"

    # ----------------------------------- the receipt that went elsewhere is in 8x8's log as well
    [lost] = await bridge.control.messages(made.without_receipt)
    assert lost.belief == "sent"
    await operator.does("sms-bridge parameters set ReceiptTimeoutSeconds=3600 --yes")
    await bridge.age(lost.unique_id, seconds=2 * HOURS, state="queued")
    await asyncio.to_thread(stack.reconcile)
    await _ended(REPORTED, stack, lost.unique_id)
    assert (await bridge.control.message(lost.key)).belief == "delivered"
    await operator.does("sms-bridge parameters set ReceiptTimeoutSeconds=172800 --yes")


async def test_the_timeline_of_a_numbers_messages_is_shown(
    stack: LocalStack, bridge: Bridge, operator: Operator
) -> None:
    number = bridge.number("0001")
    message = await bridge.send(destination=number)
    await _ended(REPORTED, stack, message.unique_id)

    timeline = await operator.does(f"sms-bridge message --to {number}")

    assert timeline.startswith("1 message to 44")
    assert f"{message.unique_id}: undelivered; to 44" in timeline
    assert number.removeprefix("+") not in timeline
    for words in ("accepted from MoEngage", "8x8 queued it", "not delivered (Absent subscriber)"):
        assert words in timeline
    assert timeline.rstrip().endswith("reported to MoEngage: FAILED (eightx8_undelivered_1)")


async def test_a_test_message_is_followed_to_its_end(bridge: Bridge, operator: Operator) -> None:
    printed = await operator.does(f"sms-bridge send-test --to {bridge.number()} --wait 30")

    assert printed.rstrip().endswith("reported to MoEngage: DELIVERED")


@pytest.mark.parametrize(
    "command",
    [
        "sms-bridge settings",
        "sms-bridge parameters show",
        "sms-bridge webhook show",
        "sms-bridge stats",
        "sms-bridge failures",
        "sms-bridge opt-outs --by-day",
        "sms-bridge redrive",
        "sms-bridge replay --all",
        "sms-bridge rotate look-up --retire",
    ],
)
async def test_every_other_command_works_here_as_well(command: str, operator: Operator) -> None:
    assert (await operator.does(command)).strip()
    json.loads(await operator.does(f"{command} --json"))


async def _ended(event: str, stack: LocalStack, *message_ids: str) -> None:
    """Wait until this is the last that is known of messages."""
    async with asyncio.timeout(SECONDS_TO_WAIT):
        for message_id in message_ids:
            while event not in (await stack.look_up(message_id))["timeline"][-1]:
                await asyncio.sleep(0.1)
