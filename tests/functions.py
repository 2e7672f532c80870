"""The functions as Lambda would load them."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

from local.event_files import EVENTS

FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"
ENVIRONMENT: dict[str, dict[str, str]] = json.loads((EVENTS / "environment.json").read_text())
"""Each function's variables, by its name in the template."""


def load(function: str) -> ModuleType:
    """Import a function's app.py under a name of its own, as a new container would."""
    spec = importlib.util.spec_from_file_location(
        f"{function}_app", FUNCTIONS / function / "app.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
