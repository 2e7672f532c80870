"""The simulator of 8x8 sends callbacks as 8x8 does."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.eightx8 import Pace
from tests.simulators.eightx8_setting import (
    KEY,
    NUMBER,
    OTHER_SUB_ACCOUNT,
    SUB_ACCOUNT,
    WEBHOOKS,
    Setting,
    a_setting,
    messages_path,
)

# The four retries that 8x8 documents, counted from the first attempt.
ATTEMPTS_AT = [0.0, 1.0, 11.0, 41.0, 131.0]


async def an_inbound(setting: Setting) -> str:
    return await setting.simulator.receive_inbound(
        sub_account_id=SUB_ACCOUNT, source=NUMBER, destination="+6598765432", body="STOP"
    )


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take whatever comes, until the client gives up."""
    await reader.read()
    writer.close()


class TestReceipts:
    async def test_each_change_of_state_is_a_callback_of_its_own(self, setting: Setting) -> None:
        await setting.register()
        _, answer = await setting.send(source="Acme", clientMessageId="order-1")
        await setting.settle()

        assert setting.receiver.states == ["queued", "sent", "delivered"]
        event = setting.receiver.events[-1]
        timestamp = event["payload"]["status"].pop("timestamp")
        assert re.fullmatch(r"2026-11-\d\dT\d\d:\d\d:\d\d\.\d{2,7}Z", timestamp)
        assert event == {
            "namespace": "SMS",
            "eventType": "outbound_message_status_changed",
            "description": "SMS has been delivered",
            "payload": {
                "umid": answer["umid"],
                "clientMessageId": "order-1",
                "subAccountId": SUB_ACCOUNT,
                "source": "Acme",
                "destination": "+6591234567",
                "status": {"state": "delivered", "detail": "delivered_to_recipient"},
                "price": {"total": 0.0375, "perSms": 0.0375, "currency": "EUR"},
                "smsCount": 1,
            },
        }
        assert "price" not in setting.receiver.has("queued")
        assert setting.receiver.has("sent")["status"]["detail"] == "delivered_to_operator"

    async def test_the_count_of_fraction_digits_varies(self, setting: Setting) -> None:
        await setting.register()
        for _ in range(10):
            await setting.send()
        await setting.settle()

        timestamps = [event["payload"]["status"]["timestamp"] for event in setting.receiver.events]
        digits = {len(timestamp.partition(".")[2]) - 1 for timestamp in timestamps}
        assert 7 in digits
        assert len(digits) > 1

    @pytest.mark.parametrize(
        ("suffix", "states", "detail", "error_code"),
        [
            ("0001", ["queued", "sent", "undelivered"], "undelivered_to_recipient", 1),
            ("0002", ["queued", "sent", "rejected"], "rejected_by_operator", 15),
            ("0003", [], None, None),
            ("0004", [], None, None),
            (
                "0005",
                ["queued", "sent", "undelivered", "delivered"],
                "delivered_to_recipient",
                None,
            ),
            ("0007", [], None, None),
            ("0008", ["queued", "sent", "undelivered"], "rejected_by_operator", 43),
            ("0010", ["queued", "sent", "delivered"], "delivered_to_recipient", None),
            ("0011", [], None, None),
            ("0013", ["queued", "sent", "delivered", "read"], None, None),
        ],
    )
    async def test_the_last_digits_decide(
        self,
        setting: Setting,
        suffix: str,
        states: list[str],
        detail: str | None,
        error_code: int | None,
    ) -> None:
        await setting.register()
        await setting.send(destination=f"+659123{suffix}")
        await setting.settle()

        assert setting.receiver.states == states
        if states:
            last = setting.receiver.events[-1]["payload"]["status"]
            assert (last.get("detail"), last.get("errorCode")) == (detail, error_code)
            assert ("errorMessage" in last) == (error_code is not None)
            assert setting.simulator.messages[0].state == states[-1]

    async def test_receipts_may_come_twice_and_in_no_order(self, setting: Setting) -> None:
        await setting.register()
        for _ in range(5):
            await setting.send(destination="+6591230006")
        await setting.settle()

        sent = [attempt.event["payload"] for attempt in setting.simulator.callbacks]
        orders = {
            message.umid: [
                payload["status"]["state"] for payload in sent if payload["umid"] == message.umid
            ]
            for message in setting.simulator.messages
        }
        doubled = ["delivered", "delivered", "queued", "queued", "sent", "sent"]
        assert all(sorted(order) == doubled for order in orders.values())
        assert len({tuple(order) for order in orders.values()}) > 1

    async def test_a_batchs_receipts_name_the_batch(self, setting: Setting) -> None:
        await setting.register()
        batch = {
            "messages": [{"destination": NUMBER, "text": "Hello"}],
            "clientBatchId": "batch-1",
        }
        _, answer = await setting.call("POST", f"{messages_path()}/batch", json=batch)
        await setting.settle()

        payload = setting.receiver.has("delivered")
        assert payload["batchId"] == answer["batchId"]
        assert payload["clientBatchId"] == "batch-1"

    async def test_a_scheduled_message_waits(self, setting: Setting) -> None:
        await setting.register()
        begin = setting.time.now
        scheduled = datetime.fromtimestamp(begin, UTC) + timedelta(hours=2)
        await setting.send(scheduled=scheduled.isoformat())
        await setting.settle()

        times = [attempt.at - begin for attempt in setting.simulator.callbacks]
        assert times == [0.5, 7200.0, 7200.5]

    async def test_a_message_that_is_too_old_expires(self, setting: Setting) -> None:
        await setting.register()
        now = datetime.fromtimestamp(setting.time.now, UTC)
        await setting.send(
            scheduled=(now + timedelta(hours=2)).isoformat(),
            expiry=(now + timedelta(hours=1)).isoformat(),
        )
        await setting.settle()

        assert setting.receiver.states == ["queued", "undelivered"]
        assert setting.receiver.has("undelivered")["status"]["errorCode"] == 36


