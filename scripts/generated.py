"""The parts of documents and templates that `make tables` writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

PROJECT = Path(__file__).resolve().parents[1]
_IN_DOCUMENTS = ("<!-- made by `make tables` -->\n", "<!-- end -->\n")


def read_template(name: str = "template.yaml") -> Any:
    """Return one of the templates, as cfn-lint reads it."""
    return load(str(PROJECT / name))


def table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table as Markdown has it."""
    names = list(heading)
    lines = "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n{lines}"


def with_tables(document: str, *tables: str) -> str:
    """Return a document with its tables written anew."""
    return with_parts(document, _IN_DOCUMENTS, *(f"\n{one}\n" for one in tables))


def with_parts(text: str, marks: tuple[str, str], *parts: str) -> str:
    """Return a text with what stands between each pair of marks written anew."""
    begin, end = marks
    before, *rest = text.split(begin)
    after = [one.partition(end)[2] for one in rest]
    return before + "".join(
        f"{begin}{part}{end}{text}" for part, text in zip(parts, after, strict=True)
    )


def rewrite(name: str, change: Callable[[str], str]) -> None:
    """Write a file of the project anew."""
    file = PROJECT / name
    file.write_text(change(file.read_text("utf-8")), "utf-8")
