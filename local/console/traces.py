"""Everything that is known of each message, from MoEngage, the bridge and 8x8, put together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from local.console.bridge_watch import LogLine, Values, seconds_of
from local.eightx8 import CallbackAttempt, EightX8Simulator, SendRequest, SmsMessage
from local.moengage import CampaignMessage, MoEngageSimulator, Report, Sender, SenderType
from local.moengage.configuration import WebhookRequest

# An item is looked at often while something may happen to it, then seldom.
_SECONDS_OF_ATTENTION = 20.0
_SECONDS_AFTER_THE_END = 3.0
_SECONDS_BETWEEN_SELDOM_LOOKS = 5.0
# MoEngage gives up on an answer after 5 seconds: until then a message may still turn out to be its.
_SECONDS_TO_BE_CLAIMED = 6.0
_NO_REQUEST = WebhookRequest(method="", url="", headers={}, body=b"")
_SOMEBODY_ELSE = Sender(
    service_provider="", name="somebody else", type=SenderType.TRANSACTIONAL, api_url=""
)
_THE_BRIDGE = replace(_SOMEBODY_ELSE, name="the bridge, in reply to an SMS")


@dataclass(slots=True)
class Record:
    """What the bridge and 8x8 have of a message, by the bridge's id.

    Attributes
    ----------
    first_key
        Of the first of MoEngage's messages with this id; another one is a repeat.
    lost, refused
        Reports that hold the id, but not where MoEngage looks for it, and those that it did not
        take.
    changed_at, read_at
        When something last happened to it, and when its item was last read.
    """

    first_key: str = ""
    lost: list[Report] = field(default_factory=list)
    refused: list[Report] = field(default_factory=list)
    item: Values = field(default_factory=dict)
    lines: list[LogLine] = field(default_factory=list)
    requests: list[SendRequest] = field(default_factory=list)
    sms: list[SmsMessage] = field(default_factory=list)
    callbacks: list[CallbackAttempt] = field(default_factory=list)
    changed_at: float = 0.0
    read_at: float = 0.0

    @property
    def accepted_at(self) -> float:
        """When the bridge took it, seconds since the epoch; 0 while that is not known."""
        return seconds_of(self.item.get("accepted_at", ""))

    @property
    def is_reported(self) -> bool:
        """Whether the bridge has nothing more to report."""
        return bool(self.item.get("reported_at") or self.item.get("given_up_at"))

    def is_due(self, now: float) -> bool:
        """Tell whether its item is to be read again."""
        attention = _SECONDS_AFTER_THE_END if self.is_reported else _SECONDS_OF_ATTENTION
        if now - self.changed_at < attention:
            return True
        return not self.is_reported and now - self.read_at > _SECONDS_BETWEEN_SELDOM_LOOKS


@dataclass(frozen=True, slots=True)
class Trace:
    """A message with all that came of it.

    Attributes
    ----------
    key
        Its place in MoEngage's list, from 1; the bridge's id of a message of somebody else.
    record
        Empty until the bridge has given it an id.
    is_moengages
        Whether MoEngage knows it: not what somebody else sent to the bridge, and not what it was
        not answered in time.
    """

    key: str
    message: CampaignMessage
    record: Record
    is_moengages: bool = True

    @property
    def repeats(self) -> bool:
        """Whether an earlier message got the same id."""
        return self.record.first_key not in ("", self.key)


class Traces:
    """Puts the simulators' lists and what the bridge lets be seen together."""

    def __init__(self, moengage: MoEngageSimulator, eightx8: EightX8Simulator) -> None:
        self._moengage = moengage
        self._eightx8 = eightx8
        self._records: dict[str, Record] = {}
        self._changed_at = 0.0
        self._lines_by_error: dict[str, list[LogLine]] = {}
        self._read: Counter[str] = Counter()

    def all(self) -> list[Trace]:
        """Return all of MoEngage's messages, in order."""
        self._refresh()
        return [
            self._trace(str(number), message)
            for number, message in enumerate(self._moengage.messages, start=1)
        ]

    def others(self) -> list[Trace]:
        """Return the bridge's messages that MoEngage does not know."""
        known = {message.unique_id for message in self._moengage.messages}
        waits = any(not message.answers for message in self._moengage.messages)
        latest = time.time() - (_SECONDS_TO_BE_CLAIMED if waits else 0.0)
        return [
            _of_somebody_else(message_id, record)
            for message_id, record in self._records.items()
            if message_id not in known and 0 < record.accepted_at < latest
        ]

    def one(self, key: str) -> Trace | None:
        """Return one message, of MoEngage's or of somebody else's."""
        self._refresh()
        messages = self._moengage.messages
        if key.isascii() and key.isdecimal() and 1 <= int(key) <= len(messages):
            return self._trace(key, messages[int(key) - 1])
        return next((trace for trace in self.others() if trace.key == key), None)

    def is_active(self, now: float) -> bool:
        """Tell whether something may be logged now, of a message with an id or without."""
        messages = self._moengage.messages
        asked_at = messages[-1].at if messages else 0.0
        return now - max(asked_at, self._changed_at) < _SECONDS_OF_ATTENTION

    def due(self, now: float) -> list[str]:
        """Return the ids whose items are to be read now."""
        ids = [one for one, record in self._records.items() if record.is_due(now)]
        for message_id in ids:
            self._records[message_id].read_at = now
        return ids

    def add_items(self, items: Mapping[str, Values]) -> None:
        for message_id, item in items.items():
            record = self._record(message_id)
            if record.item != item:
                record.item = item
                self._change(message_id)

    def add_lines(self, lines: Iterable[LogLine]) -> None:
        """Take in log lines; those that belong to no message are left out."""
        for line in lines:
            if message_id := line.content.get("message_id"):
                self._change(message_id).lines.append(line)
            elif error_id := line.content.get("error_id"):
                self._lines_by_error.setdefault(error_id, []).append(line)

    def _trace(self, key: str, message: CampaignMessage) -> Trace:
        if message.unique_id:
            record = self._record(message.unique_id)
            record.first_key = record.first_key or key
            return Trace(key, message, record)
        errors = (answer.content.get("errorId", "") for answer in message.answers)
        lines = [line for one in errors for line in self._lines_by_error.get(str(one), [])]
        return Trace(key, message, Record(first_key=key, lines=lines))

    def _record(self, message_id: str) -> Record:
        return self._records.get(message_id) or self._change(message_id)

    def _change(self, message_id: str) -> Record:
        record = self._records.setdefault(message_id, Record())
        self._changed_at = record.changed_at = time.time()
        return record

    def _refresh(self) -> None:
        """Read on in the simulators' lists."""
        for request in self._new("requests", self._eightx8.requests):
            for message_id in message_ids_of(request):
                self._change(message_id).requests.append(request)
        for sms in self._new("sms", self._eightx8.messages):
            if sms.client_message_id:
                self._change(sms.client_message_id).sms.append(sms)
        for callback in self._new("callbacks", self._eightx8.callbacks):
            if message_id := callback.event["payload"].get("clientMessageId"):
                self._change(message_id).callbacks.append(callback)
        for report in self._new("lost", self._moengage.lost):
            for value in report.content.values():
                if value in self._records:
                    self._records[value].lost.append(report)
        for report in self._new("reports", self._moengage.reports):
            if report.http_status != 200 and report.unique_id:
                self._change(report.unique_id).refused.append(report)

    def _new[Item](self, name: str, items: list[Item]) -> list[Item]:
        """Return what a list has got since the last time."""
        since, self._read[name] = self._read[name], len(items)
        return items[since:]


def _of_somebody_else(message_id: str, record: Record) -> Trace:
    is_reply = bool(record.item.get("reply_to"))
    texts = (str(one.request.get("text", "")) for one in record.sms)
    message = CampaignMessage(
        sender=_THE_BRIDGE if is_reply else _SOMEBODY_ELSE,
        destination=record.item.get("destination", ""),
        request=_NO_REQUEST,
        text=next(texts, ""),
        campaign_id=record.item.get("campaign_id", ""),
        at=record.accepted_at,
    )
    return Trace(message_id, message, record, is_moengages=False)


def message_ids_of(request: SendRequest) -> list[str]:
    """Return the bridge's ids in a request to 8x8: one, or a batch's."""
    body = request.body
    if not isinstance(body, dict):
        return []
    messages = body.get("messages", [body]) if request.batch else [body]
    if not isinstance(messages, list):
        return []
    ids = (one.get("clientMessageId") for one in messages if isinstance(one, dict))
    return [one for one in ids if isinstance(one, str) and one]
