"""Is work piling up or lying dead?"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.checks.findings import Finding, Level
from bridge.queues import DEAD_LETTER_QUEUES, WORK_QUEUES, depth_of, reasons_in
from bridge.stack import Stack

_PART = "queues"
# In a campaign a queue may be long; these many need more than a minute of its work.
_MANY = {"TransactionalQueue": 1_000, "PromotionalQueue": 100_000, "OutcomeQueue": 100_000}
_WHY = {
    "TransactionalQueue": "8x8 is throttling or down, or more is accepted than may be sent",
    "PromotionalQueue": "8x8 is throttling or down, or more is accepted than may be sent",
    "OutcomeQueue": "MoEngage does not take outcomes",
}


def check_queues(stack: Stack) -> Iterator[Finding]:
    """Count what the queues hold."""
    for name in WORK_QUEUES:
        depth = depth_of(stack, name)
        if depth.total > _MANY[name]:
            yield Finding(
                Level.WARNING,
                _PART,
                f"{name} holds {depth.total} records: {_WHY[name]}",
                "mend what is named here besides; the queue then empties by itself "
                "(bridge stats shows how fast)",
            )
        else:
            yield Finding(Level.OK, _PART, f"{name} holds {depth.total} records")


def check_dead_letters(stack: Stack) -> Iterator[Finding]:
    """Count dead letters by reason."""
    for name in DEAD_LETTER_QUEUES:
        total = depth_of(stack, name).total
        if not total:
            yield Finding(Level.OK, _PART, f"{name} is empty")
            continue
        reasons = reasons_in(stack, name)
        listed = ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
        yield Finding(
            Level.PROBLEM,
            _PART,
            f"{name} holds {total} dead letters ({listed or 'being looked at by somebody'})",
            _REMEDIES[name],
        )


_REMEDIES = {
    "SendDeadLetterQueue": (
        "mend what the log names (saved query: failures of the bridge itself), then in SQS's "
        "console Start DLQ redrive, with the send queue as custom destination. When their time "
        "is over MoEngage is told that they failed; purge the queue then"
    ),
    "OutcomeDeadLetterQueue": (
        "bridge replay --all --yes, when MoEngage takes outcomes again. What is left then are "
        "opt-outs that MoEngage did not take: in SQS's console Start DLQ redrive, with the "
        "outcome queue as custom destination. Unreadable ones: purge the queue"
    ),
}
