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
        self._table = table

    def get(self, sub_account_id: str) -> ExportJob | None:
        item = MessagesTable(self._client, self._table).get(f"export {sub_account_id}")
        if item is None:
            return None
        return ExportJob(
            sub_account_id,
            item["job_id"]["S"],
            seconds_of(item["since"]["S"]),
            seconds_of(item["asked_at"]["S"]),
        )

    def put(self, job: ExportJob) -> None:
        self._client.put_item(
            TableName=self._table,
            Item=to_item(
                {
                    "id": f"export {job.sub_account_id}",
                    "job_id": job.job_id,
                    "since": job.since,
                    "asked_at": job.asked_at,
                    "expires_at": int(job.asked_at) + _SECONDS_KEPT,
                }
            ),
        )

    def remove(self, sub_account_id: str) -> None:
        self._client.delete_item(
            TableName=self._table, Key=to_item({"id": f"export {sub_account_id}"})
        )
