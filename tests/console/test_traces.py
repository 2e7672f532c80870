"""What is put together of a message: its steps, what it waits for, and the numbers of a run."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from local.connector import senders
from local.console import views
from local.console.bridge_watch import LogLine
from local.console.counters import counters
from local.console.timeline import steps_of, wait_of
from local.console.traces import Trace, Traces
from local.eightx8 import CallbackAttempt, EightX8Simulator, Scenario, SendRequest, SmsMessage
from local.eightx8.scenarios import DELIVERED
from local.eightx8.segments import parts_of
from local.moengage import MoEngageSimulator, Report, WebhookAnswer

NOW = 1_795_000_000.0
URL = "http://127.0.0.1:1/api/v1/subaccounts/Acme/messages"
SENDER = senders(URL, URL, "token", "Acme").transactional
ITEM = {
    "id": "m-1",
    "state": "queued",
    "accepted_at": "2026-11-18T11:06:40.100Z",
    "attempt_at": "2026-11-18T11:06:40.100Z",
    "answered_at": "2026-11-18T11:06:40.200Z",
    "segments": 1,
    "encoding": "GSM7",
}
TO_REPORT = {
    "state": "delivered",
    "outcome": {"status": "DELIVERED"},
    "due_at": "2026-11-18T11:06:20Z",
    "lease_until": "2026-11-18T11:08:00Z",
}


class World:
    """Both simulators' books, written by hand."""

    def __init__(self) -> None:
        self.moengage = MoEngageSimulator(clock=lambda: NOW)
        self.eightx8 = EightX8Simulator(
            account_id="5fe6a9c0-1c5b-4d0e-9a31-6c1f3b5d7e90",
            sub_account_ids=["Acme"],
            api_keys=["key"],
        )
        self.traces = Traces(self.moengage, self.eightx8)

    def asks(self, *answers: WebhookAnswer) -> None:
        message = self.moengage.add(SENDER, destination="+6581234567", text="Hello")
        message.answers += answers

    def gets(self, *message_ids: str, status: int = 200, batch: bool = False) -> None:
        messages: list[dict[str, Any]] = [{"clientMessageId": one} for one in message_ids]
        body = {"messages": messages} if batch else messages[0]
        self.eightx8.requests.append(
            SendRequest("Acme", body, at=NOW + 0.15, batch=batch, status=status)
        )

    def takes(self, message_id: str, text: str = "Hello") -> None:
        parts = parts_of(text)
        self.eightx8.messages.append(
            SmsMessage(
                umid=f"u-{message_id}",
                sub_account_id="Acme",
                request={"clientMessageId": message_id, "text": text, "source": "Acme"},
                destination="+6581234567",
                country="SG",
                encoding=parts.encoding,
                segments=parts.count,
                cut_off=parts.cut_off,
                scenario=Scenario(),
                accepted_at=NOW,
                last=DELIVERED,
                last_at=NOW + 1,
            )
        )

    def calls_back(self, message_id: str, state: str, status: int = 200, attempt: int = 1) -> None:
        event = {"payload": {"clientMessageId": message_id, "status": {"state": state}}}
        self.eightx8.callbacks.append(
            CallbackAttempt(event, "http://bridge", attempt, NOW + 1, status)
        )

    @property
    def last(self) -> Trace:
        return self.traces.all()[-1]


@pytest.fixture
def world() -> World:
    return World()


def a_report(status: int) -> Report:
    return Report(
        unique_id="m-1", succeeded=True, reason="", content={}, http_status=status, at=NOW + 5.9
    )


def accepted(message_id: str = "m-1") -> WebhookAnswer:
    return WebhookAnswer(http_status=200, unique_id=message_id, at=NOW, seconds=0.25)


def said(trace: Trace) -> list[str]:
    return [f"{step.who} {step.what}" for step in steps_of(trace)]


def whole(world: World) -> None:
    """Write down a message that came through."""
    world.asks(accepted())
    world.gets("m-1")
    world.takes("m-1")
    world.calls_back("m-1", "delivered")
    line = {"message": "outcome told", "message_id": "m-1", "outcome": "DELIVERED"}
    world.traces.add_lines([LogLine(NOW + 6, "forward_outcome", line)])
    world.moengage.messages[0].reports.append(a_report(200))
    reported = {**ITEM, **TO_REPORT, "reported_at": "2026-11-18T11:06:46.100Z"}
    world.traces.add_items({"m-1": reported})


def test_all_sides_of_a_message_in_their_order(world: World) -> None:
    whole(world)
    # However often they are looked at.
    world.traces.all()

    assert said(world.last) == [
        "MoEngage posts the webhook",
        "bridge accepts the message",
        "8x8 accepts the message",
        "MoEngage is answered 200",
        "8x8 sends the receipt delivered",
        "phone 1 SMS on the phone",
        "MoEngage acknowledges the report, counts it as delivered",
        "bridge outcome told",
    ]
    assert wait_of(world.last) is None


