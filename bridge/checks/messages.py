"""Are messages stuck?"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.checks.findings import Finding, Level
from bridge.survey import SECONDS_TO_WAIT, SECONDS_UNTIL_RECEIPTS, Survey
from sms_bridge.domain.state import State

_PART = "messages"


def check_messages(survey: Survey) -> Iterator[Finding]:
    """Look for messages of which nothing is heard."""
    for kind, reasons in survey.waiting_long.items():
        why = ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
        yield Finding(
            Level.WARNING,
            _PART,
            f"{reasons.total()} {kind} messages have been waiting to be sent for more than "
            f"{SECONDS_TO_WAIT[kind] // 60} minutes ({why})",
            "see docs/runbook.md, transactional-queue-age and throttled-by-8x8: the reason tells "
            "whether 8x8 throttles, is down, or DispatchQueue does not run",
        )
    unknown = survey.by_state[State.UNKNOWN]
    if unknown:
        yield Finding(
            Level.WARNING,
            _PART,
            f"of {unknown} messages nobody knows whether 8x8 took them, the oldest of "
            f"{survey.oldest_by_state[State.UNKNOWN]}",
            "nothing at first: 8x8's log is asked after UnknownTimeoutSeconds. If they get more, "
            "see 8x8's status page and the log of Reconcile",
        )
    if survey.without_receipts:
        yield Finding(
            Level.WARNING,
            _PART,
            f"of {survey.without_receipts} messages 8x8 has sent no receipt for more than "
            f"{SECONDS_UNTIL_RECEIPTS // 60} minutes",
            "mend 8x8's webhook if it is named above. What got lost is asked of 8x8's log after "
            "ReceiptTimeoutSeconds; to have it within the hour: "
            "bridge parameters set ReceiptTimeoutSeconds=3600",
        )
    if not (survey.waiting_long or unknown or survey.without_receipts):
        yield Finding(Level.OK, _PART, f"{survey.by_state.total()} are open, none is stuck")
