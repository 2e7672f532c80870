"""The events of events/: what each should be answered, and what has to be there before it comes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any

from sms_bridge.domain.arrivals import InboundMessage
from sms_bridge.domain.attempt import SendResult, Verdict
from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Message, Receipt, State
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.services.interfaces import MessageStore

EVENTS = Path(__file__).resolve().parents[1] / "events"

TOKENS = {
    "moengageTokens": "local-moengage-token",
    "callbackTokens": "local-callback-token",
    "lookUpTokens": "local-look-up-token",
    "fullNumberTokens": "local-full-number-token",
}
"""What the events show, by the list of the secret that has to hold it."""

SUB_ACCOUNT = "Acme_Transactional"
NUMBER = "+6591234567"

# The messages that events speak of, by the number that their ids begin with.
_ACCEPTED_BY_8X8 = (1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 26, 50, 51)
_OUTCOME_OPEN = (16, 18, 19)
_OUTCOME_REPORTED = (15, 17)
_WAITING = (20, 21, 22, 23, 24, 25)
_EXPIRED, _BEING_SENT = 25, 27
_SPOKEN_OF = (*_ACCEPTED_BY_8X8, *_OUTCOME_OPEN, *_OUTCOME_REPORTED, *_WAITING, _BEING_SENT)
_OPTED_IN_BY = 40

# What a run of `reconcile` finds stuck: one message for each finding.
OUTCOME_STUCK, NO_RECEIPT, NEVER_SENT, TO_ASK_8X8 = _STUCK = (30, 31, 32, 33)
_SECONDS_STUCK = 7200


@dataclass(frozen=True)
class EventFile:
    """One file of events/.

    Attributes
    ----------
    name
        Path below events/, without its suffix.
    answer
        What :func:`in_short` makes of the right answer.
    """

    name: str
    answer: str

    @property
    def function(self) -> str:
        """Folder of the function that takes it."""
        return self.name.partition("/")[0]

    @property
    def logical_id(self) -> str:
        """The same function's name in template.yaml."""
        return logical_id(self.function)

    @cached_property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads((EVENTS / f"{self.name}.json").read_text("utf-8"))
        return event

    def answered_at(self, response_url: str, secret_arn: str) -> dict[str, Any]:
        """Return a custom resource's event with addresses of this machine in place of AWS's."""
        properties = {**self.event["ResourceProperties"], "SecretArn": secret_arn}
        return {**self.event, "ResponseURL": response_url, "ResourceProperties": properties}


def event_files(pattern: str = "*") -> list[EventFile]:
    """List the events that events/answers.json names, those that match a pattern like `send_*`."""
    answers: dict[str, str] = json.loads((EVENTS / "answers.json").read_text("utf-8"))
    return [EventFile(name, answer) for name, answer in answers.items() if fnmatch(name, pattern)]


def logical_id(function: str) -> str:
    """Return a function's name in template.yaml; `function` names its folder."""
    return function.title().replace("_", "")


def in_short(answer: Any) -> str:
    """Put a function's answer into a few words.

    An HTTP answer becomes its status and its reason: ``200 QUEUED``,
    ``401 unauthorized``. An SQS batch becomes the number of records that come again, a run of
    `reconcile` its findings.
    """
    match answer:
        case {"statusCode": int(status), "body": str(body)}:
            content = json.loads(body)
            if "batchId" in content:
                accepted, rejected = content["acceptedCount"], content["rejectedCount"]
                return f"{status} {accepted} accepted, {rejected} rejected"
            if "messages" in content:
                return f"{status} {len(content['messages'])} found"
            word = (
                content["reason"]
                if status >= 400
                else content.get("state") or content.get("status")
            )
            if isinstance(word, dict):
                # A message's answer has a code, its details a state.
                word = word.get("code") or word["state"]
            return f"{status} {word}"
        case {"batchItemFailures": list(again)}:
            return f"{len(again)} again"
        case {"Status": str(status)}:
            return status
        case {**findings} if findings and all(isinstance(one, int) for one in findings.values()):
            return ", ".join(f"{count} {finding}" for finding, count in sorted(findings.items()))
    return f"not understood: {json.dumps(answer)}"


def message_id(number: int) -> str:
    """Return the id of a message that events speak of."""
    return f"{number:08d}-0000-4000-8000-000000000000"


def umid(number: int) -> str:
    return f"bda3d56d-1424-e711-813c-{number:012d}"


def put_messages(store: MessageStore, event: dict[str, Any], *, hash_key: str = "") -> None:
    """Record what an event speaks of, as if it had come about minutes ago.

    A schedule speaks of no message: for it there are some that got stuck two hours ago.

    Parameters
    ----------
    hash_key
        Of the bridge's secret; without it nothing is found by the recipient's number.
    """
    now = time.time()
    content = json.dumps(event)
    for number in _SPOKEN_OF:
        if message_id(number) in content or umid(number) in content:
            # The lease of an outcome that is due has ended: its owner is not known here.
            _put(store, number, now - 300, hash_key)
    if umid(_OPTED_IN_BY) in content:
        store.keep_inbound(
            InboundMessage(
                umid=umid(_OPTED_IN_BY),
                sub_account_id=SUB_ACCOUNT,
                source=NUMBER,
                destination="+6580001234",
                text="START",
                received_at=now - 40,
            )
        )
    if "campaignId=" in event.get("rawQueryString", ""):
        _put(store, _OUTCOME_REPORTED[0], now - 40)
    if event.get("source") == "aws.events":
        for number in _STUCK:
            _put(store, number, now - _SECONDS_STUCK)


def _put(store: MessageStore, number: int, accepted: float, hash_key: str = "") -> None:
    """Bring a message to where its event meets it."""
    waits = number in (*_WAITING, NEVER_SENT)
    seconds_to_live = 30 if number == _EXPIRED else 600
    message = Message(
        id=message_id(number),
        state=State.WAITING if waits else State.SENDING,
        sub_account_id=SUB_ACCOUNT,
        destination=NUMBER,
        recipient_hash=keyed_hash(NUMBER, hash_key) if hash_key else "",
        source="Acme",
        campaign_id="autumn",
        encoding="GSM7",
        segments=1,
        accepted_at=accepted,
        send_before=accepted + seconds_to_live,
        attempt=0 if waits else 1,
        attempt_at=0.0 if waits else accepted,
    )
    store.create(message)
    answered, received = accepted + 1, accepted + 35
    if number == TO_ASK_8X8:
        lost = SendResult(verdict=Verdict.AMBIGUOUS, reason="eightx8_timeout")
        store.record_result(message.id, 1, lost, State.UNKNOWN, answered)
    if waits or number in (_BEING_SENT, NO_RECEIPT, TO_ASK_8X8):
        return
    result = SendResult(verdict=Verdict.ACCEPTED, http_status=200, umid=umid(number))
    store.record_result(message.id, 1, result, State.QUEUED, answered)
    if number in _ACCEPTED_BY_8X8:
        return
    receipt = Receipt(
        umid=umid(number),
        client_message_id=message.id,
        sub_account_id=SUB_ACCOUNT,
        state=State.DELIVERED,
        eightx8_state="delivered",
        detail="delivered_to_recipient",
        at=timestamp(received),
        received_at=received,
    )
    outcome = receipt.outcome
    store.record_receipt(message.id, receipt, outcome)
    if outcome and number in _OUTCOME_REPORTED:
        store.record_reported(message.id, outcome, accepted + 36)
