"""The project's documents, and what tests read in them."""

import re
from pathlib import Path

from tests.template.conftest import PROJECT

DOCUMENTS = [
    PROJECT / name
    for name in (
        *("README.md", "CHANGELOG.md", "docs/architecture.md", "docs/security.md"),
        *("docs/runbook.md", "docs/deployment.md", "docs/http-api.md"),
    )
]

Rows = list[list[str]]


def rows_of(document: str, heading: str) -> Rows:
    """Return the cells of the table that begins with a heading row."""
    text = (PROJECT / document).read_text("utf-8")
    table = text.split(f"{heading}\n", 1)[1].split("\n\n", 1)[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]
    ]


def words_in(cell: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def anchors_of(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
