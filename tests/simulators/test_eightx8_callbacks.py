"""The simulator of 8x8 sends callbacks as 8x8 does."""

import asyncio
import re
from collections.abc import AsyncIterator
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
)

ALL, URL = {"subAccountId": "*"}, {"url": "https://one.example"}
ANOTHERS = "/api/v1/accounts/00000000-0000-0000-0000-000000000000/webhooks"


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    """One in which the receiver gets everything."""
    async with a_setting() as setting:
        await setting.register()
        yield setting


async def an_inbound(setting: Setting) -> str:
    return await setting.simulator.receive_inbound(
        sub_account_id=SUB_ACCOUNT, source=NUMBER, destination="+6598765432", body="STOP"
    )


async def statuses_of_an_inbound(setting: Setting, *answers: int) -> list[int]:
    """Let the receiver answer so; gives the statuses that 8x8 saw."""
    setting.receiver.statuses = list(answers)
    await an_inbound(setting)
    await setting.settle()
    return [attempt.status for attempt in setting.simulator.callbacks]


class TestReceipts:
    async def test_each_change_of_state_is_a_callback_of_its_own(self, setting: Setting) -> None:
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
        for _ in range(10):
            await setting.send()
        await setting.settle()

        timestamps = [event["payload"]["status"]["timestamp"] for event in setting.receiver.events]
        digits = {len(timestamp.partition(".")[2]) - 1 for timestamp in timestamps}
        assert 7 in digits
        assert len(digits) > 1

    async def test_receipts_may_come_twice_and_in_no_order(self, setting: Setting) -> None:
        orders: set[tuple[str, ...]] = set()
        for _ in range(5):
            begin = len(setting.simulator.callbacks)
            await setting.send(destination="+6591230006")
            await setting.settle()
            orders.add(tuple(setting.sent_states[begin:]))

        doubled = ["delivered", "delivered", "queued", "queued", "sent", "sent"]
        assert all(sorted(order) == doubled for order in orders)
        assert len(orders) > 1

    async def test_a_batchs_receipts_name_the_batch(self, setting: Setting) -> None:
        _, answer = await setting.send_batch({"destination": NUMBER}, clientBatchId="batch-1")
        await setting.settle()

        payload = setting.receiver.has("delivered")
        ids = (payload["batchId"], payload["clientBatchId"])
        assert ids == (answer["batchId"], "batch-1")

    @pytest.mark.parametrize(
        ("expiry", "sent", "error_code"),
        [
            ({}, [("queued", 0.5), ("sent", 7200.0), ("delivered", 7200.5)], None),
            ({"expiry": 1}, [("queued", 0.5), ("undelivered", 7200.0)], 36),
        ],
    )
    async def test_a_scheduled_message_waits_and_one_that_is_too_old_by_then_expires(
        self,
        setting: Setting,
        expiry: dict[str, int],
        sent: list[tuple[str, float]],
        error_code: int | None,
    ) -> None:
        begin = setting.time.now
        times: dict[str, Any] = {
            field: (datetime.fromtimestamp(begin, UTC) + timedelta(hours=hours)).isoformat()
            for field, hours in {"scheduled": 2, **expiry}.items()
        }
        await setting.send(**times)
        await setting.settle()

        at = [attempt.at - begin for attempt in setting.simulator.callbacks]
        assert list(zip(setting.sent_states, at, strict=True)) == sent
        last = setting.receiver.events[-1]["payload"]["status"]
        assert last.get("errorCode") == error_code


class TestRetries:
    async def test_a_callback_that_fails_comes_again_four_times(self, setting: Setting) -> None:
        begin = setting.time.now

        assert await statuses_of_an_inbound(setting, 500) == [500] * 5
        attempts = setting.simulator.callbacks
        # As 8x8 documents it, counted from the first attempt.
        assert [attempt.at - begin for attempt in attempts] == [0.0, 1.0, 11.0, 41.0, 131.0]
        assert [attempt.attempt for attempt in attempts] == [1, 2, 3, 4, 5]
        assert len(setting.receiver.events) == 5

    @pytest.mark.parametrize(
        "statuses",
        [
            *([failure, failure, 200] for failure in (400, 401, 404, 429, 500, 503)),
            *([no_error] for no_error in (200, 202, 204, 302)),
        ],
        ids=str,
    )
    async def test_only_an_error_is_a_reason_to_come_again_until_it_is_taken(
        self, setting: Setting, statuses: list[int]
    ) -> None:
        assert await statuses_of_an_inbound(setting, *statuses) == statuses

    async def test_nobody_answers_in_time(self) -> None:
        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

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

    async def test_a_later_receipt_overtakes_one_that_comes_again(self, setting: Setting) -> None:
        setting.simulator.pace = Pace(until_receipt=0.3)
        setting.receiver.statuses = [503, 200]
        await setting.send()
        await setting.settle()

        assert setting.receiver.states == ["queued", "sent", "delivered", "queued"]


