"""The messages table: moto, with an index that lags and batches that are done in part."""

import heapq
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from moto.core.models import botocore_stubber
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

from tests.chaos.aws import Content, Reply
from tests.fakes.aws import REGION, TABLE, a_messages_table

_ITEMS_A_PAGE = 25
_ACCOUNT = "123456789012"
_NOT_SHOWN = ("id", "expires_at", "description")

Item = dict[str, Any]


class Table:
    """Answers DynamoDB's operations, within an account of moto's.

    Parameters
    ----------
    now
        The clock.
    lag
        After how many seconds the index shows a change.
    leaves_keys
        Whether BatchGetItem leaves half of its keys for another call.
    throttles
        Whether BatchExecuteStatement does not do one of its statements.
    heard
        Is told every change: the key, and what was done.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        lag: Callable[[], float] = lambda: 0.0,
        leaves_keys: Callable[[], bool] = lambda: False,
        throttles: Callable[[], bool] = lambda: False,
        heard: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        a_messages_table()
        # From here on requests get to moto past the suite's own wire only.
        botocore_stubber.enabled = False
        self._items: Any = dynamodb_backends[_ACCOUNT][REGION].get_table(TABLE).items
        self._now = now
        self._lag = lag
        self._leaves_keys = leaves_keys
        self._throttles = throttles
        self._heard = heard
        # Of what was given up, the name of the shard is longer.
        self._shards: dict[str, str] = {}
        self._index: dict[str, dict[str, str]] = defaultdict(dict)
        self._shard_of: dict[str, str] = {}
        self._to_index: list[tuple[float, int, str, str, str]] = []
        self._changes = 0

    def __call__(
        self, operation: str, content: Content, request: AWSPreparedRequest
    ) -> Content | Reply:
        """Answer an operation."""
        match operation:
            case "Query":
                return self._query(**content)
            case "BatchGetItem":
                return self._batch_get(**content)
            case "BatchExecuteStatement":
                return self._batch_execute(content, request)
            case "GetItem":
                item = self.item(content["Key"]["id"]["S"])
                return {"Item": item} if item else {}
        key = (content.get("Key") or content["Item"])["id"]["S"]
        return self._changing([key], content, request)

    def item(self, key: str) -> Item:
        """Return an item as it is, empty where there is none."""
        item: Any = self._items.get(DynamoType({"S": key}))
        return item.to_json()["Attributes"] if item else {}

    @property
    def items(self) -> dict[str, Item]:
        """All items, by key."""
        return {key.value: self.item(key.value) for key in self._items}

    def open_keys(self) -> list[str]:
        """Return the keys of what is to be reported, also where the index lags."""
        return [key for key, shard in self._shards.items() if len(shard) == 1]

    # ------------------------------------------------------------------------------------- writing
    def _pass_on(self, content: Content, request: AWSPreparedRequest) -> Reply:
        request.body = json.dumps(content).encode()
        answer = botocore_stubber.process_request(request)
        assert answer
        status, _, body = answer
        return status, body.encode() if isinstance(body, str) else body

    def _changing(self, keys: list[str], content: Content, request: AWSPreparedRequest) -> Reply:
        before = {key: self.item(key) for key in keys}
        reply = self._pass_on(content, request)
        for key in keys:
            after = self.item(key)
            if after == before[key]:
                continue
            self._heard(key, _changes(before[key], after))
            place = _place_of(after)
            self._shards[key] = place[0]
            if place != _place_of(before[key]):
                self._changes += 1
                shown_at = self._now() + self._lag()
                heapq.heappush(self._to_index, (shown_at, self._changes, key, *place))
        return reply

    def _batch_execute(self, content: Content, request: AWSPreparedRequest) -> Content | Reply:
        """Do many statements; DynamoDB may throttle some."""
        throttled = [self._throttles() for _ in content["Statements"]]
        done = [
            one for one, fails in zip(content["Statements"], throttled, strict=True) if not fails
        ]
        answers: list[Content] = []
        if done:
            # The key is among the parameters.
            keys = [value["S"] for one in done for value in one["Parameters"] if "S" in value]
            status, body = self._changing(keys, {**content, "Statements": done}, request)
            if status != 200:
                return status, body
            answers = json.loads(body)["Responses"]
        rest = iter(answers)
        return {
            "Responses": [
                {"Error": {"Code": "ThrottlingError"}} if fails else next(rest)
                for fails in throttled
            ]
        }

    # ------------------------------------------------------------------------------------- reading
    def _batch_get(self, *, RequestItems: dict[str, Any], **_: Any) -> Content:
        """Read many items; some keys may be left for another call."""
        ((table, asked),) = RequestItems.items()
        keys = asked["Keys"]
        assert 0 < len(keys) <= 100
        now = keys[: len(keys) // 2] if len(keys) > 1 and self._leaves_keys() else keys
        found = [self.item(key["id"]["S"]) for key in reversed(now)]
        left = keys[len(now) :]
        return {
            "Responses": {table: [item for item in found if item]},
            "UnprocessedKeys": {table: {**asked, "Keys": left}} if left else {},
        }

    def _query(
        self,
        *,
        IndexName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: dict[str, Any],
        ExclusiveStartKey: Item | None = None,
        **_: Any,
    ) -> Content:
        """Return a page of the index of open messages, as far as it has got."""
        assert (IndexName, KeyConditionExpression) == (
            "open",
            "open_shard = :value AND accepted_at BETWEEN :since AND :until",
        )
        shard, since, until = (
            ExpressionAttributeValues[name]["S"] for name in (":value", ":since", ":until")
        )
        start = ExclusiveStartKey or {"accepted_at": {"S": ""}, "id": {"S": ""}}
        last = (start["accepted_at"]["S"], start["id"]["S"])
        found = [one for one in self._indexed(shard) if since <= one[0] <= until and one > last]
        page = [{"accepted_at": {"S": at}, "id": {"S": key}} for at, key in found[:_ITEMS_A_PAGE]]
        more = {"LastEvaluatedKey": page[-1]} if len(found) > _ITEMS_A_PAGE else {}
        return {"Items": page, "Count": len(page), **more}

    def _indexed(self, shard: str) -> list[tuple[str, str]]:
        while self._to_index and self._to_index[0][0] <= self._now():
            _, _, key, new_shard, accepted_at = heapq.heappop(self._to_index)
            old_shard = self._shard_of.pop(key, None)
            if old_shard is not None:
                del self._index[old_shard][key]
            if new_shard:
                self._index[new_shard][key] = accepted_at
                self._shard_of[key] = new_shard
        return sorted((at, key) for key, at in self._index[shard].items())


def _place_of(item: Item) -> tuple[str, str]:
    if "open_shard" not in item or "accepted_at" not in item:
        return "", ""
    return item["open_shard"]["S"], item["accepted_at"]["S"]


def _changes(before: Item, after: Item) -> str:
    changed = [
        f"{name}={next(iter(value.values()))}"
        for name, value in after.items()
        if before.get(name) != value and name not in _NOT_SHOWN
    ]
    return ", ".join([*changed, *(f"-{name}" for name in before if name not in after)])
