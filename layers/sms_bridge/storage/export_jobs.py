"""Exports of 8x8's log that are under way, in DynamoDB, so that none is asked for twice."""

from typing import TYPE_CHECKING

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.reconciliation import ExportJob
from sms_bridge.storage.items import to_item
from sms_bridge.storage.table import MessagesTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SECONDS_KEPT = 86_400


class DynamoDBExportJobs:
    """:class:`ExportJobs` in the messages table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = MessagesTable(client, table)

    def get(self, sub_account_id: str) -> ExportJob | None:
        item = self._table.get(_id(sub_account_id))
        if item is None:
            return None
        since, asked_at = (seconds_of(item[name]["S"]) for name in ("since", "asked_at"))
        return ExportJob(sub_account_id, item["job_id"]["S"], since, asked_at)

    def put(self, job: ExportJob) -> None:
        values = {
            "id": _id(job.sub_account_id),
            "job_id": job.job_id,
            "since": job.since,
            "asked_at": job.asked_at,
            "expires_at": int(job.asked_at) + _SECONDS_KEPT,
        }
        self._client.put_item(TableName=self._table.name, Item=to_item(values))

    def remove(self, sub_account_id: str) -> None:
        key = to_item({"id": _id(sub_account_id)})
        self._client.delete_item(TableName=self._table.name, Key=key)


def _id(sub_account_id: str) -> str:
    return f"export {sub_account_id}"