def test_a_batch_belongs_to_each_of_its_messages(world: World) -> None:
    world.asks(accepted("m-1"))
    world.asks(accepted("m-2"))
    world.gets("m-1", "m-2", batch=True)

    assert all("8x8 accepts a batch" in said(trace) for trace in world.traces.all())


@pytest.mark.parametrize("body", ["text", None, 5, [1], {"messages": 3}, {"messages": [5]}])
def test_what_belongs_to_no_message_is_none(world: World, body: Any) -> None:
    world.eightx8.requests.append(SendRequest("Acme", body, at=NOW, batch=True))
    world.calls_back("m-unknown", "delivered")

    assert world.traces.all() == []
    assert world.traces.others() == []
    assert world.traces.one("m-unknown") is None


def test_repeated_callbacks_and_refused_reports_are_shown(world: World) -> None:
    world.asks(accepted())
    world.gets("m-1", status=429)
    world.calls_back("m-1", "sent", status=503)
    world.calls_back("m-1", "sent", attempt=2)
    world.moengage.reports.append(a_report(503))

    assert {
        "8x8 gets the message, answers 429",
        "8x8 sends the receipt sent again (attempt 2)",
        "MoEngage does not acknowledge the report, answers 503",
    } <= set(said(world.last))


def test_a_refused_request_finds_its_log_line_by_the_error_id(world: World) -> None:
    world.asks(
        WebhookAnswer(http_status=400, error_code="body_invalid", content={"errorId": "e-1"})
    )
    content = {"message": "request refused", "error_id": "e-1", "level": "WARNING"}
    world.traces.add_lines([LogLine(NOW, "send_sms", content)])

    assert [line.says for line in world.last.record.lines] == ["request refused"]


def test_the_second_message_with_an_id_is_a_repeat(world: World) -> None:
    world.asks(accepted())
    world.asks(accepted())
    world.traces.add_items({"m-1": ITEM})

    first, second = world.traces.all()

    assert (first.repeats, second.repeats) == (False, True)
    assert "bridge accepts the message" in said(first)
    assert "bridge accepts the message" not in said(second)


@pytest.mark.parametrize("key", ["0", "2", "-1", "x", "", "1" * 30, "²"])
def test_a_message_that_is_not_there(world: World, key: str) -> None:
    world.asks(accepted())

    assert world.traces.one(key) is None
    assert world.traces.one("1") is not None


@pytest.mark.parametrize(
    ("changes", "what", "until"),
    [
        ({"state": "waiting"}, "in the send queue", False),
        ({"state": "sending"}, "for 8x8's answer", False),
        ({"state": "unknown"}, "held: the SMS may still arrive", False),
        ({"state": "sent"}, "for 8x8's final receipt", False),
        (TO_REPORT, "in the outcome queue for 6 s", True),
        (
            {**TO_REPORT, "tries": 2, "next_try_at": "2026-11-18T11:07:00Z"},
            *("MoEngage did not acknowledge it (2 tries)", True),
        ),
        (
            {**TO_REPORT, "lease_until": "2026-11-18T11:07:00Z"},
            *("after many failures MoEngage is not called for a while", True),
        ),
    ],
)
def test_what_it_waits_for(world: World, changes: dict[str, Any], what: str, until: bool) -> None:
    world.asks(accepted())
    world.traces.add_items({"m-1": {**ITEM, **changes}})

    wait = wait_of(world.last)

    assert wait is not None
    assert what in wait.what
    assert bool(wait.until) == until
    world.traces.add_items({"m-1": {**ITEM, "state": "delivered", "outcome": {}}})
    assert wait_of(world.last) is None


def test_an_item_is_looked_at_often_at_first_and_seldom_later(world: World) -> None:
    world.asks(accepted())
    changed_at = world.last.record.changed_at

    assert world.traces.due(changed_at + 1) == ["m-1"]
    assert world.traces.due(changed_at + 30) == ["m-1"]
    assert world.traces.due(changed_at + 32) == []
    assert world.traces.due(changed_at + 36) == ["m-1"]


def test_the_numbers_of_a_run(world: World) -> None:
    whole(world)
    world.asks(WebhookAnswer(http_status=401, error_code="unauthorized", seconds=0.03))
    world.asks(accepted("m-3"))

    found = counters(world.traces.all())

    funnel = ("requested", "accepted", "accepted8x8", "handedOver", "delivered", "failed")
    assert [found["funnel"][name] for name in funnel] == [3, 2, 1, 1, 1, 0]
    assert found["failures"] == {"unauthorized": 1}
    for name, classes in (("answers", {0.05: 1, 0.25: 2}), ("reported", {6.0: 1})):
        assert {one["upTo"]: one["count"] for one in found[name] if one["count"]} == classes
    assert (found["segments"], found["sms"]) == ({"1": 1}, 1)


