"""What happened to a message, step by step, and what it waits for now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from local.console.bridge_watch import LogLine, Values, seconds_of
from local.console.traces import Trace
from local.eightx8 import CallbackAttempt, SendRequest
from local.moengage import CampaignMessage, Report
from sms_bridge.storage.messages import FIRST_LEASE_SECONDS

Who = Literal["MoEngage", "bridge", "8x8", "phone"]
Tone = Literal["good", "bad", "odd", "plain"]

ON_THE_PHONE = frozenset({"delivered", "read"})
# Of a log line, beside its words.
_SHOWN = ("receipt_state", "reason", "outcome", "outcome_reason")
_EFFECTS = {"moved": "the state moves on", "late": "the state stays", "repeated": "known already"}
_WAITS = {
    "waiting": "in the send queue",
    "sending": "for 8x8's answer",
    "unknown": "held: the SMS may still arrive. 8x8's receipt or log decides",
}
_NOT_FINAL = frozenset({"queued", "sent", "deferred"})


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened.

    Attributes
    ----------
    at
        Seconds since the epoch.
    function
        Of the bridge, where it is known.
    state
        The message's, after it.
    """

    at: float
    who: Who
    what: str
    detail: str = ""
    function: str = ""
    state: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Wait:
    what: str
    since: float
    until: float = 0.0


def steps_of(trace: Trace) -> list[Step]:
    """Return all that happened to a message, in order."""
    record = trace.record
    steps = [
        *(_webhooks(trace.message) if trace.is_moengages else ()),
        *(_request(request) for request in record.requests),
        *(_callback(attempt) for attempt in record.callbacks),
        *(_logged(line) for line in record.lines),
        *(_report(report) for report in (*trace.message.reports, *record.refused)),
    ]
    if not trace.repeats:
        steps += _accepted(record.item)
    for sms in record.sms:
        if sms.state in ON_THE_PHONE:
            what = f"{sms.segments} SMS on the phone"
            steps.append(Step(sms.last_at, "phone", what, tone="good"))
    return sorted(steps, key=lambda step: step.at)


def wait_of(trace: Trace) -> Wait | None:
    """Return what a message waits for now, ``None`` where it is at its end."""
    item, answers = trace.record.item, trace.message.answers
    if trace.is_moengages and not answers:
        return Wait("for the answer to the webhook", trace.message.at)
    if not item or trace.record.is_reported:
        return None
    state = item.get("state")
    # The first attempt begins at the acceptance, and is not written down a second time.
    attempt_at = seconds_of(item.get("attempt_at") or item.get("accepted_at", ""))
    if item.get("outcome"):
        due, next_try, leased_until = (
            seconds_of(item.get(name, "")) for name in ("due_at", "next_try_at", "lease_until")
        )
        if item.get("tries"):
            what = f"in the outcome queue: MoEngage did not acknowledge it ({item['tries']} tries)"
            return Wait(what, due, max(next_try, leased_until))
        if leased_until and round(leased_until - due) != FIRST_LEASE_SECONDS:
            # Of what was never reported only an open circuit makes another lease.
            what = "in the outcome queue: after many failures MoEngage is not called for a while"
            return Wait(what, due, leased_until)
        what = "in the outcome queue for 6 s: MoEngage must have read the message's id first"
        accepted_at = seconds_of(item.get("accepted_at", ""))
        return Wait(what, due, accepted_at + 6 if accepted_at else 0.0)
    if state in _WAITS:
        return Wait(_WAITS[state], attempt_at)
    if state in _NOT_FINAL:
        return Wait("for 8x8's final receipt", seconds_of(item.get("answered_at", "")))
    return None


def _webhooks(message: CampaignMessage) -> Iterator[Step]:
    if not message.answers:
        yield Step(message.at, "MoEngage", "posts the webhook")
    for number, answer in enumerate(message.answers, start=1):
        again = f", request {number}" if number > 1 else ""
        path = message.request.url.partition("//")[2].partition("/")[2]
        asked = f"{message.request.method} /{path}"
        yield Step(answer.at, "MoEngage", f"posts the webhook{again}", asked)
        what = f"is answered {answer.http_status} {answer.error_code}".strip()
        if answer.http_status == 0:
            what = f"got no answer ({answer.error_code})"
        took = f"after {answer.seconds * 1000:.0f} ms"
        tone: Tone = "good" if answer.http_status == 200 else "bad"
        yield Step(answer.at + answer.seconds, "MoEngage", what, took, tone=tone)


def _accepted(item: Values) -> Iterator[Step]:
    if item.get("accepted_at"):
        at = seconds_of(item["accepted_at"])
        size = f"{item.get('segments', 1)} SMS, {item.get('encoding', '')}"
        yield Step(at, "bridge", "accepts the message", size, "send_sms", "sending")


def _request(request: SendRequest) -> Step:
    content = "a batch" if request.batch else "the message"
    tone: Tone
    if request.status == 200:
        what, tone = f"accepts {content}", "good"
    elif request.status:
        code = f", code {request.code}" if request.code else ""
        what, tone = f"gets {content}, answers {request.status}{code}", "bad"
    else:
        what, tone = f"gets {content}, has not answered", "odd"
    return Step(request.at, "8x8", what, f"POST {request.path}", tone=tone)


def _callback(attempt: CallbackAttempt) -> Step:
    status = attempt.event["payload"].get("status", {})
    why = status.get("errorMessage", "")
    again = f" again (attempt {attempt.attempt})" if attempt.attempt > 1 else ""
    accepted = 200 <= attempt.status < 300
    answered = str(attempt.status) if attempt.status else "no answer yet"
    what = f"sends the receipt {status.get('state', '')}{again}"
    detail = f"{why + ', ' if why else ''}answered {answered}"
    return Step(attempt.at, "8x8", what, detail, tone="plain" if accepted else "odd")


def _logged(line: LogLine) -> Step:
    content = line.content
    words = [str(content[name]) for name in _SHOWN if content.get(name)]
    if content.get("effect") in _EFFECTS:
        words.append(_EFFECTS[content["effect"]])
    if content.get("SecondsInSendQueue"):
        words.append(f"after {content['SecondsInSendQueue']} s in the send queue")
    if content.get("DueToReported"):
        words.append(f"after {content['DueToReported']} s in the outcome queue")
    return Step(
        at=line.at,
        who="bridge",
        what=line.says,
        # A reason is in a line twice where it is the outcome's as well.
        detail=", ".join(dict.fromkeys(words)),
        function=line.function,
        state=str(content.get("state", "")),
        tone="odd" if content.get("level") in ("WARNING", "ERROR") else "plain",
    )


def _report(report: Report) -> Step:
    if report.http_status != 200:
        what = f"does not acknowledge the report, answers {report.http_status}"
        return Step(report.at, "MoEngage", what, tone="odd")
    what = f"acknowledges the report, counts it as {'delivered' if report.succeeded else 'failed'}"
    return Step(
        report.at, "MoEngage", what, report.reason, tone="good" if report.succeeded else "bad"
    )