class TestRetries:
    async def test_a_callback_that_fails_comes_again_four_times(self, setting: Setting) -> None:
        await setting.register()
        setting.receiver.statuses = [500]
        begin = setting.time.now
        await an_inbound(setting)
        await setting.settle()

        attempts = setting.simulator.callbacks
        assert [attempt.at - begin for attempt in attempts] == ATTEMPTS_AT
        assert [attempt.attempt for attempt in attempts] == [1, 2, 3, 4, 5]
        assert {attempt.status for attempt in attempts} == {500}
        assert len(setting.receiver.events) == 5

    @pytest.mark.parametrize("failure", [400, 401, 404, 429, 500, 503])
    async def test_until_it_is_taken(self, setting: Setting, failure: int) -> None:
        await setting.register()
        setting.receiver.statuses = [failure, failure, 200]
        await an_inbound(setting)
        await setting.settle()

        statuses = [attempt.status for attempt in setting.simulator.callbacks]
        assert statuses == [failure, failure, 200]

    @pytest.mark.parametrize("status", [200, 202, 204, 302])
    async def test_no_error_is_no_reason_to_come_again(self, setting: Setting, status: int) -> None:
        await setting.register()
        setting.receiver.statuses = [status]
        await an_inbound(setting)
        await setting.settle()

        assert [attempt.status for attempt in setting.simulator.callbacks] == [status]

    async def test_nobody_answers_in_time(self) -> None:
        pace = Pace(between_retries=(1,), callback_timeout=0.02)
        async with (
            await asyncio.start_server(say_nothing, "127.0.0.1") as silent,
            a_setting(pace) as setting,
        ):
            host, port = silent.sockets[0].getsockname()
            await setting.register(url=f"http://{host}:{port}")
            await an_inbound(setting)
            await setting.settle()

        assert [attempt.status for attempt in setting.simulator.callbacks] == [0, 0]

    async def test_a_later_receipt_overtakes_one_that_comes_again(self) -> None:
        async with a_setting(Pace(until_receipt=0.3)) as setting:
            await setting.register()
            setting.receiver.statuses = [503, 200]
            await setting.send()
            await setting.settle()

        assert setting.receiver.states == ["queued", "sent", "delivered", "queued"]


class TestClicks:
    async def test_a_click_on_a_link_is_an_event_without_the_senders_id(
        self, setting: Setting
    ) -> None:
        await setting.register()
        await setting.send(text="Look: https://acme.example/t/1 now", clientMessageId="m-1")
        await setting.settle()
        setting.receiver.events.clear()
        [message] = setting.simulator.messages

        setting.simulator.click(message.umid)
        await setting.settle()

        [event] = setting.receiver.events
        assert (event["namespace"], event["eventType"]) == ("SMS", "short_url_clicked")
        assert event["payload"]["targetUrl"] == "https://acme.example/t/1"
        assert set(event["payload"]) == {
            "eventId",
            "occurredAt",
            "umid",
            "destination",
            "shortUrl",
            "targetUrl",
        }


