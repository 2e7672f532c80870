"""The calls by which items are changed: their expressions are the same few again and again."""

import functools
from collections.abc import Mapping
from typing import Any

from sms_bridge.rules.life_cycle import MAY_REPLACE, State
from sms_bridge.storage.message_items import Item, attributes


def update_of(
    table: str,
    message_id: str,
    changes: Mapping[str, Any],
    *,
    expires_at: int | None = None,
    only_if_absent: tuple[str, ...] = (),
    condition: str | None = None,
    condition_values: Mapping[str, Any] | None = None,
    add: str | None = None,
    remove: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the call that sets attributes of an item, counts one up and removes others."""
    values = attributes({**changes, "expires_at": expires_at})
    expression, names = _update_expression(
        tuple(values), frozenset((*only_if_absent, "expires_at")), add, remove
    )
    placeholders = {f":v{number}": value for number, value in enumerate(values.values())}
    if add:
        placeholders |= attributes({":one": 1})
    placeholders |= attributes(dict(condition_values or {}))
    update: dict[str, Any] = {
        "TableName": table,
        "Key": attributes({"id": message_id}),
        "UpdateExpression": expression,
    }
    if names:
        update["ExpressionAttributeNames"] = names
    if placeholders:
        update["ExpressionAttributeValues"] = placeholders
    if condition:
        update["ConditionExpression"] = condition
        update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return update


@functools.lru_cache
def _update_expression(
    changed: tuple[str, ...],
    only_if_absent: frozenset[str],
    add: str | None,
    remove: tuple[str, ...],
) -> tuple[str, dict[str, str]]:
    """Return an update's expression, and the names that its placeholders stand for.

    The values' placeholders are ``:v0``, ``:v1``, ... in the order of the names.
    """
    names, assignments = {}, []
    for number, name in enumerate(changed):
        placeholder = "#state" if name == "state" else f"#n{number}"
        names[placeholder] = name
        new = f":v{number}"
        if name in only_if_absent:
            new = f"if_not_exists({placeholder}, {new})"
        assignments.append(f"{placeholder} = {new}")
    clauses = []
    if assignments:
        clauses.append(f"SET {', '.join(assignments)}")
    if add:
        clauses.append(f"ADD {add} :one")
    if remove:
        clauses.append(f"REMOVE {', '.join(remove)}")
    return " ".join(clauses), names


@functools.cache
def one_of(name: str, states: frozenset[State]) -> str:
    """Return the condition that the item is in one of these states."""
    return f"{name} IN ({', '.join(f':{state.value}' for state in sorted(states))})"


@functools.cache
def named(states: frozenset[State]) -> Mapping[str, str]:
    """Return the values of such a condition."""
    return {f":{state.value}": state.value for state in states}


def condition_to_move(state: State, attempt: int | None) -> str:
    """Return the condition that a message may move to a state.

    Parameters
    ----------
    attempt
        Which has to be the last one, 0 for none; ``None`` for any.
    """
    condition = f"(attribute_not_exists(#state) OR {one_of('#state', MAY_REPLACE[state])})"
    if attempt is None:
        return condition
    return f"{condition} AND {'attempt = :attempt' if attempt else 'attribute_not_exists(attempt)'}"


def values_to_move(state: State, attempt: int | None) -> Mapping[str, Any]:
    """Return the values of such a condition."""
    values = named(MAY_REPLACE[state])
    return {**values, ":attempt": attempt} if attempt else values


def item_of(refusal: Mapping[str, Any]) -> Item:
    """Return the item that a refused condition shows, empty where there is none."""
    item: Item = refusal.get("Item", {})
    return item
