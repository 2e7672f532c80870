"""The request to send a batch of messages, and its answer: 8x8's, field by field."""

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.fields import Given, by_first_name
from sms_bridge.api.request import MAX_BATCH_BYTES, HttpRequest, JsonObject, read_json
from sms_bridge.api.send_request import MessageReader, send_answer
from sms_bridge.domain.message import Message, MessageRequest, id_of
from sms_bridge.observability import Metric, logger, metric_fields

# What a function of 512 MB takes in half of the time for an answer, a cold start included
# (docs/architecture.md).
MAX_MESSAGES = 1000

_NAMES = ("messages", "destinations", "template", "clientBatchId", "includeMessagesInResponse")

# It is read again for each message. All fields at their longest have 5,000.
_MAX_TEMPLATE = 10_000


class BatchRequest:
    """A batch that a caller wants sent; each of its messages is checked as if it came alone.

    That a message is refused does not concern the others.
    """

    def __init__(self, request: HttpRequest, read_message: MessageReader) -> None:
        pairs = read_json(request, MAX_BATCH_BYTES)
        fields: dict[str, Any] = {}
        for name, value in pairs:
            if name in fields and name in _NAMES:
                raise _wrong(name, "is given twice", Reason.FIELD_DOUBLED)
            fields[name] = value
        self.wants_messages = fields.get("includeMessagesInResponse") or False
        if not isinstance(self.wants_messages, bool):
            raise _wrong("includeMessagesInResponse", "must be true or false")
        self.client_batch_id = _client_batch_id(fields.get("clientBatchId"))
        self.content_hash = hashlib.sha256(request.text(MAX_BATCH_BYTES).encode()).hexdigest()
        template = _template(fields.get("template") or JsonObject())
        shared = by_first_name([*template, *(pair for pair in pairs if pair[0] == "clientIp")])
        self.entries: list[tuple[Given, MessageRequest | RefusedError]] = []
        """In the caller's order: each message with the template's fields, and as it was read."""
        for one in _given_messages(pairs, fields):
            # What a message leaves empty is the template's.
            own = by_first_name(pair for pair in one if pair[1] is not None and pair[1] != "")
            given = {**shared, **own}
            try:
                self.entries.append((given, read_message(given)))
            except RefusedError as refusal:
                self.entries.append((given, refusal))

    @property
    def accepted(self) -> list[MessageRequest]:
        """The messages that are not refused."""
        return [one for _, one in self.entries if isinstance(one, MessageRequest)]


def _given_messages(pairs: JsonObject, fields: dict[str, Any]) -> list[JsonObject]:
    """Return the messages; of messages and destinations the former count, as 8x8 says."""
    for name in ("messages", "destinations"):
        several = fields.get(name)
        if several is None or several == []:
            continue
        if type(several) is not list:
            raise _wrong(name, "must be a list")
        if len(several) > MAX_MESSAGES:
            message = f"has {len(several)} entries; this bridge takes up to {MAX_MESSAGES} in one"
            raise _wrong(name, f"{message} batch", Reason.TOO_MANY_MESSAGES)
        if name == "messages":
            return [_object(f"messages[{place}]", one) for place, one in enumerate(several)]
        return [JsonObject([("destination", one)]) for one in several]
    if "destination" in by_first_name(pairs):
        # Campaign tools that post one message at a time to this URL do without the list.
        return [pairs]
    raise _wrong("messages", "is required, or destinations with a template", Reason.FIELD_MISSING)


def _object(name: str, value: Any) -> JsonObject:
    if not isinstance(value, JsonObject):
        raise _wrong(name, "must be an object")
    return value


def _template(value: Any) -> list[tuple[str, Any]]:
    """Return the fields that messages take from the template."""
    by_name = by_first_name(_object("template", value))
    several = [by_name[name] for name in by_name.keys() - {"", "destination"}]
    template = [pair for pairs in several for pair in pairs]
    size = sum(len(name) + len(value) for name, value in template if isinstance(value, str))
    if size > _MAX_TEMPLATE:
        raise _wrong("template", f"must have at most {_MAX_TEMPLATE} characters")
    return template


def _client_batch_id(value: Any) -> str | None:
    text = str(value) if type(value) is int else value
    if text is None or (isinstance(text, str) and len(text) <= 20 and text.isprintable()):
        return text or None
    raise _wrong("clientBatchId", "must be a string of up to 20 characters")


def _wrong(name: str, message: str, reason: Reason = Reason.FIELD_INVALID) -> RefusedError:
    return RefusedError.of_field(reason, name, message, name)


def batch_answer(
    batch: BatchRequest, taken: Sequence[Message | None], *, hash_key: str
) -> dict[str, Any]:
    """Return the body of the answer: exactly 8x8's ``BatchSmsResponse``.

    All ids follow from what was asked for, so that a batch that is repeated gets the same ones.
    ``taken`` holds what became of the messages that are not refused, ``None`` for one that was not
    taken.
    """
    if taken and not any(taken):
        raise RefusedError(Reason.UNAVAILABLE, "No message could be taken. Send the batch again.")
    reasons = Counter(one.reason for _, one in batch.entries if isinstance(one, RefusedError))
    for reason, count in reasons.items():
        logger.warning("messages refused", reason=reason, **metric_fields({Metric.REFUSED: count}))
    left = iter(taken)
    answers = []
    for place, (given, message) in enumerate(batch.entries):
        refusal = message.message if isinstance(message, RefusedError) else ""
        if not refusal and (known := next(left)):
            answers.append(send_answer(known))
        else:
            umid = _id_from(hash_key, [place, batch.content_hash])
            not_taken = "The bridge could not take the message in time; send it again"
            answers.append(_rejected(umid, given, refusal or not_taken))
    accepted = sum(answer["status"]["code"] == "QUEUED" for answer in answers)
    umids = [answer["umid"] for answer in answers]
    return {
        "batchId": _id_from(hash_key, [batch.client_batch_id, umids]),
        "acceptedCount": accepted,
        "rejectedCount": len(answers) - accepted,
        **({"clientBatchId": batch.client_batch_id} if batch.client_batch_id else {}),
        **({"messages": answers} if batch.wants_messages else {}),
    }


def _id_from(hash_key: str, content: object) -> str:
    digest = hmac.digest(hash_key.encode(), json.dumps(content).encode(), hashlib.sha256)
    return id_of(digest.hex())


def _rejected(umid: str, given: Given, description: str) -> dict[str, Any]:
    """Return the answer for a message that was not taken; its id names nothing."""
    number, client_message_id = (
        str(value) if isinstance(value := given.get(name, [("", "")])[-1][1], str | int) else ""
        for name in ("destination", "clientMessageId")
    )
    return {
        "umid": umid,
        # Half a surrogate pair cannot stand in an answer.
        "clientMessageId": client_message_id.encode("utf-8", "ignore").decode()[:350] or umid,
        # 8x8's clients refuse an answer without a number of 8x8's pattern.
        "destination": number if re.fullmatch(r"\+?[0-9]{7,15}", number) else "0000000",
        "encoding": "AUTO",
        "status": {"code": "REJECTED", "description": description},
    }
