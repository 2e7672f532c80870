"""Builds services of which a test names only the parts that it is about: the rest is in memory."""

from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import Any

from sms_bridge.domain.message import MessageType
from sms_bridge.domain.opt_out import keywords_of
from sms_bridge.domain.reconciliation import (
    AbsentPolicy,
    MissingReceiptPolicy,
    Timeouts,
    UnresolvedPolicy,
)
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy, RetryPolicy
from sms_bridge.services.dispatch import DispatchPlan
from sms_bridge.services.new_message import SendingPlan
from sms_bridge.services.reconcile import ReconcilePlan
from sms_bridge.services.reply import Reply, ReplyPlan
from tests.builders import SUB_ACCOUNT
from tests.fakes.eightx8 import FakeEightX8
from tests.fakes.log_exports import FakeLog, InMemoryExportJobs
from tests.fakes.messages import InMemoryMessages
from tests.fakes.moengage import FakeMoEngage
from tests.fakes.opt_outs import InMemoryOptOuts, InMemoryReplyCounts
from tests.fakes.queues import InMemoryDeadLetters, InMemoryOutcomes, InMemorySendQueue

TO_LIVE = 3600

PARTS: dict[str, Callable[[], Any]] = {
    "messages": InMemoryMessages,
    "send_queue": InMemorySendQueue,
    "outcomes": InMemoryOutcomes,
    "opt_outs": InMemoryOptOuts,
    "counts": InMemoryReplyCounts,
    "dead_letters": InMemoryDeadLetters,
    "jobs": InMemoryExportJobs,
    "log": FakeLog,
    "sender": FakeEightX8,
    "reports": FakeMoEngage,
    "circuit": lambda: lambda report: report,
    "reply": lambda: a_service(Reply, ReplyPlan(texts={}, seconds_to_live=600)),
    "keywords": lambda: keywords_of([], []),
    "sub_account_ids": lambda: (SUB_ACCOUNT,),
    "chance": lambda: lambda: 0.5,
}


def a_service[Service](kind: Callable[..., Service], *plan: Any, **parts: Any) -> Service:
    """Build a service from its plan, if it has one, and of the parts those that it works with."""
    names = signature(kind).parameters.keys()
    assert parts.keys() <= names | PARTS.keys() | {"clock", "sleep"}
    in_memory = {name: PARTS[name]() for name in names & PARTS.keys() - parts.keys()}
    return kind(*plan, **in_memory, **{name: parts[name] for name in names & parts.keys()})


def a_sending_plan(
    *, window: int = 120, is_queued: bool = False, ambiguous: str = "hold", opt_out_types: str = ""
) -> SendingPlan:
    """Return how a deployment sends whose operator chose little."""
    return SendingPlan(
        duplicate_window=window,
        is_queued=is_queued,
        opt_out_message_types=frozenset(map(MessageType, opt_out_types.split())),
        seconds_to_live=dict.fromkeys(MessageType, TO_LIVE),
        policy=RetryPolicy(AmbiguousSendPolicy(ambiguous)),
    )


def a_dispatch_plan(
    *, ambiguous: str = "hold", opt_out_types: str = "", rate: float = 0, at_once: int = 1
) -> DispatchPlan:
    """Return how the send queue is worked off."""
    return DispatchPlan(
        opt_out_message_types=frozenset(map(MessageType, opt_out_types.split())),
        policy=RetryPolicy(AmbiguousSendPolicy(ambiguous)),
        rate=rate,
        at_once=at_once,
    )


def a_reconcile_plan(**changes: Any) -> ReconcilePlan:
    """Return what becomes of messages that got stuck."""
    plan = ReconcilePlan(
        timeouts=Timeouts(unknown=600, unresolved=7200, receipt=172_800),
        retry=RetryPolicy(),
        absent=AbsentPolicy.RESEND,
        unresolved=UnresolvedPolicy.REPORT,
        missing_receipt=MissingReceiptPolicy.FAILED,
    )
    return replace(plan, **changes)
