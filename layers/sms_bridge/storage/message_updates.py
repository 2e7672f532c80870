"""The expressions by which items are changed: the same few again and again."""

import functools
from collections.abc import Mapping
from typing import Any

from sms_bridge.rules.life_cycle import State
from sms_bridge.storage.message_items import Item


@functools.lru_cache
def update_expression(
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


def one_of(name: str, states: frozenset[State]) -> str:
    """Return the condition that the item is in one of these states."""
    return f"{name} IN ({', '.join(f':{state.value}' for state in sorted(states))})"


def named(states: frozenset[State]) -> dict[str, Any]:
    """Return the values of such a condition."""
    return {f":{state.value}": state.value for state in states}


def item_of(refusal: Mapping[str, Any]) -> Item:
    """Return the item that a refused condition shows, empty where there is none."""
    item: Item = refusal.get("Item", {})
    return item
