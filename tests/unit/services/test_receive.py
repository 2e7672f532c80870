"""What becomes of 8x8's callbacks."""

import json
from typing import Any

import pytest

from sms_bridge.domain.message import Outcome, OutcomeStatus, State
from sms_bridge.domain.opt_out import OptOutScope
from sms_bridge.domain.phone_number import keyed_hash
from tests.builders import (
    AT,
    MESSAGE_ID,
    NUMBER,
    SUB_ACCOUNT,
    UMID,
    a_click_callback,
    a_message,
    a_person,
    a_receipt_callback,
    an_inbound_callback,
    plain,
)
from tests.fakes.failures import failing
from tests.fakes.logs import WrittenLog
from tests.unit.services.receiving import Bridge


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


class TestReceipts:
    @pytest.mark.parametrize("word", ["delivered", "undelivered", "rejected", "read"])
    def test_a_final_receipt_is_reported_as_soon_as_moengage_knows_the_id(self, word: str) -> None:
        bridge = Bridge()

        bridge.receive(a_receipt_callback(word))

        assert bridge.state_of() == word
        assert bridge.outcomes.queued == [(MESSAGE_ID, 4)]

    def test_the_line_of_the_first_final_one_has_its_delay_size_and_price(
        self, bridge: Bridge, logged: WrittenLog
    ) -> None:
        price = {"total": 0.05, "perSms": 0.025, "currency": "SGD"}
        for word in ("sent", "delivered", "read"):
            bridge.receive(a_receipt_callback(word, smsCount=2, price=price))

        names = ("AcceptToFinalReceipt", "Segments", "Cost")
        lines = [one for one in logged.lines if one["message"] == "receipt recorded"]
        measured = [[line.get(name) for name in names] for line in lines]
        assert measured == [[None] * 3, [2.0, 2, 0.05], [None] * 3]


class TestWhatTheBridgeDidNotSend:
    @pytest.mark.parametrize("client_message_id", [None, "", "theirs", MESSAGE_ID[:-1]])
    def test_its_receipts_are_kept_under_8x8s_id_and_not_reported(
        self, bridge: Bridge, client_message_id: str | None
    ) -> None:
        bridge.receive(a_receipt_callback("delivered", clientMessageId=client_message_id))

        message = bridge.messages.get(f"umid {UMID}")
        assert message is not None
        assert (message.state, message.outcome) == (State.DELIVERED, None)
        assert bridge.state_of() is State.SENDING
        assert bridge.outcomes.queued == []

    def test_an_id_of_the_bridges_form_that_it_never_gave_is_not_reported(self) -> None:
        bridge = Bridge()
        other = MESSAGE_ID.replace("0", "f")

        bridge.receive(a_receipt_callback("delivered", clientMessageId=other))

        assert bridge.state_of(other) is State.DELIVERED
        assert bridge.outcomes.queued == []


class TestEverythingElse:
    @pytest.mark.parametrize(
        "content",
        [
            "",
            "garbage",
            json.dumps({**a_receipt_callback("delivered"), "namespace": "Fax"}),
            json.dumps(a_receipt_callback("delivered", umid="", clientMessageId="theirs")),
        ],
        ids=lambda content: repr(content)[:20],
    )
    def test_what_is_not_understood_is_kept_and_moves_nothing(self, content: str) -> None:
        bridge = Bridge()

        for _ in range(2):
            bridge.receive(content)

        assert len(bridge.messages.events) == 1
        assert bridge.state_of() is State.SENDING
        assert bridge.outcomes.queued == []

    @pytest.mark.parametrize(
        "body",
        [
            {**a_receipt_callback("delivered"), "namespace": "ChatApps"},
            {"umid": UMID, "surveyId": "nps", "answers": [{"answer": NUMBER}]},
        ],
        ids=["another product", "answers to a survey"],
    )
    def test_what_is_of_no_use_here_is_not_kept_and_no_reason_to_warn(
        self, bridge: Bridge, body: Any, logged: WrittenLog
    ) -> None:
        bridge.receive(body)

        assert bridge.messages.events == {}
        assert bridge.state_of() is State.SENDING
        assert [line["level"] for line in logged.lines] == ["INFO"]