class TestWebhooks:
    async def test_a_messages_own_url_comes_first_and_gets_no_authorization(
        self, setting: Setting
    ) -> None:
        await setting.register()
        await setting.send(dlrCallbackUrl=f"{setting.receiver.url}/own?token=t")
        await setting.settle()

        assert set(setting.receiver.paths) == {"/own"}
        assert set(setting.receiver.authorizations) == {None}

    async def test_a_sub_accounts_own_webhook_comes_first(self, setting: Setting) -> None:
        await setting.register()
        await setting.register(subAccountId=SUB_ACCOUNT, url=f"{setting.receiver.url}/own")
        await setting.send(destination="+6591234567")
        await setting.send(destination="+6591234568", sub_account=OTHER_SUB_ACCOUNT)
        await setting.settle()

        paths = {
            event["payload"]["subAccountId"]: path
            for event, path in zip(setting.receiver.events, setting.receiver.paths, strict=True)
        }
        assert paths == {SUB_ACCOUNT: "/own", OTHER_SUB_ACCOUNT: "/account"}

    @pytest.mark.parametrize("change", ["disabled", "deleted", "never registered"])
    async def test_without_one_nothing_is_reported(self, setting: Setting, change: str) -> None:
        if change == "disabled":
            await setting.register(enabled=False)
        if change == "deleted":
            await setting.register()
            status, _ = await setting.call("DELETE", WEBHOOKS, json=[{"subAccountId": "*"}])
            assert status == 200
        await setting.send()
        await setting.settle()

        assert setting.simulator.callbacks == []

    async def test_the_star_deletes_only_the_one_for_all(self, setting: Setting) -> None:
        await setting.register()
        await setting.register(subAccountId=SUB_ACCOUNT)
        await setting.call("DELETE", WEBHOOKS, json=[{"subAccountId": "*"}])

        _, webhooks = await setting.call("GET", WEBHOOKS)
        assert [webhook["subAccountId"] for webhook in webhooks] == [SUB_ACCOUNT]

    async def test_they_are_shown_without_secrets(self, setting: Setting) -> None:
        await setting.register()
        await setting.call(
            "POST", WEBHOOKS, json=[{"subAccountId": SUB_ACCOUNT, "url": "https://one.example"}]
        )

        assert await setting.call("GET", WEBHOOKS) == (
            200,
            [
                {
                    "subAccountId": "*",
                    "url": f"{setting.receiver.url}/account",
                    "httpAuthorization": "***",
                    "enabled": True,
                },
                {"subAccountId": SUB_ACCOUNT, "url": "https://one.example", "enabled": True},
            ],
        )

    @pytest.mark.parametrize(
        ("webhooks", "status", "code"),
        [
            ({"subAccountId": "*", "url": "https://one.example"}, 400, 1000),
            ([{"subAccountId": "*"}], 400, 1000),
            ([{"subAccountId": "*", "url": "one.example"}], 400, 1000),
            ([{"subAccountId": "*", "url": "https://one.example", "enabled": "yes"}], 400, 1000),
            ([{"subAccountId": "Umbrella", "url": "https://one.example"}], 404, 1001),
        ],
    )
    async def test_wrong_ones_are_refused(
        self, setting: Setting, webhooks: Any, status: int, code: int
    ) -> None:
        answered, error = await setting.call("POST", WEBHOOKS, json=webhooks)

        assert (answered, error["code"]) == (status, code)
        assert await setting.call("GET", WEBHOOKS) == (200, [])

    @pytest.mark.parametrize(
        ("path", "key", "status", "code"),
        [
            (WEBHOOKS, "wrong", 401, 1200),
            ("/api/v1/accounts/00000000-0000-0000-0000-000000000000/webhooks", KEY, 403, 1201),
        ],
    )
    async def test_only_the_account_changes_them(
        self, setting: Setting, path: str, key: str, status: int, code: int
    ) -> None:
        for method in ("GET", "POST", "DELETE"):
            answered, error = await setting.call(method, path, key=key, json=[])
            assert (answered, error["code"]) == (status, code)


class TestInbound:
    async def test_an_sms_to_a_virtual_number(self, setting: Setting) -> None:
        await setting.register()
        umid = await an_inbound(setting)
        await setting.settle()

        [event] = setting.receiver.events
        assert event["payload"].pop("timestamp").endswith("Z")
        assert event == {
            "namespace": "SMS",
            "eventType": "inbound_message_received",
            "description": "Inbound SMS received",
            "payload": {
                "umid": umid,
                "subAccountId": SUB_ACCOUNT,
                "source": NUMBER,
                "destination": "+6598765432",
                "body": "STOP",
                "encoding": "GSM7",
                "smsCount": 1,
            },
        }


class TestEnd:
    async def test_what_is_pending_ends_with_it(self) -> None:
        async with a_setting() as setting:
            await setting.register()
            await setting.send()
            await setting.send(destination="+6591234568")
            assert setting.simulator.pending == 2

        assert setting.simulator.pending == 0
        assert setting.receiver.events == []
