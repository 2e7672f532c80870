"""PartiQL's UPDATE, as far as the bridge uses it, in the words of UpdateItem.

    UPDATE "table" SET "a" = 'text' SET "b" = 1 WHERE "id" = ? AND "c" = ? AND "d" IS MISSING

It differs from UpdateItem in one point: an item that is not there is not made.
"""

import re
from collections.abc import Sequence
from typing import Any

from tests.chaos.expressions import ExpressionError

MOST_STATEMENTS = 25

_STATEMENT = re.compile(r'UPDATE "(?P<table>[\w.-]+)" (?P<changes>SET .+) WHERE (?P<tests>.+)')
_CHANGE = re.compile(r'SET "(\w+)" = (.+)')
_EQUALS = re.compile(r'"(\w+)" = (.+)')
_MISSING = re.compile(r'"(\w+)" IS MISSING')
_TEXT = re.compile(r"'([^']*)'")
_NUMBER = re.compile(r"\d+")


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
    left = list(parameters)
    if len(left) != statement.count("?"):
        raise ExpressionError("Number of parameters in request and statement don't match.")
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    changes = re.split(r" (?=SET )", whole["changes"])
    for number, change in enumerate(changes):
        names[f"#n{number}"], values[f":n{number}"] = _equation(_CHANGE, change, left)
    conditions, key = ["attribute_exists(id)"], None
    for number, test in enumerate(whole["tests"].split(" AND ")):
        if missing := _MISSING.fullmatch(test):
            names[f"#w{number}"] = missing[1]
            conditions.append(f"attribute_not_exists(#w{number})")
            continue
        name, value = _equation(_EQUALS, test, left)
        if name == "id":
            key = value
            continue
        names[f"#w{number}"], values[f":w{number}"] = name, value
        conditions.append(f"#w{number} = :w{number}")
    if key is None:
        raise ExpressionError("Where clause does not contain a mandatory equality on all keys")
    assignments = ", ".join(f"#n{number} = :n{number}" for number in range(len(changes)))
    return {
        "TableName": whole["table"],
        "Key": {"id": key},
        "UpdateExpression": f"SET {assignments}",
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _equation(pattern: re.Pattern[str], text: str, left: list[Any]) -> tuple[str, Any]:
    """Read a name and its value, which is written there or the next of the parameters."""
    found = pattern.fullmatch(text)
    if found is None:
        raise ExpressionError(f"not known here: {text}")
    name, written = found.groups()
    if written == "?":
        return name, left.pop(0)
    if literal := _TEXT.fullmatch(written):
        return name, {"S": literal[1]}
    if _NUMBER.fullmatch(written):
        return name, {"N": written}
    raise ExpressionError(f"not known here: {written}")
