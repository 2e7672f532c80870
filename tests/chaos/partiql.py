"""PartiQL's UPDATE, as far as the bridge uses it, in the words of UpdateItem.

    UPDATE "table" SET "a" = ? SET "b" = ? WHERE "id" = ? AND "c" = ? AND "d" IS MISSING
    RETURNING ALL NEW *

It differs from UpdateItem in one point: an item that is not there is not made.
"""

import re
from collections.abc import Sequence
from typing import Any

from tests.chaos.expressions import ExpressionError

MOST_STATEMENTS = 25

_STATEMENT = re.compile(
    r'UPDATE "(?P<table>[\w.-]+)" (?P<changes>SET .+) WHERE (?P<tests>.+) RETURNING ALL NEW \*'
)
_CHANGE = re.compile(r'SET "(\w+)" = \?')
_EQUALS = re.compile(r'"(\w+)" = \?')
_MISSING = re.compile(r'"(\w+)" IS MISSING')


def update_of(statement: str, parameters: Sequence[Any]) -> dict[str, Any]:
    """Return the call of UpdateItem that does what a statement does.

    Raises
    ------
    ExpressionError
        It is none of the statements that are known here.
    """
    whole = _STATEMENT.fullmatch(statement)
    if whole is None:
        raise ExpressionError(f"no statement that is known here: {statement}")
    changed = [_name(_CHANGE, change) for change in re.split(r" (?=SET )", whole["changes"])]
    names = {f"#n{number}": name for number, name in enumerate(changed)}
    left = list(parameters)
    if len(left) != statement.count("?"):
        raise ExpressionError("Number of parameters in request and statement don't match.")
    values = {f":n{number}": left.pop(0) for number in range(len(changed))}
    conditions, key = ["attribute_exists(id)"], None
    for number, test in enumerate(whole["tests"].split(" AND ")):
        if missing := _MISSING.fullmatch(test):
            names[f"#w{number}"] = missing[1]
            conditions.append(f"attribute_not_exists(#w{number})")
            continue
        name, value = _name(_EQUALS, test), left.pop(0)
        if name == "id":
            key = value
            continue
        names[f"#w{number}"], values[f":w{number}"] = name, value
        conditions.append(f"#w{number} = :w{number}")
    if key is None:
        raise ExpressionError("Where clause does not contain a mandatory equality on all keys")
    changes = ", ".join(f"#n{number} = :n{number}" for number in range(len(changed)))
    return {
        "TableName": whole["table"],
        "Key": {"id": key},
        "UpdateExpression": f"SET {changes}",
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ReturnValues": "ALL_NEW",
    }


def _name(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.fullmatch(text)
    if found is None:
        raise ExpressionError(f"not known here: {text}")
    return found[1]
