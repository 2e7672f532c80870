"""What is seen of the deployed bridge: its items, its log lines, its queues."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import batched
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from local.aws import log_events, log_groups
from local.stack import LocalStack

Values = dict[str, Any]
"""An item's attributes as JSON has them."""

_MOST_ITEMS_A_CALL = 100
# Lines are written a moment after the time that they carry.
_MILLISECONDS_OF_OVERLAP = 5_000
_QUEUES = {
    "transactional": "TransactionalQueue",
    "promotional": "PromotionalQueue",
    "outcomes": "OutcomeQueue",
    "outcomesGivenUp": "OutcomeDeadLetterQueue",
    "sendsGivenUp": "SendDeadLetterQueue",
}

_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a function's log."""

    at: float
    function: str
    content: Values

    @property
    def says(self) -> str:
        return str(self.content.get("message", ""))


class BridgeWatch:
    """Looks into the emulated account. Its methods block: call them in a thread, one at a time."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._groups: list[str] = []
        self._since = 0
        self._seen: set[str] = set()

    def items(self, message_ids: Iterable[str]) -> dict[str, Values]:
        """Read the items of some messages, those that are there."""
        table = self._stack.deployment.messages_table
        found: dict[str, Values] = {}
        for ids in batched(message_ids, _MOST_ITEMS_A_CALL):
            keys = [{"id": {"S": message_id}} for message_id in ids]
            answer = self._stack.aws.dynamodb.batch_get_item(
                RequestItems={table: {"Keys": keys, "ConsistentRead": True}}
            )
            for item in answer["Responses"].get(table, []):
                values = {name: _plain(_deserialize(value)) for name, value in item.items()}
                found[values["id"]] = values
        return found

    def new_lines(self) -> list[LogLine]:
        """Read what the functions have logged since the last time, START and END left out."""
        if not self._groups:
            groups = log_groups(self._stack.aws)
            self._groups = [group for group in groups if "AccessLog" not in group]
        lines: list[LogLine] = []
        latest, seen = self._since, set()
        for group in self._groups:
            since = max(0, self._since - _MILLISECONDS_OF_OVERLAP)
            for event in log_events(self._stack.aws, group, since):
                identity = f"{group} {event['timestamp']} {event['message']}"
                seen.add(identity)
                latest = max(latest, event["timestamp"])
                line = _line(_function_of(group), event["message"])
                if line and identity not in self._seen:
                    lines.append(line)
        self._since, self._seen = latest, seen
        return sorted(lines, key=lambda line: line.at)

    def queues(self) -> dict[str, int]:
        return {name: self._stack.queued(logical_id) for name, logical_id in _QUEUES.items()}


def seconds_of(moment: str) -> float:
    """Return an ISO 8601 time of an item or a line as seconds since the epoch, 0 for none."""
    return datetime.fromisoformat(moment).timestamp() if moment else 0.0


def _line(function: str, text: str) -> LogLine | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    if not isinstance(content, dict) or "timestamp" not in content:
        return None
    return LogLine(seconds_of(content["timestamp"]), function, content)


def _function_of(group: str) -> str:
    """Return a function's name in the project: ``send_sms`` of ``.../SendSmsLogGroup``."""
    logical_id = group.rpartition("/")[2].removesuffix("LogGroup")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", logical_id).lower()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | set):
        return [_plain(one) for one in value]
    return value