OTHER_ID, THIRD_ID = (MESSAGE_ID[:-1] + digit for digit in "ef")


def clicks_in(logged: WrittenLog) -> list[dict[str, Any]]:
    return [line for line in logged.lines if line["message"] == "link opened"]


class TestClicks:
    def bridge(self) -> Bridge:
        """Return a bridge that knows 8x8's id of its message."""
        bridge = Bridge()
        bridge.messages.create(
            a_message(id=OTHER_ID, recipient_hash=keyed_hash(NUMBER, "k"), accepted_at=AT + 1)
        )
        bridge.messages.create(
            a_message(id=THIRD_ID, recipient_hash=keyed_hash(NUMBER, "k"), campaign_id="sale")
        )
        bridge.receive(a_receipt_callback("delivered", clientMessageId=THIRD_ID))
        return bridge

    def test_it_is_counted_with_its_message_and_once(self, logged: WrittenLog) -> None:
        bridge = self.bridge()

        for _ in range(2):
            bridge.receive(a_click_callback())
        bridge.receive(a_click_callback(eventId="another"))

        message = bridge.messages.get(THIRD_ID)
        assert message is not None
        assert len(message.clicks) == 2
        lines = clicks_in(logged)
        assert len(lines) == 3
        assert {line["sub_account_id"] for line in lines} == {SUB_ACCOUNT}
        assert {line["campaign_id"] for line in lines} == {"sale"}
        assert {line["level"] for line in lines} == {"INFO"}
        assert bridge.messages.events == {}

    def test_of_a_message_that_the_bridge_did_not_send_nothing_is_kept(
        self, logged: WrittenLog
    ) -> None:
        bridge = self.bridge()

        bridge.receive(a_click_callback(umid="11111111-2222-3333-4444-555555555555"))

        assert not any(one.clicks for one in bridge.messages.messages.values())
        assert bridge.messages.events == {}
        [line] = clicks_in(logged)
        assert line["sub_account_id"] == "unknown"
        assert not {"recipient", "recipient_hash"} & set(line)


