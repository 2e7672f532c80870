"""Secrets Manager, SQS, 8x8 and MoEngage over the wire: they take everything at once."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from bench.standins.wire import Reply, Request, json_reply
from local.event_files import TOKENS

API_KEY = "key-of-the-stand-in"
SECRET = {
    "eightx8ApiKey": API_KEY,
    "moengageDataApiKey": "data-key-of-the-stand-in",
    **{name: [token] for name, token in TOKENS.items()},
    "hashKey": "0123456789abcdef0123456789abcdef0123456789abcdef",
}
_KIND = "application/x-amz-json-1.1"


def secrets_manager(request: Request) -> Reply:
    """Answer with the secret."""
    operation = request.headers["x-amz-target"].rpartition(".")[2]
    content = {
        "ARN": request.content["SecretId"],
        "Name": "BridgeSecret",
        "SecretString": json.dumps(SECRET),
        "VersionId": "00000000-0000-4000-8000-000000000000",
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": 1774344601.125,
    }
    return json_reply(f"secretsmanager {operation}", content, kind=_KIND)


@dataclass
class Queues:
    """SQS: keeps what is put in, by queue URL."""

    bodies: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def take(self, url: str, most: int) -> list[str]:
        """Take the oldest records out of a queue."""
        records = self.bodies[url]
        self.bodies[url] = records[most:]
        return records[:most]

    def answer(self, request: Request) -> Reply:
        """Answer a call of the JSON protocol."""
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        call = request.content
        match operation:
            case "SendMessage":
                content = self._put(call["QueueUrl"], call["MessageBody"])
            case "SendMessageBatch":
                sent = [
                    {"Id": one["Id"], **self._put(call["QueueUrl"], one["MessageBody"])}
                    for one in call["Entries"]
                ]
                content = {"Successful": sent, "Failed": []}
            case "ChangeMessageVisibility":
                content = {}
            case "GetQueueAttributes":
                content = {"Attributes": {}}
            case _:
                return json_reply(f"sqs {operation}", {"__type": "InvalidAction"}, 400)
        return json_reply(f"sqs {operation}", content, kind="application/x-amz-json-1.0")

    def _put(self, url: str, body: str) -> dict[str, Any]:
        self.bodies[url].append(body)
        digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
        return {"MessageId": str(uuid.uuid4()), "MD5OfMessageBody": digest}


@dataclass
class EightX8:
    """8x8: takes every message, alone or in a batch.

    Attributes
    ----------
    taken
        How often each message was taken, by its id.
    """

    taken: Counter[str] = field(default_factory=Counter)

    def answer(self, request: Request) -> Reply:
        """Take what is sent."""
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            return json_reply("8x8 refused", {"code": 1200, "message": "Unauthorized"}, 401)
        if not request.path.endswith("/batch"):
            return json_reply("8x8 message", self._take(request.content))
        messages = [self._take(one) for one in request.content["messages"]]
        answer: dict[str, Any] = {
            "batchId": str(uuid.uuid4()),
            "acceptedCount": len(messages),
            "rejectedCount": 0,
            "messages": messages,
        }
        return json_reply("8x8 batch", answer)

    def _take(self, message: dict[str, Any]) -> dict[str, Any]:
        self.taken[message["clientMessageId"]] += 1
        return _taken(message["clientMessageId"], message["destination"])


def umid_of(message_id: str) -> str:
    """Return 8x8's id of a message, the same one at each call."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, message_id))


def _taken(message_id: str, destination: str) -> dict[str, Any]:
    return {
        "umid": umid_of(message_id),
        "clientMessageId": message_id,
        "destination": destination,
        "encoding": "GSM7",
        "status": {"code": "QUEUED", "description": "SMS is accepted and being processed"},
    }


def moengage(_: Request) -> Reply:
    """Take a delivery report."""
    return json_reply("moengage report", {})


def naked(_: Request) -> Reply:
    """Take what the naked POST brings, with an answer of the size of 8x8's."""
    return json_reply("naked POST", _taken("0" * 36, "+6591234567"))
