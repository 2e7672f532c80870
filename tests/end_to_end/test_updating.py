"""The running stack is deployed anew: no message is lost, and what is the same changes nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.deployment import STACK_NAME
from local.stack import LocalStack
from tests.end_to_end.bridge import Bridge
from tests.end_to_end.control_api import SentMessage

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.updates,
    pytest.mark.asyncio(loop_scope="session"),
]

SECONDS_BETWEEN_MESSAGES = 0.5
# The emulator ends the calls that run when a function changes; Lambda lets them finish. What they
# worked on comes back when its visibility timeout is over, which is three minutes in the template.
SECONDS_UNTIL_A_RECORD_IS_BACK = 35
SECONDS_TO_REPORT = 120
# These two make no difference to any other test.
CHANGED = {"RetentionDays": "91", "ReceiptTimeoutSeconds": "172799"}
KEEP_RECORDS = {"SendSms", "ReceiveCallback"}
CARRY_MESSAGES = ("SendSms", "DispatchQueue", "ReceiveCallback", "ForwardOutcome")


@pytest_asyncio.fixture(loop_scope="session")
async def _records_come_back_soon(stack: LocalStack) -> AsyncIterator[None]:
    def hide_records_for(seconds: int) -> None:
        stack.aws.sqs.set_queue_attributes(
            QueueUrl=stack.deployment.outcome_queue_url,
            Attributes={"VisibilityTimeout": str(seconds)},
        )

    await asyncio.to_thread(hide_records_for, SECONDS_UNTIL_A_RECORD_IS_BACK)
    yield
    await asyncio.to_thread(hide_records_for, 180)


def live_versions(stack: LocalStack) -> dict[str, int]:
    """Return which version of each function the traffic goes to."""
    return {
        name: int(
            stack.aws.lambda_.get_alias(
                FunctionName=stack.deployment.physical_ids[name], Name="live"
            )["FunctionVersion"]
        )
        for name in CARRY_MESSAGES
    }


def live_retention(stack: LocalStack) -> str:
    """Return what the version that sends has in its environment."""
    found = stack.aws.lambda_.get_function_configuration(
        FunctionName=stack.deployment.physical_ids["SendSms"], Qualifier="live"
    )
    return found["Environment"]["Variables"]["RETENTION_DAYS"]


@pytest.mark.usefixtures("_records_come_back_soon")
async def test_no_message_is_lost_while_the_stack_is_updated(
    stack: LocalStack, bridge: Bridge
) -> None:
    before = await asyncio.to_thread(live_versions, stack)
    messages: list[SentMessage] = []
    update = asyncio.create_task(stack.deploy(**CHANGED))

    while not update.done():
        messages.append(await bridge.send(destination=bridge.number()))
        await asyncio.sleep(SECONDS_BETWEEN_MESSAGES)
    await update
    messages.append(await bridge.send(destination=bridge.number()))
    answered = [one for one in messages if 200 in one.statuses]
    reported = await bridge.all_reported(answered, SECONDS_TO_REPORT)
    await bridge.control.settled(SECONDS_TO_REPORT)

    # All of them were sent into the update, and the last one after it.
    assert len(answered) > 3
    assert messages[-1] in answered
    assert {one.belief for one in reported} == {"delivered"}
    assert {await bridge.sms_to(one.destination) for one in reported} == {1}
    # A function whose settings are the same keeps its version.
    after = await asyncio.to_thread(live_versions, stack)
    assert {name for name in CARRY_MESSAGES if after[name] > before[name]} == KEEP_RECORDS
    assert await asyncio.to_thread(live_retention, stack) == "91"


async def test_what_is_built_and_deployed_once_more_changes_nothing(stack: LocalStack) -> None:
    def last_update() -> object:
        [found] = stack.aws.cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
        return found.get("LastUpdatedTime", found["CreationTime"])

    await stack.deploy()
    before = await asyncio.to_thread(last_update)

    await stack.sam.build()
    await stack.deploy()

    assert await asyncio.to_thread(last_update) == before
    assert "No changes to deploy" in stack.sam.deploy_log
