"""Calls to AWS as boto3 makes them: with a latency, and tried again as the bridge configures it."""

from collections.abc import Callable
from random import Random
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from sms_bridge.storage.aws import AWS_CALLS
from tests.chaos.faults import Faults
from tests.chaos.world import World

# botocore makes the attributes from its arguments, which its type stubs do not know.
_SETTINGS: Any = AWS_CALLS
TRIES: int = _SETTINGS.retries["total_max_attempts"]
_READ_TIMEOUT: float = _SETTINGS.read_timeout


def client_error(code: str, operation: str, **more: Any) -> ClientError:
    """Return the exception that boto3 raises for an error code."""
    response: Any = {"Error": {"Code": code, "Message": "of the simulation"}, **more}
    return ClientError(response, operation)


class AwsCalls:
    """How one client's calls go.

    Parameters
    ----------
    fails, down, answer_lost, answers_lost
        Names of the faults that let calls fail; the last two after the work is done, of one try
        and of all.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        random: Random,
        *,
        fails: str,
        down: str = "",
        answer_lost: str = "",
        answers_lost: str = "",
        tries: int = TRIES,
    ) -> None:
        self._world = world
        self._faults = faults
        self._random = random
        self._fails = fails
        self._down = down
        self._answer_lost = answer_lost
        self._answers_lost = answers_lost
        self._tries = tries

    def __call__[Answer](self, operation: str, work: Callable[[], Answer]) -> Answer:
        """Make one call; other activities go on before its work is done, and after it."""
        strikes, wait = self._faults.strikes, self._world.wait
        if strikes(self._fails):
            wait(self._random.uniform(0.1, 1.0))
            raise client_error("ThrottlingException", operation)
        loses_all = strikes(self._answers_lost)
        for attempt in range(1, self._tries + 1):
            wait(self._random.uniform(0.001, 0.006))
            if strikes(self._down):
                wait(self._random.uniform(0.0, 0.5 * attempt))
                continue
            try:
                answer = work()
            finally:
                wait(self._random.uniform(0.001, 0.006))
            if loses_all or strikes(self._answer_lost):
                wait(_READ_TIMEOUT)
                continue
            return answer
        raise ReadTimeoutError(endpoint_url="https://aws.invalid")
