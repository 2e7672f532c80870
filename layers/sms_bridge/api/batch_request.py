"""The request to send a batch of messages, and its answer: 8x8's, field by field."""

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sms_bridge.api.request import (
    MAX_BATCH_BYTES,
    HttpRequest,
    JsonObject,
    Reason,
    RefusedError,
    read_json,
)
from sms_bridge.api.send_request import (
    FIRST_NAMES,
    Fields,
    Given,
    WrongFieldError,
    by_first_name,
    send_answer,
    up_to,
    values_of,
)
from sms_bridge.domain.message import Message, MessageRequest, id_of
from sms_bridge.observability import Metric, logger, metric_fields

# What a function of 512 MB takes in half of the time for an answer, a cold start included
# (docs/architecture.md).
MAX_MESSAGES = 1000

# It is read again for each message. All fields at their longest have 5,000.
_MAX_TEMPLATE = 10_000


class BatchRequest:
    """A batch that a caller wants sent; each of its messages is checked as if it came alone.

    That a message is refused does not concern the others.
    """

    def __init__(self, request: HttpRequest, read: Callable[[Given], MessageRequest]) -> None:
        pairs = read_json(request, MAX_BATCH_BYTES)
        values = values_of(by_first_name(pairs, _BATCH_NAMES), BATCH_FIELDS, {})
        self.wants_messages: bool = values.get("includeMessagesInResponse", False)
        self.client_batch_id: str | None = values.get("clientBatchId")
        self.content_hash = hashlib.sha256(request.text(MAX_BATCH_BYTES).encode()).hexdigest()
        template: JsonObject = values.get("template", JsonObject())
        try:
            size = len(json.dumps(template, ensure_ascii=False))
        except RecursionError:
            size = _MAX_TEMPLATE + 1
        if size > _MAX_TEMPLATE:
            words = f"must have at most {_MAX_TEMPLATE} characters"
            raise RefusedError.of_field(Reason.FIELD_INVALID, "template", words)
        client_ip = (pair for pair in pairs if pair[0] == "clientIp")
        shared = by_first_name([*template, *client_ip], FIRST_NAMES)
        shared.pop("destination", None)
        self.entries: list[tuple[Given, MessageRequest | RefusedError]] = []
        """In the caller's order: each message with the template's fields, and as it was read."""
        for one in _given_messages(pairs, values):
            # What a message leaves empty is the template's.
            own = (pair for pair in one if pair[1] is not None and pair[1] != "")
            given = {**shared, **by_first_name(own, FIRST_NAMES)}
            try:
                self.entries.append((given, read(given)))
            except RefusedError as refusal:
                self.entries.append((given, refusal))

    @property
    def accepted(self) -> list[MessageRequest]:
        """The messages that are not refused."""
        return [one for _, one in self.entries if isinstance(one, MessageRequest)]


def _given_messages(pairs: JsonObject, values: dict[str, Any]) -> list[JsonObject]:
    """Return the messages; of messages and destinations the former count, as 8x8 says."""
    several = values.get("messages") or [
        JsonObject([("destination", one)]) for one in values.get("destinations", ())
    ]
    if not several and "destination" in by_first_name(pairs, FIRST_NAMES):
        # Campaign tools that post one message at a time to this URL do without the list.
        several = [pairs]
    if not several:
        words = "is required, or destinations with a template"
        raise RefusedError.of_field(Reason.FIELD_MISSING, "messages", words, 3012)
    if len(several) > MAX_MESSAGES:
        words = f"has {len(several)} entries; this bridge takes up to {MAX_MESSAGES} in one batch"
        raise RefusedError.of_field(Reason.TOO_MANY_MESSAGES, "messages", words)
    # What is no object has no fields.
    return [one if isinstance(one, JsonObject) else JsonObject() for one in several]


def _one_of_type(kind: type, words: str, value: Any) -> Any:
    if type(value) is not kind:
        raise WrongFieldError(f"must be {words}")
    return value


BATCH_FIELDS: Fields = {
    "messages": (3012, partial(_one_of_type, list, "a list"), ()),
    "destinations": (1000, partial(_one_of_type, list, "a list"), ()),
    "template": (1000, partial(_one_of_type, JsonObject, "an object"), ()),
    "clientBatchId": (3014, partial(up_to, 20), ()),
    "includeMessagesInResponse": (1000, partial(_one_of_type, bool, "true or false"), ()),
}
_BATCH_NAMES = {name.lower(): name for name in BATCH_FIELDS}


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
