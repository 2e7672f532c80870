"""boto3's clients of AWS, one session for all.

Each client is made when it is first asked for: what a function surely needs it asks for while it
starts, which costs less than within its first event.
"""

import logging
import os
import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# AWS answers within milliseconds. A call that takes a second will not come back, while another
# one mostly does; and MoEngage waits for the answer.
CONNECT_TIMEOUT = 0.5
READ_TIMEOUT = 1.0
MAX_TRIES = 3

# Where nothing but the record of what was done is at stake, and nobody waits. With the pauses
# between them they take 13 seconds when all are throttled, and 22 when none is answered, of the 30
# that forward_outcome has.
PATIENT_MAX_TRIES = 9

# Made when the layer is built: boto3 reads its certificates for each connection, and all of
# Mozilla's take 20 ms. In China AWS has other roots.
_AMAZON_ROOTS = Path(__file__).parents[1] / "certificates/aws.pem"

# At each cold start it would say where its credentials are from.
logging.getLogger("botocore").setLevel(logging.WARNING)


class _MadeOnce[Client](cached_property[Client]):
    """A property that is made once, however many threads ask for it at the same moment.

    A session must not be used by two threads at once; a client may.
    """

    def __get__(self, instance: "AwsClients", owner: type | None = None) -> Client:  # type: ignore[override]
        with instance.lock:
            return super().__get__(instance, owner)


class AwsClients:
    """The clients that the adapters of this package take."""

    def __init__(self, session: boto3.Session | None = None) -> None:
        self._session = session or boto3.Session()
        self.lock = threading.Lock()
        is_chosen = any(name in os.environ for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"))
        is_in_china = (self._session.region_name or "").startswith("cn-")
        has_own = _AMAZON_ROOTS.exists() and not is_chosen and not is_in_china
        # ``None`` leaves the choice to boto3.
        self._roots = str(_AMAZON_ROOTS) if has_own else None

    @_MadeOnce
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB, for calls that somebody waits for."""
        return self._session.client("dynamodb", config=_config(), verify=self._roots)

    @_MadeOnce
    def patient_dynamodb(self) -> "DynamoDBClient":
        """DynamoDB, tried for longer: for the write after a call that cannot be taken back.

        In boto3's standard mode a client has 500 tokens for repeats, a throttled one costs 5 and
        one without an answer 14: while DynamoDB throttles 60 % of all calls they are soon used up,
        and a call fails at once (66 of 240 outcomes were reported twice, 2026-11-27; now 3).
        The legacy mode repeats as often as it is told.
        """
        config = _config(PATIENT_MAX_TRIES, mode="legacy")
        return self._session.client("dynamodb", config=config, verify=self._roots)

    @_MadeOnce
    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", config=_config(), verify=self._roots)

    @_MadeOnce
    def sqs_once(self) -> "SQSClient":
        """SQS, for a record that must not be there twice: no call is repeated."""
        return self._session.client("sqs", config=_config(1), verify=self._roots)

    @_MadeOnce
    def secretsmanager(self) -> "SecretsManagerClient":
        return self._session.client("secretsmanager", config=_config(), verify=self._roots)


def _config(max_tries: int = MAX_TRIES, mode: Literal["standard", "legacy"] = "standard") -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": mode, "total_max_attempts": max_tries},
        # What is sent is typed, and AWS checks it again.
        parameter_validation=False,
        # boto3's own, which lists all that it runs on, takes a tenth of a call's work.
        user_agent="sms-bridge",
    )


# ------------------------------------------------------------------------------------------ errors
def _response_of(error: object) -> Any:
    return error.response if isinstance(error, ClientError) else {}


def error_code(error: object) -> str:
    """Return AWS's code of an error, such as ``ConditionalCheckFailedException``; else nothing."""
    return str(_response_of(error).get("Error", {}).get("Code", ""))


def refusal(failed: Mapping[str, Any], call: Mapping[str, Any]) -> ClientError:
    """Return an error within a batch as the exception that a call of its own would raise.

    ``call`` is the answer to the whole batch, by whose request id AWS Support finds it.
    """
    answer: Any = {
        "Error": {"Code": failed["Code"]},
        "Item": failed.get("Item", {}),
        "ResponseMetadata": call["ResponseMetadata"],
    }
    return ClientError(answer, "batch")


def was_refused_at_once(error: Exception) -> bool:
    """Return whether AWS refused a call, and no earlier try of it can have done something."""
    answer = _response_of(error).get("ResponseMetadata", {})
    is_refusal: bool = 400 <= answer.get("HTTPStatusCode", 0) < 500
    return is_refusal and answer.get("RetryAttempts") == 0


def item_of_refusal(error: Exception) -> dict[str, Any]:
    """Return the item that a write's condition did not hold for, empty where there is none.

    Any other error is raised again.
    """
    if error_code(error) not in ("ConditionalCheckFailedException", "ConditionalCheckFailed"):
        raise error
    return dict(_response_of(error).get("Item", {}))
