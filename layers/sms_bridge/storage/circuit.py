"""The circuit breaker of the calls to MoEngage: one for all functions, its state an item."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.circuit_breaker import (
    CircuitBreakerConfig,
    CircuitTransition,
    circuit_breaker,
)
from aws_lambda_powertools.utilities.circuit_breaker.persistence import (
    CircuitBreakerDynamoDBPersistence,
)

from sms_bridge.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# It logs exceptions of AWS with their texts.
logging.getLogger("aws_lambda_powertools.utilities.circuit_breaker").setLevel(logging.CRITICAL)

CIRCUIT = "circuit moengage"

# Of one function, in a row. As one function's failures stop all, five would stop them while
# MoEngage still answers most reports: of 20,000, every third failing, half took 15 minutes in place
# of 3 seconds with fifty functions (simulated, 2026-11-27). Ten are one batch.
FAILURES_THAT_OPEN = 10

SECONDS_OPEN = 30


def circuit_of_moengage(client: "DynamoDBClient", table: str) -> Callable[..., Any]:
    """Return what decorates calls to MoEngage: an exception counts as a failure.

    The state is read every five seconds. While the table fails, the circuit is closed.
    """
    return circuit_breaker(
        name=CIRCUIT,
        persistence_store=CircuitBreakerDynamoDBPersistence(
            table, expiry_attr="expires_at", boto3_client=client
        ),
        config=CircuitBreakerConfig(
            failure_threshold=FAILURES_THAT_OPEN,
            recovery_timeout=SECONDS_OPEN,
            success_threshold=1,
        ),
        on_transition=_log,
    )


def _log(transition: CircuitTransition) -> None:
    logger.warning(
        "circuit changed", circuit="MoEngage", before=transition.from_state, now=transition.to_state
    )