class TestWebhooks:
    async def test_a_messages_own_url_comes_first_and_gets_no_authorization(
        self, setting: Setting
    ) -> None:
        await setting.send(dlrCallbackUrl=f"{setting.receiver.url}/own?token=t")
        await setting.settle()

        assert set(setting.receiver.paths) == {"/own"}
        assert set(setting.receiver.authorizations) == {None}

    async def test_a_sub_accounts_own_webhook_comes_first(self, setting: Setting) -> None:
        await setting.register(subAccountId=SUB_ACCOUNT, url=f"{setting.receiver.url}/own")
        await setting.send()
        await setting.send(destination="+6591234568", sub_account=OTHER_SUB_ACCOUNT)
        await setting.settle()

        names = [event["payload"]["subAccountId"] for event in setting.receiver.events]
        paths = dict(zip(names, setting.receiver.paths, strict=True))
        assert paths == {SUB_ACCOUNT: "/own", OTHER_SUB_ACCOUNT: "/account"}

    @pytest.mark.parametrize("change", ["disabled", "deleted"])
    async def test_without_one_nothing_is_reported(self, setting: Setting, change: str) -> None:
        if change == "disabled":
            await setting.register(enabled=False)
        if change == "deleted":
            assert (await setting.call("DELETE", WEBHOOKS, json=[ALL]))[0] == 200
        await setting.send()
        await setting.settle()

        assert setting.simulator.callbacks == []

    async def test_they_are_shown_without_secrets_and_the_star_deletes_only_the_one_for_all(
        self, setting: Setting
    ) -> None:
        own = {"subAccountId": SUB_ACCOUNT, **URL, "enabled": True}
        for_all = {**ALL, "url": f"{setting.receiver.url}/account", "httpAuthorization": "***"}
        await setting.call("POST", WEBHOOKS, json=[{"subAccountId": SUB_ACCOUNT, **URL}])

        _, before = await setting.call("GET", WEBHOOKS)
        await setting.call("DELETE", WEBHOOKS, json=[ALL])
        _, after = await setting.call("GET", WEBHOOKS)

        assert before == [{**for_all, "enabled": True}, own]
        assert after == [own]

    @pytest.mark.parametrize(
        ("webhooks", "refusal"),
        [
            ({**ALL, **URL}, (400, 1000)),
            ([ALL], (400, 1000)),
            ([{**ALL, "url": "one.example"}], (400, 1000)),
            ([{**ALL, **URL, "enabled": "yes"}], (400, 1000)),
            ([{"subAccountId": "Umbrella", **URL}], (404, 1001)),
        ],
    )
    async def test_wrong_ones_are_refused(
        self, setting: Setting, webhooks: Any, refusal: tuple[int, int]
    ) -> None:
        before = await setting.call("GET", WEBHOOKS)

        assert await setting.refusal("POST", WEBHOOKS, json=webhooks) == refusal
        assert await setting.call("GET", WEBHOOKS) == before

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    @pytest.mark.parametrize(
        ("path", "key", "refusal"),
        [(WEBHOOKS, "wrong", (401, 1200)), (ANOTHERS, KEY, (403, 1201))],
    )
    async def test_only_the_account_changes_them(
        self, setting: Setting, method: str, path: str, key: str, refusal: tuple[int, int]
    ) -> None:
        assert await setting.refusal(method, path, key=key, json=[]) == refusal


async def test_an_sms_to_a_virtual_number_is_an_event(setting: Setting) -> None:
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


async def test_a_click_on_a_link_is_an_event_without_the_senders_id(setting: Setting) -> None:
    await setting.send(text="Look: https://acme.example/t/1 now", clientMessageId="m-1")
    await setting.settle()
    setting.receiver.events.clear()

    setting.simulator.click(setting.simulator.messages[0].umid)
    await setting.settle()

    [event] = setting.receiver.events
    assert (event["namespace"], event["eventType"]) == ("SMS", "short_url_clicked")
    assert event["payload"]["targetUrl"] == "https://acme.example/t/1"
    fields = {"eventId", "occurredAt", "umid", "destination", "shortUrl", "targetUrl"}
    assert set(event["payload"]) == fields


async def test_what_is_pending_ends_with_the_simulator() -> None:
    async with a_setting() as setting:
        await setting.register()
        await setting.send()
        await setting.send(destination="+6591234568")
        assert setting.simulator.pending == 2

    assert setting.simulator.pending == 0
    assert setting.receiver.events == []
