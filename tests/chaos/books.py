"""Compares the books of the three sides: what was asked for, what was sent, what was told."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from local.eightx8 import SmsMessage
from local.moengage import Report
from sms_bridge.domain.message import Message
from sms_bridge.storage.table import message_from
from tests.chaos.bridge import Bridge
from tests.chaos.eightx8 import EightX8Side
from tests.chaos.faults import Faults
from tests.chaos.moengage import DUPLICATE_WINDOW, MoEngage, Wanted

SECONDS_FOR_AN_ANSWER = 4.0

_FAILURES = ("rejected", "undelivered")
# An SMS that was not delivered with one of these is still under way.
_NOT_FINAL = (4, 5, 22)

# Requests so close to the end of the window may count as either.
_MARGIN = 10.0

# What reports of a failure say that is the bridge's own conclusion. It may be untrue only when
# 8x8's log told nothing for six hours.
_CONCLUSIONS = ("unknown", "no_receipt")
_SILENCE = {"export_fails", "export_empty", "export_lags"}


Taken = dict[str, list[SmsMessage]]
"""What 8x8 took, by ``clientMessageId``."""


class Wrong(StrEnum):
    """What may be wrong with a message."""

    LOST = "lost"
    """Answered 200, and MoEngage counted no report, nor does it lie in a dead-letter queue."""
    DOUBLED = "doubled"
    """8x8 took it more than once."""
    UNTRUE = "untrue"
    """MoEngage was told the opposite of what 8x8's books say."""
    REPORTED_TWICE = "reported twice"
    """MoEngage was told again without need."""
    STUCK = "stuck"
    """The bridge still has it on its list."""
    LATE = "late"
    """An answer took longer than 4 seconds."""
    TEXTED = "texted"
    """An SMS went to somebody who had opted out."""
    SPLIT = "split"
    """A repeat was answered with another id."""


class OptRequested(NamedTuple):
    """What a person asked for.

    Attributes
    ----------
    is_stop
        Whether the person is to be left alone.
    """

    sent_at: float
    recorded_at: float
    is_stop: bool


COUNTED = ("messages", "sent", "reported", "given_up", "concluded", "reported_early", "replies")
"""What is counted of a run, beside what is wrong."""


@dataclass
class Verdict:
    """What is wrong after a run.

    Attributes
    ----------
    wrong
        For each kind the numbers of the messages.
    reported_early
        Reports that came before MoEngage had read the message's id, an answer before having been
        lost. They count for nothing.
    ids
        The bridge's ids of each message.
    """

    messages: int = 0
    answered: int = 0
    sent: int = 0
    reported: int = 0
    given_up: int = 0
    concluded: int = 0
    reported_early: int = 0
    replies: int = 0
    wrong: dict[Wrong, list[int]] = field(
        default_factory=lambda: {message_type: [] for message_type in Wrong}
    )
    ids: dict[int, list[str]] = field(default_factory=dict)

    def count(self, message_type: Wrong) -> int:
        """Return how many messages have this wrong with them."""
        return len(self.wrong[message_type])

    def counts(self) -> Counter[str]:
        """Return all numbers, by name."""
        numbers = {name: getattr(self, name) for name in COUNTED}
        return Counter(
            {
                **numbers,
                **{str(message_type): len(found) for message_type, found in self.wrong.items()},
            }
        )


def compare(
    moengage: MoEngage,
    eightx8: EightX8Side,
    bridge: Bridge,
    faults: Faults,
    opt_requests: dict[str, list[OptRequested]],
) -> Verdict:
    """Compare the books.

    Parameters
    ----------
    opt_requests
        What the bridge has recorded, by sub-account and number.
    """
    verdict = Verdict(messages=len(moengage.wanted))
    ids_of: dict[str, set[str]] = defaultdict(set)
    replies_to: dict[str, set[str]] = defaultdict(set)
    taken = eightx8.accepted
    items = bridge.account.table.items
    for message_id, item in items.items():
        if "destination" in item and "closes_window" not in item:
            of_recipient = replies_to if "reply_to" in item else ids_of
            of_recipient[item["destination"]["S"]].add(message_id)
    for client_message_id, group in taken.items():
        for sms in group:
            if "reply_to" not in items.get(client_message_id, {}):
                ids_of[sms.destination].add(client_message_id)
    for wanted in moengage.wanted:
        answered = {ask.unique_id for ask in wanted.asks if ask.unique_id}
        ids = sorted(answered | ids_of[wanted.recipient])
        verdict.ids[wanted.number] = ids
        verdict.answered += bool(answered)
        verdict.sent += sum(len(taken.get(one, ())) for one in ids)
        wrong = set(_judge_asks(wanted, ids, taken, faults))
        if any(_was_opted_out(wanted, one, taken, opt_requests) for one in ids):
            wrong.add(Wrong.TEXTED)
        wrong |= set(_judge_replies(sorted(replies_to[wanted.recipient]), taken, moengage, bridge))
        verdict.replies += sum(len(taken.get(one, ())) for one in replies_to[wanted.recipient])
        for message_id in ids:
            message = _message(bridge, message_id)
            reported = moengage.reported(message_id)
            given_up = bool(message and message.outcome_given_up)
            verdict.reported += bool(reported)
            verdict.given_up += given_up
            counted = any(report.unique_id == message_id for report in wanted.reports)
            is_early = bool(reported) and _was_reported_early(wanted, message_id, reported[0])
            verdict.reported_early += is_early
            if message_id in answered and not counted and not given_up and not is_early:
                wrong.add(Wrong.LOST)
            if reported and _is_untrue(reported[0], taken.get(message_id, []), faults):
                wrong.add(Wrong.UNTRUE)
            verdict.concluded += bool(reported and reported[0].reason in _CONCLUSIONS)
            if len(reported) > 1 and message_id not in moengage.unsure | bridge.unrecorded:
                wrong.add(Wrong.REPORTED_TWICE)
            if message is None or message.outcome is None or message.outcome_is_open:
                wrong.add(Wrong.STUCK)
        for message_type in wrong:
            verdict.wrong[message_type].append(wanted.number)
    return verdict


