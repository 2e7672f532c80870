"""The expressions by which items are changed: the same few again and again."""

import functools


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
