"""Builds services of which a test names only the parts that it is about: the rest is in memory."""

import time
from collections.abc import Callable
from inspect import signature
from typing import Any

from sms_bridge.domain.message import Message, MessageType
from sms_bridge.domain.opt_out import keywords_of
from sms_bridge.domain.reconciliation import (
    AbsentPolicy,
    MissingReceiptPolicy,
    Timeouts,
    UnresolvedPolicy,
)
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy, RetryPolicy
from sms_bridge.services.reply import Reply
from tests.builders import SUB_ACCOUNT
from tests.fakes.clock import TurnableClock
from tests.fakes.eightx8 import FakeEightX8
from tests.fakes.log_exports import FakeLog
from tests.fakes.messages import InMemoryMessages
from tests.fakes.moengage import FakeMoEngage
from tests.fakes.opt_outs import InMemoryOptOuts
from tests.fakes.queues import InMemoryDeadLetters, InMemoryOutcomes, InMemorySendQueue

TO_LIVE = 3600
TIMEOUTS = Timeouts(unknown=600, unresolved=7200, receipt=172_800)

PARTS: dict[str, Callable[[], Any]] = {
    "messages": InMemoryMessages,
    "send_queue": InMemorySendQueue,
    "outcomes": InMemoryOutcomes,
    "opt_outs": InMemoryOptOuts,
    "dead_letters": InMemoryDeadLetters,
    "log": FakeLog,
    "sender": FakeEightX8,
    "report": lambda: FakeMoEngage().report,
    "circuit": lambda: lambda report: report,
    "reply": lambda: a_service(Reply, texts={}, seconds_to_live=600),
    "keywords": lambda: keywords_of([], []),
    "sub_account_ids": lambda: (SUB_ACCOUNT,),
    "clock": lambda: time.time,
    "sleep": lambda: time.sleep,
    "chance": lambda: lambda: 0.5,
    # What an operator chose who chose little.
    "duplicate_window": lambda: 120,
    "is_queued": lambda: False,
    "seconds_to_live": lambda: dict.fromkeys(MessageType, TO_LIVE),
    "opt_out_message_types": frozenset,
    "policy": RetryPolicy,
    "retry": RetryPolicy,
    "rate": lambda: 0,
    "at_once": lambda: 1,
    "timeouts": lambda: TIMEOUTS,
    "absent": lambda: AbsentPolicy.RESEND,
    "unresolved": lambda: UnresolvedPolicy.REPORT,
    "missing_receipt": lambda: MissingReceiptPolicy.FAILED,
}


def a_service[Service](kind: Callable[..., Service], **parts: Any) -> Service:
    """Build a service of the parts that it works with."""
    names = signature(kind).parameters.keys()
    assert parts.keys() <= names | PARTS.keys()
    in_memory = {name: PARTS[name]() for name in names & PARTS.keys() - parts.keys()}
    return kind(**in_memory, **{name: parts[name] for name in names & parts.keys()})


def policies(*, ambiguous: str = "hold", opt_out_types: str = "") -> dict[str, Any]:
    """Return the parts that say what an operator chose for sends."""
    return {
        "policy": RetryPolicy(AmbiguousSendPolicy(ambiguous)),
        "opt_out_message_types": frozenset(map(MessageType, opt_out_types.split())),
    }


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
