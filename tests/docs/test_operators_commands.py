"""The documents and the code name the operators' tool and its commands as they are."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bridge.app import app

ROOT = Path(__file__).parents[2]
_COMMANDS: Any = typer.main.get_command(app)
COMMANDS = frozenset(_COMMANDS.commands)
NAMED_BY_SMS = sorted(
    path
    for pattern in (
        "*.md",
        "docs/*.md",
        "*.yaml",
        "local/**/*.py",
        "layers/**/*.py",
        "bridge/**/*.py",
    )
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("path", NAMED_BY_SMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_named_is_there(path: Path) -> None:
    """`bridge` alone is another program on every Linux."""
    text = path.read_text(encoding="utf-8")

    named = re.findall(r"(?:\$ |`)sms-bridge ((?!-)[a-z][a-z-]+)", text)
    assert set(named) <= COMMANDS
    one_of = "|".join(map(re.escape, sorted(COMMANDS)))
    assert re.findall(rf"(?:\$ |`|\")bridge (?:{one_of})\b", text) == []
