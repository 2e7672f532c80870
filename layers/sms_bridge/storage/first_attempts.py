"""The first attempts of many messages, begun in few calls.

DynamoDB changes many items in one call by PartiQL's statements only: each has a condition of its
own, and holds or fails alone. An attempt that is not the first counts on from an earlier one and
clears away what came of that; it is begun by itself.
"""

from collections.abc import Iterable
from itertools import batched
from typing import TYPE_CHECKING

from sms_bridge.json_text import WrittenList, json_string
from sms_bridge.rules.life_cycle import State
from sms_bridge.storage.aws_calls import error_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AT_ONCE = 25
"""DynamoDB's limit."""


def begin_first_attempts(
    client: "DynamoDBClient", table: str, message_ids: Iterable[str], at: str
) -> dict[str, bool | Exception]:
    """Take messages that were never tried out of ``waiting``.

    Returns
    -------
    dict
        Of each message whether its attempt is begun, or why nobody knows. It is not where the
        message does not wait, or was tried before, or is not there.
    """
    # What is the same for all stands in the statement itself: the table's name, our own words and
    # our own clock. What came from outside is its parameter.
    statement = (
        f'UPDATE "{table}" SET "state" = \'{State.SENDING}\' SET "attempt" = 1 '  # noqa: S608
        f'SET "attempt_at" = \'{at}\' WHERE "id" = ? AND "state" = \'{State.WAITING}\' '
        'AND "attempt" IS MISSING AND "answered_at" IS MISSING'
    )
    begins = f'{{"Statement":{json_string(statement)},"Parameters":[{{"S":'
    begun: dict[str, bool | Exception] = {}
    # No item may be changed twice in one call.
    for some in batched(dict.fromkeys(message_ids), _AT_ONCE, strict=False):
        statements = WrittenList(
            ({"Statement": statement, "Parameters": [{"S": one}]} for one in some),
            f"[{','.join(f'{begins}{json_string(one)}}}]}}' for one in some)}]",
        )
        try:
            answers = client.batch_execute_statement(Statements=statements)["Responses"]
        except Exception as error:
            begun |= dict.fromkeys(some, error)
            continue
        begun |= dict.fromkeys(some, True)
        for message_id, answer in zip(some, answers, strict=True):
            if "Error" in answer:
                begun[message_id] = _told_by(answer["Error"].get("Code", ""))
    return begun


def _told_by(code: str) -> bool | Exception:
    return False if code == "ConditionalCheckFailed" else error_of(code, {})