def _message(bridge: Bridge, message_id: str) -> Message | None:
    item = bridge.account.table.item(message_id)
    return message_from(item) if item else None


def _judge_asks(wanted: Wanted, ids: list[str], taken: Taken, faults: Faults) -> list[Wrong]:
    wrong = []
    groups = _groups(wanted)
    sent = [len(taken.get(one, ())) for one in ids]
    if max(sent, default=0) > 1 or sum(sent) > len(groups):
        wrong.append(Wrong.DOUBLED)
    if any(ask.seconds > SECONDS_FOR_AN_ANSWER for ask in wanted.asks) and not _may_be_late(faults):
        wrong.append(Wrong.LATE)
    if len({ask.unique_id for ask in wanted.asks if ask.unique_id}) > len(groups):
        wrong.append(Wrong.SPLIT)
    return wrong


def _judge_replies(
    ids: list[str], taken: Taken, moengage: MoEngage, bridge: Bridge
) -> Iterator[Wrong]:
    """Judge the bridge's replies to a person: one for each SMS, of which MoEngage hears nothing."""
    sent: Counter[str] = Counter()
    for message_id in ids:
        message = _message(bridge, message_id)
        if message is None or message.outcome is None:
            yield Wrong.STUCK
        if message:
            sent[message.reply_to] += len(taken.get(message_id, ()))
        if moengage.reported(message_id):
            yield Wrong.UNTRUE
    if max(sent.values(), default=0) > 1:
        yield Wrong.DOUBLED


def _groups(wanted: Wanted) -> list[float]:
    """Return when each of the messages began that the asks are, by the duplicate window."""
    begins: list[float] = []
    for ask in sorted(wanted.asks, key=lambda ask: ask.at):
        if not begins or ask.at >= begins[-1] + DUPLICATE_WINDOW - _MARGIN:
            begins.append(ask.at)
    return begins


def _may_be_late(faults: Faults) -> bool:
    # A function whose clock is behind does not see that starting it has used up the time.
    return {"slow_start", "clocks"} <= faults.names


def _is_untrue(report: Report, taken: list[SmsMessage], faults: Faults) -> bool:
    finals = {_final(sms) for sms in taken}
    if report.succeeded:
        return "delivered" not in finals
    if report.reason in _CONCLUSIONS and faults.names & _SILENCE:
        return False
    # A failure that a receipt told may turn into a delivery later; of two SMS that went out for
    # a message (under `resend`), one may have failed.
    has_failed = any(
        sms.scenario.rejection or any(one.state in _FAILURES for one in sms.history)
        for sms in taken
    )
    return "delivered" in finals and not has_failed


def _was_reported_early(wanted: Wanted, message_id: str, report: Report) -> bool:
    read = next((ask for ask in wanted.asks if ask.unique_id == message_id), None)
    if read is None or report.at >= read.at + read.seconds:
        return False
    return any(ask.at < read.at and ask.http_status != 200 for ask in wanted.asks)


def _final(sms: SmsMessage) -> str:
    """Return ``delivered`` or ``failed``; empty while it is not known."""
    states = {one.state for one in sms.history if one.error_code not in _NOT_FINAL}
    if states & {"delivered", "read"}:
        return "delivered"
    return "failed" if sms.scenario.rejection or states & set(_FAILURES) else ""


def _was_opted_out(
    wanted: Wanted,
    message_id: str,
    taken: Taken,
    opt_requests: dict[str, list[OptRequested]],
) -> bool:
    recorded = sorted(
        opt_requests.get(f"{wanted.sub_account_id} {wanted.recipient}", []),
        key=lambda one: one.sent_at,
    )
    asked_at = [ask.at for ask in wanted.asks if ask.unique_id == message_id]
    first_ask = min(asked_at or [ask.at for ask in wanted.asks])
    before = [one.is_stop for one in recorded if one.recorded_at < first_ask]
    later = [one.is_stop for one in recorded if one.recorded_at >= first_ask]
    return bool(before and before[-1] and not (set(later) - {True}) and taken.get(message_id))
