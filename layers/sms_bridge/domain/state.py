"""The states of a message and which may follow which.

.. code-block:: text

    waiting <--> sending --> queued --> sent --> deferred --> undelivered --.
       |            |          |          |                       |          |
       |            |          '----------+------> rejected ------+----------+--> delivered --> read
       |            |--> unknown  (8x8 may or may not have it; a receipt or 8x8's log decides)
       '------------'--> failed   (8x8 does not have it and will not get it)

A state may be skipped and never comes back: receipts arrive late, twice and out of order. The one
way back is from ``sending`` or ``unknown`` to ``waiting``, and it is open only to proof that 8x8
does not have the message.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"  # in the send queue; 8x8 does not have it
    SENDING = "sending"  # the request to 8x8 is on its way
    UNKNOWN = "unknown"  # ambiguous: the request was written, and 8x8 may have it
    FAILED = "failed"  # 8x8 does not have it and will not get it
    QUEUED = "queued"  # 8x8 accepted it
    SENT = "sent"  # given to the operator
    DEFERRED = "deferred"  # not delivered yet; the operator goes on trying
    REJECTED = "rejected"  # refused by 8x8 or the operator
    UNDELIVERED = "undelivered"  # not delivered, for good as far as the operator says
    DELIVERED = "delivered"  # on the recipient's phone
    READ = "read"  # seen by the recipient


NOT_WITH_8X8 = frozenset({State.WAITING, State.SENDING, State.UNKNOWN})
"""States in which neither an answer nor a receipt says that 8x8 has the message."""

_UNDER_WAY = NOT_WITH_8X8 | {State.QUEUED, State.SENT, State.DEFERRED}

MAY_REPLACE: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.SENDING, State.UNKNOWN}),
    State.SENDING: frozenset({State.WAITING}),
    State.UNKNOWN: frozenset({State.SENDING}),
    State.FAILED: NOT_WITH_8X8,
    State.QUEUED: NOT_WITH_8X8,
    State.SENT: NOT_WITH_8X8 | {State.QUEUED},
    State.DEFERRED: NOT_WITH_8X8 | {State.QUEUED, State.SENT},
    State.REJECTED: _UNDER_WAY,
    State.UNDELIVERED: _UNDER_WAY,
    # What is on the phone is on the phone, whatever was thought before.
    State.DELIVERED: _UNDER_WAY | {State.FAILED, State.REJECTED, State.UNDELIVERED},
    State.READ: frozenset(State) - {State.READ},
}
"""For each state, the states it may replace."""

FINAL = frozenset({State.FAILED, State.REJECTED, State.UNDELIVERED, State.DELIVERED, State.READ})
"""States with an outcome. A later receipt may still turn a failure into ``delivered``."""
