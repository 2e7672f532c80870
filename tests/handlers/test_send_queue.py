"""What goes through the send queue, who is not texted, and what is moved on when it is stuck."""

import json

import pytest
from botocore.exceptions import ClientError

from local.event_files import (
    NUMBER,
    event_files,
    umid,
)
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, State
from sms_bridge.domain.opt_out import OptOutScope, OptRequest
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.table import MessagesTable
from tests.builders import a_person
from tests.fakes.aws import TABLE
from tests.functions import ENVIRONMENT
from tests.handlers.conftest import HASH_KEY, Bridge

EVENTS = {file.name: file for file in event_files()}


class TestSendQueue:
    def test_in_queued_mode_8x8_gets_one_batch_and_each_message_once(self, bridge: Bridge) -> None:
        handler = bridge.handler("send_sms", DISPATCH_MODE="queued")
        events = [EVENTS[f"send_sms/{name}"].event for name in ("single", "unicode", "campaign")]

        sent_ids = [json.loads(handler(event)["body"])["umid"] for event in events]
        asked_before = len(bridge.eightx8.received)
        records = bridge.receive("TRANSACTIONAL_QUEUE_URL")
        handler = bridge.handler("dispatch_queue")
        first, redelivered = handler({"Records": records}), handler({"Records": records})

        assert asked_before == 0
        assert first == {"batchItemFailures": []}
        # That 8x8 took them is known here, and once a receipt has come.
        assert len(redelivered["batchItemFailures"]) == len(records)
        [request] = bridge.eightx8.received
        assert request.line.split()[1].endswith("/Acme_Transactional/messages/batch")
        [body] = bridge.eightx8.bodies
        assert sorted(one["clientMessageId"] for one in body["messages"]) == sorted(sent_ids)
        assert {bridge.stored(one).state for one in sent_ids} == {State.SENDING}

    def test_while_the_secret_cannot_be_read_nothing_is_begun(self, bridge: Bridge) -> None:
        queued = bridge.handler("send_sms", DISPATCH_MODE="queued")
        message_id = json.loads(queued(EVENTS["send_sms/single"].event)["body"])["umid"]
        records = bridge.receive("TRANSACTIONAL_QUEUE_URL")
        # In place of Secrets Manager, for this function alone.
        service = bridge.cloudformation
        text = bridge.secretsmanager.get_secret_value(SecretId=bridge.secret_arn)["SecretString"]
        service.always(500, {"__type": "InternalServiceError"})
        handler = bridge.handler("dispatch_queue", AWS_ENDPOINT_URL_SECRETS_MANAGER=service.url)

        with pytest.raises(ClientError):
            handler({"Records": records})
        assert bridge.stored(message_id).state is State.WAITING

        service.always(200, {"SecretString": text})
        assert handler({"Records": records}) == {"batchItemFailures": []}
        assert bridge.stored(message_id).state is State.SENDING


class TestOptOuts:
    @pytest.mark.parametrize("mode", ["direct", "queued"])
    def test_who_stopped_gets_no_offers_and_still_gets_orders(
        self, mode: str, bridge: Bridge
    ) -> None:
        self.opt_request(bridge, OptRequest.OPT_OUT, seconds_of("2026-11-24"))

        offer = self.send(bridge, "send_sms/promotional", mode)
        order = self.send(bridge, "send_sms/single", mode)

        assert (offer.state, offer.reason) == (State.FAILED, "opted_out")
        assert offer.outcome is not None
        assert order.state is State.SENDING
        assert "opted_out" in bridge.log.text

    @pytest.mark.parametrize(
        ("scope", "holds"),
        [(OptOutScope.STACK, [True, True]), (OptOutScope.SUB_ACCOUNT, [True, False])],
    )
    def test_an_opt_out_by_sms_counts_for_the_stack_or_its_sub_account(
        self, scope: OptOutScope, holds: list[bool], bridge: Bridge
    ) -> None:
        # By its sender's number, not by the one of the other events.
        stop = EVENTS["receive_callback/inbound_stop"].event
        bridge.handler("receive_callback", OPT_OUT_SCOPE=scope)(stop)
        opt_outs = DynamoDBOptOuts(MessagesTable(bridge.dynamodb, TABLE), scope)

        stopped = [
            opt_outs.is_opted_out(a_person("+6598765432", account, HASH_KEY))
            for account in ("Acme_Promotional", "Acme_Transactional")
        ]

        assert stopped == holds

    def test_it_is_confirmed_by_sms_to_whom_all_messages_are_refused(self, bridge: Bridge) -> None:
        both = "promotional,transactional"
        stop = EVENTS["receive_callback/inbound_stop"].event
        callback = bridge.handler("receive_callback")
        for _ in range(2):
            callback(stop)
        records = bridge.receive("TRANSACTIONAL_QUEUE_URL")
        assert len(records) == 2

        dispatch = bridge.handler("dispatch_queue", OPT_OUT_MESSAGE_TYPES=both)
        dispatch({"Records": records})

        [body] = bridge.eightx8.bodies
        [sent] = body["messages"]
        message_id = sent.pop("clientMessageId")
        assert sent == {
            "destination": "+6598765432",
            "source": "+6580001234",
            "text": ENVIRONMENT["ReceiveCallback"]["OPT_OUT_REPLY"],
            "dlrCallbackUrl": "https://bridge.example/callbacks/8x8?token=local-callback-token",
        }
        assert bridge.stored(message_id).state is State.SENDING
        assert bridge.stored(message_id).reply_to == umid(41)

    def opt_request(self, bridge: Bridge, opt_request: OptRequest, at: float) -> None:
        opt_outs = DynamoDBOptOuts(MessagesTable(bridge.dynamodb, TABLE))
        opt_outs.record(a_person(NUMBER, "Acme_Promotional", HASH_KEY), opt_request, at)

    def send(self, bridge: Bridge, event: str, mode: str) -> Message:
        """Send a message and return it as it is when the queues are empty."""
        answer = bridge.handler("send_sms", DISPATCH_MODE=mode)(EVENTS[event].event)
        dispatch = bridge.handler("dispatch_queue")
        for queue in ("TRANSACTIONAL_QUEUE_URL", "PROMOTIONAL_QUEUE_URL"):
            dispatch({"Records": bridge.receive(queue)})
        return bridge.stored(json.loads(answer["body"])["umid"])
