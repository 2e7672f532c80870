"""What only the tool does with the messages table: replay outcomes, forget people."""

from collections.abc import Iterator
from contextlib import suppress

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message
from sms_bridge.domain.phone_number import digits_of
from sms_bridge.storage.messages import GIVEN_UP, SHARDS, DynamoDBMessages
from sms_bridge.storage.table import (
    CAMPAIGN,
    INBOUND_PREFIX,
    from_item,
    receipt_name,
    shard_of,
    to_item,
)

# The number and what leads to it: `client_message_id` is the caller's, and may name a person.
_OF_A_PERSON = ("destination", "recipient_hash", "client_message_id")
# What many messages have in common, unless a caller makes it of the number.
_OF_A_CAMPAIGN = {"campaign_id": CAMPAIGN, "dlt_template_id": "dlt_template_id", "source": "source"}


class OperatorsMessages(DynamoDBMessages):
    """The functions' messages, and what only an operator does with them."""

    def given_up(self, *, since: float, until: float) -> Iterator[Message]:
        """Return the messages accepted in a time span whose outcome was given up."""
        return self._listed([GIVEN_UP + one for one in SHARDS], since, until, None)

    def record_replayed(self, message_id: str) -> None:
        """Make an outcome that was given up due again, with all its tries."""
        self._table.was_written(
            message_id,
            {"open_shard": shard_of(message_id)},
            remove=("given_up", "given_up_at", "tries", "next_try_at"),
            only_if=["attribute_exists(given_up)", "attribute_not_exists(reported_at)"],
        )

    def anonymise(self, message: Message, number: str) -> None:
        """Take the recipient off a message, and 8x8's words about it: what became of it stays.

        Campaign, template and sender go if they hold the number.
        """
        spellings = {digits_of(number), digits_of(message.destination)} - {""}
        paths = [
            *_OF_A_PERSON,
            *(
                attribute
                for name, attribute in _OF_A_CAMPAIGN.items()
                if any(digits in digits_of(getattr(message, name)) for digits in spellings)
            ),
            *(f"{receipt_name(one)}.error_message" for one in message.receipts),
        ]
        if message.outcome and (message.outcome_reported_at or message.reply_to):
            paths.append("outcome.description")
        client = self._table.client
        # It may have expired meanwhile; an update would bring an empty item back.
        with suppress(client.exceptions.ConditionalCheckFailedException):
            client.update_item(
                TableName=self._table.name,
                Key={"id": {"S": message.id}},
                UpdateExpression=f"REMOVE #{', #'.join(paths).replace('.', '.#')}",
                ConditionExpression="attribute_exists(accepted_at)",
                ExpressionAttributeNames={
                    f"#{one}": one for path in paths for one in path.split(".")
                },
            )

    def inbound_from(self, number: str, recipient_hash: str) -> dict[str, float]:
        """Read everything; return the SMS from a number or its hash: their ids, when they came."""
        digits = digits_of(number)
        senders = {":digits": digits, ":number": f"+{digits}", ":hash": recipient_hash}
        pages = self._table.client.get_paginator("scan").paginate(
            TableName=self._table.name,
            ConsistentRead=True,
            ProjectionExpression="id, received_at",
            FilterExpression=(
                "begins_with(id, :inbound) "
                "AND (#source IN (:digits, :number) OR sender_hash = :hash)"
            ),
            ExpressionAttributeNames={"#source": "source"},
            ExpressionAttributeValues=to_item({":inbound": INBOUND_PREFIX, **senders}),
        )
        found = [from_item(item) for page in pages for item in page["Items"]]
        return {one["id"]: seconds_of(one["received_at"]) for one in found}