class TestOptOuts:
    def out(self, bridge: Bridge) -> bool:
        return bridge.opt_outs.is_opted_out(a_person())

    @pytest.mark.parametrize(
        ("texts", "is_out"),
        [
            ([" stop! "], True),
            (["STOP", "start"], False),
            (["Please stop"], False),
        ],
    )
    def test_a_person_opts_out_and_in_by_a_word(self, texts: list[str], is_out: bool) -> None:
        bridge = Bridge()

        for number, text in enumerate(texts):
            bridge.receive(an_inbound_callback(text, timestamp=f"2026-11-24T09:30:0{number}Z"))

        assert self.out(bridge) is is_out

    @pytest.mark.parametrize(
        ("stop_at", "start_at"),
        [
            ("2026-11-24T09:30:01.5Z", "2026-11-24T09:30:01.1234567Z"),
            ("2026-11-24T09:30:01Z", "2026-11-24T10:30:00+01:00"),
        ],
    )
    def test_what_was_sent_last_counts_and_not_what_came_last(
        self, bridge: Bridge, stop_at: str, start_at: str
    ) -> None:
        bridge.receive(an_inbound_callback("STOP", timestamp=stop_at))
        bridge.receive(an_inbound_callback("START", timestamp=start_at))

        assert self.out(bridge)

    @pytest.mark.parametrize(
        ("text", "syncs_opt_outs", "reports_inbound", "queued"),
        [
            ("STOP", True, False, ["subscription"]),
            ("START", True, False, ["subscription"]),
            ("Hello", True, False, []),
            ("STOP", False, False, []),
            ("STOP", True, True, ["subscription", "event"]),
            ("Hello", True, True, ["event"]),
            ("STOP", False, True, []),
        ],
    )
    def test_moengage_gets_opt_outs_and_messages_where_the_operator_wants_it(
        self, text: str, syncs_opt_outs: bool, reports_inbound: bool, queued: list[str]
    ) -> None:
        bridge = Bridge(syncs_opt_outs=syncs_opt_outs, reports_inbound=reports_inbound)

        bridge.receive(an_inbound_callback(text))

        assert bridge.outcomes.queued == [(f"{work} of inbound {UMID}", 0) for work in queued]

    @pytest.mark.parametrize(
        ("scope", "text", "is_out"),
        [
            (OptOutScope.STACK, "STOP", True),
            (OptOutScope.STACK, "START", False),
            (OptOutScope.SUB_ACCOUNT, "STOP", False),
        ],
    )
    def test_a_stop_to_a_sub_account_that_the_stack_does_not_know_counts_for_the_stack(
        self, scope: OptOutScope, text: str, is_out: bool
    ) -> None:
        bridge = Bridge(scope=scope, syncs_opt_outs=True, reports_inbound=True, replies=True)

        for number in range(5):
            bridge.receive(an_inbound_callback(text, subAccountId=f"other_{number}"))

        assert self.out(bridge) is is_out
        # However many names come, the person has one item, and no answer.
        assert len(bridge.opt_outs.requests) == (1 if text == "STOP" else 0)
        assert bridge.send_queue.queued == []
        assert not any("event" in what for what, _ in bridge.outcomes.queued)

    def test_a_start_to_an_unknown_sub_account_lifts_no_stop(self, bridge: Bridge) -> None:
        bridge.receive(an_inbound_callback("STOP", timestamp="2026-11-24T09:30:00Z"))

        bridge.receive(an_inbound_callback("START", subAccountId="other", umid=f"{UMID}1"))

        assert self.out(bridge)

    @pytest.mark.parametrize("scope", list(OptOutScope))
    def test_a_sub_account_is_the_same_in_capitals(self, scope: OptOutScope) -> None:
        bridge = Bridge(scope=scope, syncs_opt_outs=True, reports_inbound=True, replies=True)
        name = SUB_ACCOUNT.swapcase()

        for number, text in enumerate(("STOP", "START", "STOP")):
            at = f"2026-11-24T09:30:0{number}Z"
            bridge.receive(
                an_inbound_callback(text, subAccountId=name, timestamp=at, umid=f"{UMID}{number}")
            )
            assert self.out(bridge) is (text == "STOP")

        assert len(bridge.send_queue.queued) == 3
        assert {one.sub_account_id for one, *_ in bridge.send_queue.queued} == {SUB_ACCOUNT}
        assert sum("event" in what for what, _ in bridge.outcomes.queued) == 3
        # By which it is compared when it is passed on.
        assert {one.sub_account_id for one in bridge.messages.inbound.values()} == {SUB_ACCOUNT}

    @pytest.mark.parametrize("source", ["", "Acme", "12345", "1" * 20, "Bank 6591234567", "\ud800"])
    def test_who_is_no_person_gets_no_opt_out_and_no_event(self, source: str) -> None:
        bridge = Bridge(syncs_opt_outs=True, reports_inbound=True)

        bridge.receive(an_inbound_callback("STOP", source=source))

        assert bridge.opt_outs.requests == {}
        assert len(bridge.messages.inbound) == 1
        # MoEngage would make a person of it.
        assert bridge.outcomes.queued == []


class TestFailures:
    @pytest.mark.parametrize(
        ("method", "body"),
        [
            ("record_receipt", a_receipt_callback("delivered")),
            ("keep_inbound", an_inbound_callback("STOP")),
            ("newest_first", a_click_callback()),
            ("keep_event", "garbage"),
        ],
        ids=["receipt", "inbound", "click", "unknown"],
    )
    def test_what_cannot_be_recorded_goes_up_so_that_8x8_repeats_it(
        self, bridge: Bridge, method: str, body: Any
    ) -> None:
        with failing(bridge.messages, method), pytest.raises(ConnectionError):
            bridge.receive(body)

    def test_an_outcome_that_could_not_be_queued_is_queued_when_8x8_repeats_the_receipt(
        self, bridge: Bridge
    ) -> None:
        with failing(bridge.outcomes, "add"), pytest.raises(ConnectionError):
            bridge.receive(a_receipt_callback("delivered"))

        bridge.receive(a_receipt_callback("delivered"))

        message = bridge.messages.get(MESSAGE_ID)
        assert message is not None
        assert plain(message.outcome) == plain(Outcome(OutcomeStatus.DELIVERED))
        assert bridge.outcomes.queued == [(MESSAGE_ID, 60)]
