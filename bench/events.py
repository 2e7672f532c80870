"""The events of a campaign: requests, receipts, and what SQS hands over."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from itertools import batched
from typing import Any

from bench.standins.services import umid_of
from local.event_files import EventFile

SUB_ACCOUNTS = {"transactional": "Acme_Transactional", "promotional": "Acme_Promotional"}
TEXT = "Hi Ana, your order {number} has shipped and arrives tomorrow. Track it: https://acme.example/t/{number}"


def send_events(count: int, kind: str, *, first: int = 0) -> list[dict[str, Any]]:
    """Return what MoEngage posts for a campaign: one message for each of so many people."""
    sample = EventFile("send_sms/single", "").event
    events = []
    for number in range(first, first + count):
        event = copy.deepcopy(sample)
        event["pathParameters"]["subAccountId"] = SUB_ACCOUNTS[kind]
        event["rawPath"] = f"/api/v1/subaccounts/{SUB_ACCOUNTS[kind]}/messages"
        event["requestContext"]["http"]["path"] = event["rawPath"]
        body = {
            "recipient": f"+65{90_000_000 + number}",
            "message": TEXT.format(number=100_000 + number),
            "sender": "Acme",
            "campaignId": "6721f0c2a9b3",
        }
        event["body"] = json.dumps(body)
        event["headers"]["content-length"] = str(len(event["body"]))
        events.append(event)
    return events


def receipt_events(answers: Sequence[dict[str, Any]], state: str) -> list[dict[str, Any]]:
    """Return 8x8's receipts of one state for messages that `send_sms` answered for."""
    sample = EventFile(f"receive_callback/receipt_{state}", "").event
    events = []
    for answer in answers:
        sent = json.loads(answer["body"])
        event = copy.deepcopy(sample)
        body = json.loads(event["body"])
        body["payload"] |= {
            "umid": umid_of(sent["messageId"]),
            "clientMessageId": sent["messageId"],
            "destination": sent["destination"],
        }
        event["body"] = json.dumps(body)
        events.append(event)
    return events


def sqs_events(bodies: Sequence[str], sample: str, *, batch_size: int) -> list[dict[str, Any]]:
    """Return the batches in which Lambda hands over what was put into a queue."""
    record = EventFile(sample, "").event["Records"][0]
    records = [
        {**record, "messageId": f"{number:08d}-aaaa-4bbb-8ccc-dddddddddddd", "body": body}
        for number, body in enumerate(bodies)
    ]
    return [{"Records": list(batch)} for batch in batched(records, batch_size)]


def naked_body(size: int) -> str:
    """Return a JSON body of a size."""
    return json.dumps({"text": "x" * (size - len(json.dumps({"text": ""})))})
