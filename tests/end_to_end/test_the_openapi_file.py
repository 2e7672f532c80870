"""What docs/openapi.yaml says is what the deployed bridge does: few requests, all the way."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis.generation import GenerationMode

from local.stack import LocalStack
from tests.docs.openapi_file import (
    ACCEPTS,
    REJECTS,
    SCHEMA,
    aimed_at,
    is_within_what_no_schema_can_say,
    operations,
)

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]

SUB_ACCOUNT = "Acme_Transactional"

# No shrinking: each request takes a good part of a second.
FEW = settings(
    max_examples=5,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("operation_id", operations())
async def test_what_conforms_is_accepted(stack: LocalStack, operation_id: str) -> None:
    await call(stack, operation_id, GenerationMode.POSITIVE)


@pytest.mark.parametrize("operation_id", ["sendMessage", "findMessages"])
async def test_what_does_not_conform_is_rejected(stack: LocalStack, operation_id: str) -> None:
    await call(stack, operation_id, GenerationMode.NEGATIVE)


async def call(stack: LocalStack, operation_id: str, mode: GenerationMode) -> None:
    """Make generated requests, and check the answers."""
    operation = operations()[operation_id]
    cases = SCHEMA[operation["path"]][operation["method"]].as_strategy(generation_mode=mode)
    token = {
        "sendMessage": stack.tokens.moengage,
        "sendBatch": stack.tokens.moengage,
        "getDetails": stack.tokens.moengage,
        "receiveCallback": stack.tokens.callback,
    }.get(operation_id, stack.tokens.full_number)

    @FEW
    @given(case=cases.map(lambda case: aimed_at(case, SUB_ACCOUNT)))
    def check(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            assume(is_within_what_no_schema_can_say(case))
        case.call_and_validate(
            base_url=stack.front_door_url,
            headers={"authorization": f"Bearer {token}"},
            checks=ACCEPTS if mode is GenerationMode.POSITIVE else REJECTS,
        )

    await asyncio.to_thread(check)
