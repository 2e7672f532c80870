"""The request to send a batch of messages, and its answer: 8x8's, field by field."""

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.fields import FIRST_NAMES_IN_LOWER_CASE
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

# 8x8's pattern of the number in its answers.
_NUMBER_IN_ANSWER = re.compile(r"\+?[0-9]{7,15}", re.ASCII)
_NO_NUMBER = "0000000"

_NOT_TAKEN = "The bridge could not take the message in time; send it again"


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class BatchRequest:
    """A batch that a caller wants sent."""

    client_batch_id: str | None
    messages: list[MessageRequest | RefusedError]
    """In the caller's order; what is wrong with a message that is refused."""
    given: list[JsonObject]
    """The same as they came, each with the template's fields."""
    content_hash: str
    """Of the whole batch."""
    wants_messages: bool
    """Whether the answer is to name each message."""

    @property
    def accepted(self) -> list[MessageRequest]:
        """The messages that are not refused."""
        return [one for one in self.messages if isinstance(one, MessageRequest)]


# ----------------------------------------------------------------------------------- the request
def read_batch_request(request: HttpRequest, read_message: MessageReader) -> BatchRequest:
    """Read a batch, and check each of its messages as if it came alone.

    That a message is refused does not concern the others.
    """
    pairs = read_json(request, MAX_BATCH_BYTES)
    given = _envelope(pairs)
    wants_messages = given.get("includeMessagesInResponse") or False
    if not isinstance(wants_messages, bool):
        raise _wrong("includeMessagesInResponse", "must be true or false")
    client_batch_id = _client_batch_id(given.get("clientBatchId"))
    template = _template(given.get("template") or JsonObject())
    template += [pair for pair in pairs if pair[0] == "clientIp"]
    several = [_with_template(one, template) for one in _given_messages(pairs, given)]
    messages: list[MessageRequest | RefusedError] = []
    for one in several:
        try:
            messages.append(read_message(one))
        except RefusedError as refusal:
            messages.append(refusal)
    return BatchRequest(
        client_batch_id=client_batch_id,
        messages=messages,
        given=several,
        content_hash=hashlib.sha256(request.text(MAX_BATCH_BYTES).encode()).hexdigest(),
        wants_messages=wants_messages,
    )


def _envelope(pairs: JsonObject) -> dict[str, Any]:
    """Return the batch's own fields."""
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in given and name in _NAMES:
            raise _wrong(name, "is given twice", Reason.FIELD_DOUBLED)
        given[name] = value
    return given


def _given_messages(pairs: JsonObject, given: dict[str, Any]) -> list[JsonObject]:
    """Return the messages; of messages and destinations the former count, as 8x8 says."""
    for name in ("messages", "destinations"):
        several = given.get(name)
        if several is None or several == []:
            continue
        if not isinstance(several, list) or isinstance(several, JsonObject):
            raise _wrong(name, "must be a list")
        if len(several) > MAX_MESSAGES:
            message = f"has {len(several)} entries; this bridge takes up to {MAX_MESSAGES} in one"
            raise _wrong(name, f"{message} batch", Reason.TOO_MANY_MESSAGES)
        if name == "messages":
            return [_object(f"messages[{place}]", one) for place, one in enumerate(several)]
        return [JsonObject([("destination", one)]) for one in several]
    if any(_first_name(name) == "destination" for name, _ in pairs):
        # Campaign tools that post one message at a time to this URL do without the list.
        return [pairs]
    raise _wrong("messages", "is required, or destinations with a template", Reason.FIELD_MISSING)


def _first_name(name: str) -> str | None:
    return FIRST_NAMES_IN_LOWER_CASE.get(name.lower())


def _object(name: str, value: Any) -> JsonObject:
    if not isinstance(value, JsonObject):
        raise _wrong(name, "must be an object")
    return value


_NEVER_IN_A_TEMPLATE = {None, "destination"}


def _template(value: Any) -> list[tuple[str, Any]]:
    """Return the fields that messages take from the template."""
    pairs = _object("template", value)
    template = [pair for pair in pairs if _first_name(pair[0]) not in _NEVER_IN_A_TEMPLATE]
    size = sum(len(name) + len(value) for name, value in template if isinstance(value, str))
    if size > _MAX_TEMPLATE:
        raise _wrong("template", f"must have at most {_MAX_TEMPLATE} characters")
    return template


def _with_template(message: JsonObject, template: Sequence[tuple[str, Any]]) -> JsonObject:
    """Return a message with those fields of the template that it leaves empty."""
    own = [pair for pair in message if pair[1] is not None and pair[1] != ""]
    names = {_first_name(name) for name, _ in own}
    return JsonObject([*own, *(pair for pair in template if _first_name(pair[0]) not in names)])


def _client_batch_id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None or (isinstance(value, str) and len(value) <= 20 and value.isprintable()):
        return value or None
    raise _wrong("clientBatchId", "must be a string of up to 20 characters")


def _wrong(name: str, message: str, reason: Reason = Reason.FIELD_INVALID) -> RefusedError:
    return RefusedError.of_field(reason, name, message, name)


# ------------------------------------------------------------------------------------ the answer
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
    reasons = Counter(one.reason for one in batch.messages if isinstance(one, RefusedError))
    for reason, count in reasons.items():
        logger.warning("messages refused", reason=reason, **metric_fields({Metric.REFUSED: count}))
    left = iter(taken)
    answers = []
    for place, (message, given) in enumerate(zip(batch.messages, batch.given, strict=True)):
        refusal = message.message if isinstance(message, RefusedError) else ""
        if not refusal and (known := next(left)):
            answers.append(send_answer(known))
        else:
            umid = _id_from(hash_key, [place, batch.content_hash])
            answers.append(_rejected(umid, given, refusal or _NOT_TAKEN))
    accepted = sum(answer["status"]["code"] == "QUEUED" for answer in answers)
    umids = [answer["umid"] for answer in answers]
    body: dict[str, Any] = {
        "batchId": _id_from(hash_key, [batch.client_batch_id, umids]),
        "acceptedCount": accepted,
        "rejectedCount": len(answers) - accepted,
    }
    if batch.client_batch_id:
        body["clientBatchId"] = batch.client_batch_id
    if batch.wants_messages:
        body["messages"] = answers
    return body


def _id_from(hash_key: str, content: object) -> str:
    digest = hmac.digest(hash_key.encode(), json.dumps(content).encode(), hashlib.sha256)
    return id_of(digest.hex())


def _rejected(umid: str, given: JsonObject, description: str) -> dict[str, Any]:
    """Return the answer for a message that was not taken; its id names nothing."""
    values = {_first_name(name): value for name, value in given}
    number, client_message_id = (
        str(value) if isinstance(value := values.get(name), str | int) else ""
        for name in ("destination", "clientMessageId")
    )
    return {
        "umid": umid,
        # Half a surrogate pair cannot stand in an answer.
        "clientMessageId": client_message_id.encode("utf-8", "ignore").decode()[:350] or umid,
        # 8x8's clients refuse an answer without a number.
        "destination": number if _NUMBER_IN_ANSWER.fullmatch(number) else _NO_NUMBER,
        "encoding": "AUTO",
        "status": {"code": "REJECTED", "description": description},
    }
