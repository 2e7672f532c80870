"""Builds services of which a test names only the parts that it is about: the rest is in memory."""

import time
from collections.abc import Callable
from inspect import signature
from types import SimpleNamespace
from typing import Any

from sms_bridge.domain.message import Message
from sms_bridge.settings import ReconcileSettings, Settings
from sms_bridge.storage.secret import Secret
from tests.builders import SUB_ACCOUNT
from tests.fakes.clock import TurnableClock
from tests.fakes.eightx8 import FakeEightX8
from tests.fakes.log_exports import FakeLog
from tests.fakes.messages import InMemoryMessages
from tests.fakes.moengage import FakeMoEngage
from tests.fakes.opt_outs import InMemoryOptOuts
from tests.fakes.queues import InMemoryDeadLetters, InMemoryOutcomes, InMemorySendQueue
from tests.functions import ENVIRONMENT, SETTINGS

TO_LIVE = 3600

PARTS: dict[str, Callable[[], Any]] = {
    "messages": InMemoryMessages,
    "send_queue": InMemorySendQueue,
    "outcomes": InMemoryOutcomes,
    "opt_outs": InMemoryOptOuts,
    "dead_letters": InMemoryDeadLetters,
    "log": FakeLog,
    "sender": FakeEightX8,
    "report": lambda: FakeMoEngage().report,
    "users": lambda: None,
    "secrets": lambda: secrets_of(),
    "clock": lambda: time.time,
    "sleep": lambda: time.sleep,
    "chance": lambda: lambda: 0.5,
}

# What an operator chose who chose little.
CHOSEN: dict[str, Any] = {
    **{name.lower(): value for some in ENVIRONMENT.values() for name, value in some.items()},
    "sub_account_ids": SUB_ACCOUNT,
    "transactional_seconds_to_live": TO_LIVE,
    "promotional_seconds_to_live": TO_LIVE,
    "opt_out_message_types": "",
    "opt_out_keywords": "",
    "opt_in_keywords": "",
    "help_keywords": "",
    "opt_out_reply": "",
    "opt_in_reply": "",
    "help_reply": "",
    "moengage_data_api_url": "",
    "send_rate_limit": 0,
    "unresolved_timeout_seconds": 7200,
}
CLASSES = {kind.__name__: kind for kind in SETTINGS.values()}


def secrets_of(hash_key: str = "k", data_api_key: str = "data-key") -> SimpleNamespace:
    """Return where services get the secret from."""
    secret = Secret.from_values({"hashKey": hash_key, "moengageDataApiKey": data_api_key})
    return SimpleNamespace(get=lambda: secret)


def settings_of[Kind: Settings](kind: type[Kind], **chosen: Any) -> Kind:
    """Return a function's settings, as they are read from its environment."""
    return kind({name.upper(): str(value) for name, value in {**CHOSEN, **chosen}.items()})


TIMEOUTS = settings_of(ReconcileSettings)


def a_service[Service](kind: Callable[..., Service], **given: Any) -> Service:
    """Build a service of the parts and the settings, by their names, that it works with."""
    parameters = signature(kind).parameters
    assert given.keys() <= parameters.keys() | PARTS.keys() | CHOSEN.keys()
    parts = {name: PARTS[name]() for name in parameters.keys() & PARTS.keys() - given.keys()}
    parts |= {name: given[name] for name in parameters.keys() & given.keys()}
    if "settings" in parameters:
        chosen = {name: value for name, value in given.items() if name in CHOSEN}
        parts["settings"] = settings_of(CLASSES[parameters["settings"].annotation], **chosen)
    return kind(**parts)


class InMemory:
    """A bridge in memory: a test's own one adds the service that it is about."""

    def __init__(self) -> None:
        self.clock = TurnableClock()
        self.messages = InMemoryMessages()
        self.outcomes = InMemoryOutcomes()
        self.opt_outs = InMemoryOptOuts()

    def a_service[Service](self, kind: Callable[..., Service], **parts: Any) -> Service:
        """Build a service of the parts that the bridge has."""
        own = {name: part for name, part in vars(self).items() if name in PARTS}
        return a_service(kind, **own | parts)

    def kept(self, which: Message | str) -> Message:
        """Return a message as it is in the table."""
        kept = self.messages.get(which if isinstance(which, str) else which.id)
        assert kept is not None
        return kept
