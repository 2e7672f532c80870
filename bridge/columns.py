"""Columns of text that can be copied: nothing is cut off or wrapped."""

from __future__ import annotations

from collections.abc import Sequence

_GAP = "  "


def columns(rows: Sequence[Sequence[object]], headings: Sequence[str] = ()) -> str:
    """Return rows as lines, aligned.

    Parameters
    ----------
    rows
        Of equal length.
    headings
        Of the columns; none leaves them out.
    """
    lines = [[str(value) for value in row] for row in ([headings] if headings else []) + [*rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        _GAP.join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