FAILED = {"status": "FAILED", "reason": "expired"}


class TestOfSomebodyElse:
    """A message that came to the bridge past the page's MoEngage."""

    def test_it_has_a_row_and_steps_of_its_own(self, world: World) -> None:
        world.gets("m-9")
        world.takes("m-9")
        world.calls_back("m-9", "delivered")
        # Whether it is a message is known when its item has been read.
        assert world.traces.all() == []
        assert world.traces.others() == []
        world.traces.add_items({"m-9": {**ITEM, "id": "m-9", "destination": "+6581234567"}})

        [trace] = world.traces.others()

        shown = views.detail(trace, None)
        assert (shown["key"], shown["messageId"], shown["number"]) == ("m-9", "m-9", "+6581234567")
        assert (shown["text"], shown["request"], shown["answers"]) == ("Hello", None, [])
        assert "MoEngage does not know it" in shown["verdict"]["hint"]
        assert [f"{step['who']} {step['what']}" for step in shown["timeline"]] == [
            "bridge accepts the message",
            "8x8 accepts the message",
            "8x8 sends the receipt delivered",
            "phone 1 SMS on the phone",
        ]
        assert world.traces.one("m-9") == trace

    @pytest.mark.parametrize(
        ("outcome", "status", "symptom"),
        [
            ({}, "sent", "Under way, by the bridge"),
            ({"status": "DELIVERED"}, "delivered", "Delivered, by the bridge"),
            (FAILED, "failed", "Failed, by the bridge: expired"),
        ],
    )
    def test_the_bridge_alone_shows_what_became_of_it(
        self, world: World, outcome: dict[str, str], status: str, symptom: str
    ) -> None:
        world.traces.add_items({"m-9": {**ITEM, "outcome": outcome}})

        verdict = views.row(world.traces.others()[0], None)["verdict"]

        assert (verdict["status"], verdict["symptom"]) == (status, symptom)

    def test_the_bridges_reply_to_an_sms_says_what_it_is(self, world: World) -> None:
        world.traces.add_items({"m-9": {**ITEM, "reply_to": "u-1"}})

        row = views.row(world.traces.others()[0], None)
        assert row["sender"] == "the bridge, in reply to an SMS"

    def test_it_is_moengages_once_the_answer_names_it(self, world: World) -> None:
        now = datetime.now(UTC).isoformat()
        world.asks()
        world.gets("m-1")
        world.traces.all()
        world.traces.add_items({"m-1": {**ITEM, "accepted_at": now}})
        assert world.traces.others() == []

        world.moengage.messages[0].answers.append(accepted())

        assert [trace.is_moengages for trace in world.traces.all()] == [True]
        assert world.traces.others() == []

    def test_what_moengage_waited_for_in_vain_is_somebody_elses(self, world: World) -> None:
        world.asks(WebhookAnswer(http_status=0, error_code="timeout", seconds=5.0))
        world.gets("m-1")
        world.traces.all()
        world.traces.add_items({"m-1": ITEM})

        assert [trace.key for trace in world.traces.others()] == ["m-1"]


class TestViews:
    def test_the_token_of_a_webhook_is_not_shown(self, world: World) -> None:
        whole(world)

        shown = views.detail(world.last, None)

        assert shown["request"]["headers"]["Authorization"] == "Bearer •••"

    def test_a_long_text_is_cut_off_on_the_phone_after_ten_parts(self, world: World) -> None:
        text = "0123456789" * 160
        world.takes("m-1", text)

        shown = views.on_phone(world.eightx8.messages[0])

        assert shown["text"] == text[: 153 * 10]
        assert shown["cutOff"]

    def test_of_a_text_that_fits_nothing_is_cut_off(self, world: World) -> None:
        world.takes("m-1", "hi 🎉")

        shown = views.on_phone(world.eightx8.messages[0])

        assert (shown["text"], shown["encoding"], shown["cutOff"]) == ("hi 🎉", "UCS2", False)
        assert shown["forcing"] == [
            {"character": "🎉", "codePoint": "U+1F389", "name": "party popper"}
        ]

    def test_a_row_grows_with_whatever_happens(self, world: World) -> None:
        world.asks(accepted())
        before = views.row(world.last, None)["steps"]
        world.gets("m-1", status=0)
        during = views.row(world.last, None)["steps"]
        world.eightx8.requests[0] = replace(world.eightx8.requests[0], status=200)
        world.last.record.requests[0].status = 200

        assert before < during < views.row(world.last, None)["steps"]
