"""The numbers of a run: how far messages came, how long it took, how many SMS they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from local.console.bridge_watch import seconds_of
from local.console.traces import Trace

# Upper ends, in seconds; the last class is open.
_ANSWER_CLASSES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_REPORT_CLASSES = (2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 30.0)
_HANDED_OVER = frozenset({"sent", "delivered", "undelivered", "read"})


def counters(traces: Sequence[Trace]) -> dict[str, Any]:
    """Count messages.

    Returns
    -------
    dict
        ``funnel`` (how many came so far), ``failures`` (by reason), ``answers`` and ``reported``
        (how many in each class of seconds), ``segments`` (how many messages of so many).
    """
    sms = [one for trace in traces for one in trace.record.sms]
    beliefs = Counter(trace.message.belief for trace in traces)
    failures = Counter(
        trace.message.reason or "no reason given"
        for trace in traces
        if trace.message.belief in ("failed", "not sent") and trace.message.answers
    )
    return {
        "funnel": {
            "requested": len(traces),
            "accepted": sum(trace.message.sent for trace in traces),
            "accepted8x8": len(sms),
            "handedOver": sum(one.state in _HANDED_OVER for one in sms),
            "delivered": beliefs["delivered"],
            "failed": beliefs["failed"],
        },
        "failures": dict(failures.most_common(8)),
        "answers": _classes(
            [answer.seconds for trace in traces for answer in trace.message.answers],
            _ANSWER_CLASSES,
        ),
        "reported": _classes(
            [one for trace in traces for one in _seconds_to_report(trace)], _REPORT_CLASSES
        ),
        "segments": {
            str(segments): count
            for segments, count in sorted(Counter(one.segments for one in sms).items())
        },
        "encodings": dict(Counter(one.encoding for one in sms)),
        "sms": sum(one.segments for one in sms),
    }


def _seconds_to_report(trace: Trace) -> list[float]:
    item = trace.record.item
    if trace.repeats or not item.get("reported_at") or not item.get("accepted_at"):
        return []
    return [seconds_of(item["reported_at"]) - seconds_of(item["accepted_at"])]


def _classes(seconds: Sequence[float], ends: Sequence[float]) -> list[dict[str, Any]]:
    counts = Counter(next((end for end in ends if one <= end), 0.0) for one in seconds)
    classes = [{"upTo": end, "count": counts[end]} for end in ends]
    return [*classes, {"upTo": None, "count": counts[0.0]}]
