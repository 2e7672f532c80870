"""The functions as Lambda would load them."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

from local.event_files import EVENTS
from sms_bridge.settings import (
    CallbackSettings,
    DispatchSettings,
    ForwardSettings,
    LookUpSettings,
    ReconcileSettings,
    SendSettings,
    Settings,
)

FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"
ENVIRONMENT: dict[str, dict[str, str]] = json.loads((EVENTS / "environment.json").read_text())
"""Each function's variables, by its name in the template."""
SETTINGS: dict[str, type[Settings]] = {
    "send_sms": SendSettings,
    "dispatch_queue": DispatchSettings,
    "receive_callback": CallbackSettings,
    "forward_outcome": ForwardSettings,
    "look_up_message": LookUpSettings,
    "reconcile": ReconcileSettings,
}
"""By the function's folder."""


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


def variables_of(settings: type[Settings], *, required: bool = False) -> list[str]:
    """Return the names of a function's variables, or of those that may not be missing."""
    names = get_type_hints(settings)
    return [name.upper() for name in names if not (required and hasattr(settings, name))]
