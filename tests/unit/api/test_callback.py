"""How 8x8's callbacks are read."""

import json
from dataclasses import fields
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.api.callback import read_callback
from sms_bridge.domain.arrivals import Click, InboundMessage, OtherEvent, UnknownEvent
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Receipt, State
from sms_bridge.services.receive import CallbackEvent
from tests.builders import (
    MESSAGE_ID,
    NUMBER,
    SUB_ACCOUNT,
    UMID,
    a_click_callback,
    a_receipt_callback,
    an_inbound_callback,
    plain,
)

AT = seconds_of("2026-11-24T09:30:04.000Z")


LARGE = "9" * 500_000
STATUS = ["state", "detail", "timestamp", "errorCode", "errorMessage"]


def read(body: object) -> CallbackEvent:
    [callback] = read_callback(json.dumps(body), AT)
    return callback


def receipt_of(body: object) -> Receipt:
    callback = read(body)
    assert isinstance(callback, Receipt)
    return callback


class TestReceipts:
    def test_everything_that_8x8_reports_is_kept(self) -> None:
        body = a_receipt_callback(
            "undelivered",
            status={
                "detail": "undelivered_to_recipient",
                "timestamp": "2026-11-24T09:30:03.1234567Z",
                "errorCode": 1,
                "errorMessage": "Absent subscriber",
            },
            price={"total": 0.075, "perSms": 0.0375, "currency": "EUR"},
            smsCount=2,
        )

        assert plain(receipt_of(body)) == plain(
            Receipt(
                umid=UMID,
                client_message_id=MESSAGE_ID,
                sub_account_id=SUB_ACCOUNT,
                state=State.UNDELIVERED,
                eightx8_state="undelivered",
                detail="undelivered_to_recipient",
                at="2026-11-24T09:30:03.1234567Z",
                received_at=AT,
                error_code="1",
                error_message="Absent subscriber",
                price="0.075",
                currency="EUR",
                segments=2,
            )
        )

    @pytest.mark.parametrize(
        ("name", "value", "attribute", "read_as"),
        [
            *product(["errorCode"], (22, "22"), ["error_code"], ["22"]),
            *product(["errorCode"], ("E" * 400, "1 OR 1=1", True, {}, "1.5"), ["error_code"], [""]),
            *product(["timestamp"], ("\x1b[2J2026-11-24", "6591234567", "now"), ["at"], [""]),
            *product(["timestamp"], (1795512603, {}), ["at"], [""]),
            ("total", 1000, "price", "1000"),
            ("total", "1234.50", "price", "1234.50"),
            ("total", 250000.5, "price", "250000.5"),
            ("total", 0, "price", "0"),
            *product(["total"], ("1,200", "1e-9999999", "1e400", "NaN", "free"), ["price"], [""]),
            *product(["total"], ("0." + "1" * 400, "Infinity"), ["price"], [""]),
            *product(["total"], (-1, 10**9, "9e9", "1,234,567,890", True), ["price"], [""]),
            ("total", None, "price", ""),
            *product(["price"], (None, {}, [], "0.0375"), ["price"], [""]),
            ("currency", "IDR", "currency", "IDR"),
            ("currency", "vnd", "currency", "VND"),
            *product(["currency"], ("EURO", "E1R", "$", 7, None), ["currency"], [""]),
            *product(["smsCount"], ("2", " 2 "), ["segments"], [2]),
            *product(["smsCount"], (None, "two", [], True), ["segments"], [0]),
            *product(["smsCount"], (-1, 10**40, 1.5, "9" * 5000), ["segments"], [0]),
        ],
        ids=lambda value: repr(value)[:20],
    )
    def test_a_field_may_be_written_in_several_ways_and_is_else_left_out(
        self, name: str, value: object, attribute: str, read_as: object
    ) -> None:
        status = {name: value} if name in STATUS else None
        price = {"total": 1, "currency": "EUR", name: value}
        body = a_receipt_callback("sent", status=status, **{"price": price, name: value})

        assert getattr(receipt_of(body), attribute) == read_as

    def test_an_error_code_may_say_that_it_is_not_the_last_word(self) -> None:
        receipt = receipt_of(a_receipt_callback("undelivered", status={"errorCode": 22}))

        assert receipt.state is State.DEFERRED

    @pytest.mark.parametrize("name", ["detail", "errorMessage", "timestamp", "state"])
    @pytest.mark.parametrize("between", ["", " ", "-", "--", "/", "_", ", ", "\u2013", "\u00a0"])
    def test_no_word_of_8x8s_names_a_number(self, name: str, between: str) -> None:
        number = between.join(("65", "912", "345", "67"))

        receipt = receipt_of(a_receipt_callback("undelivered", status={name: f"to {number}"}))

        assert "67" not in receipt.key + receipt.error_message

    @pytest.mark.parametrize(
        "body",
        [a_receipt_callback("sent", **{one: LARGE}) for one in ("umid", "subAccountId")]
        + [a_receipt_callback("sent", status={one: LARGE}) for one in STATUS],
        ids=["umid", "subAccountId", *STATUS],
    )
    def test_no_field_makes_a_receipt_large(self, body: object) -> None:
        assert len(str(plain(receipt_of(body)))) < 1500

    @pytest.mark.parametrize("word", ["Delivered", "DELIVERED", " delivered "])
    def test_names_and_words_may_come_in_another_case(self, word: str) -> None:
        body = {
            "Namespace": "sms",
            "EventType": "Outbound_Message_Status_Changed",
            "Payload": {
                "UMID": UMID.upper(),
                "clientMessageID": MESSAGE_ID.upper(),
                "Status": {"State": word, "errorcode": "7"},
            },
        }

        receipt = receipt_of(body)

        assert (receipt.state, receipt.client_message_id) == (State.DELIVERED, MESSAGE_ID)
        assert (receipt.umid, receipt.error_code) == (UMID, "7")

    @pytest.mark.parametrize(
        "body",
        [
            a_receipt_callback("sent")["payload"],
            a_receipt_callback("sent", status="Sent"),
            *(a_receipt_callback("sent") | {"namespace": one} for one in (" SMS ", "", None)),
            a_receipt_callback("sent") | {"eventType": "OutboundMessageStatusChanged"},
            a_receipt_callback("sent") | {"eventType": "outbound-message-status-changed"},
            {
                "event_type": "outbound_message_status_changed",
                "payload": {"client_message_id": MESSAGE_ID, "status": {"state": "sent"}},
            },
            [[a_receipt_callback("sent")]],
            {"events": [a_receipt_callback("sent")]},
            {"data": a_receipt_callback("sent")},
        ],
        ids=lambda body: json.dumps(body)[:50],
    )
    def test_a_receipt_in_another_form_is_one(self, body: object) -> None:
        receipt = receipt_of(body)

        assert (receipt.state, receipt.client_message_id) == (State.SENT, MESSAGE_ID)

    def test_it_may_be_in_five_envelopes_and_in_no_more(self) -> None:
        in_five = [[[[{"event": a_receipt_callback("sent")}]]]]

        assert receipt_of(in_five).client_message_id == MESSAGE_ID
        assert isinstance(read([in_five]), UnknownEvent)

    def test_a_line_break_within_a_string_does_no_harm(self) -> None:
        body = json.dumps(a_receipt_callback("sent")).replace("has changed", "has\nchanged")

        [receipt] = read_callback(body, AT)

        assert isinstance(receipt, Receipt)

    @pytest.mark.parametrize("theirs", [None, "", "theirs", 7])
    def test_one_id_is_enough_the_bridges_or_8x8s(self, theirs: object) -> None:
        ours = receipt_of(a_receipt_callback("sent", umid=None))
        other = receipt_of(a_receipt_callback("sent", clientMessageId=theirs))
        neither = read(a_receipt_callback("sent", clientMessageId=theirs, umid=""))

        assert (ours.umid, ours.client_message_id) == ("", MESSAGE_ID)
        assert (other.umid, other.client_message_id) == (UMID, "")
        assert isinstance(neither, UnknownEvent)


class TestInboundMessages:
    def test_everything_that_8x8_reports_is_kept(self) -> None:
        assert plain(read(an_inbound_callback("STOP"))) == plain(
            InboundMessage(
                umid=UMID,
                sub_account_id=SUB_ACCOUNT,
                source="+6591234567",
                destination="+6598765432",
                text="STOP",
                encoding="GSM7",
                segments=1,
                sent_at=seconds_of("2026-11-24T09:30:03.120Z"),
                received_at=seconds_of("2026-11-24T09:30:04.000Z"),
            )
        )

    @pytest.mark.parametrize(
        ("timestamp", "sent_at"),
        [
            ("2026-11-24T09:30:03.1234567Z", "2026-11-24T09:30:03.123Z"),
            ("2026-11-24T17:30:03+08:00", "2026-11-24T09:30:03.000Z"),
            ("2026-11-24T09:30:04Z", "2026-11-24T09:30:04.000Z"),
            ("2026-11-24T09:29:00.5Z", "2026-11-24T09:29:00.500Z"),
            (1795512603, "2026-11-24T09:30:03.000Z"),
            (1795512603120, "2026-11-24T09:30:03.120Z"),
            ("1795512603120", "2026-11-24T09:30:03.120Z"),
            # In doubt:
            *product(("2026-11-24T09:30:03", "2026-11-24", "2026-11-24T09:30:05Z"), [""]),
            *product(
                ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-11-10T09:30:03Z"), [""]
            ),
            *product(("0001-01-01T00:00:00+14:00", "yesterday", "9" * 4400, None, {}), [""]),
        ],
    )
    def test_a_time_is_never_later_than_its_arrival_and_unknown_in_doubt(
        self, timestamp: object, sent_at: str
    ) -> None:
        inbound = read(an_inbound_callback("STOP", timestamp=timestamp))

        assert isinstance(inbound, InboundMessage)
        assert inbound.sent_at == (seconds_of(sent_at) if sent_at else 0.0)

    @pytest.mark.parametrize("name", ["source", "destination", "body", "encoding", "timestamp"])
    def test_no_field_makes_it_large(self, name: str) -> None:
        inbound = read(an_inbound_callback("STOP", **{name: LARGE}))

        assert isinstance(inbound, InboundMessage)
        assert len(str(plain(inbound))) < 2800

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *product(["subAccountId"], (None, "", "a" * 3000, "a b c", "ab", "\x1b[2J")),
            *product(["umid"], (None, "", "u" * 65, "a b", {})),
        ],
    )
    def test_without_a_usable_sub_account_and_umid_it_is_kept_as_it_came(
        self, name: str, value: object
    ) -> None:
        assert isinstance(read(an_inbound_callback("STOP", **{name: value})), UnknownEvent)


class TestClicks:
    def test_it_names_message_recipient_and_time_but_no_link(self) -> None:
        click = read(a_click_callback())

        assert isinstance(click, Click)
        assert (click.umid, click.destination) == (UMID, NUMBER)
        assert click.at == seconds_of("2026-11-24T09:30:03.000Z")
        assert not any("http" in str(getattr(click, one.name)) for one in fields(click))

    def test_the_same_click_has_one_key_and_another_one_another(self) -> None:
        first, again, other = map(
            read, [a_click_callback(), a_click_callback(), a_click_callback(eventId="other")]
        )

        assert plain(first) == plain(again)
        assert plain(first) != plain(other)

    @pytest.mark.parametrize("at", [None, "", "noon", "2026-11-24T09:31:00Z", "9999-01-01"])
    def test_a_time_that_cannot_be_right_is_in_doubt(self, at: object) -> None:
        click = read(a_click_callback(occurredAt=at))

        assert isinstance(click, Click)
        assert click.at == 0.0

    @pytest.mark.parametrize("umid", [None, "", "u" * 65, {}])
    def test_without_a_usable_umid_it_is_kept_without_the_number(self, umid: object) -> None:
        event = read(a_click_callback(umid=umid))

        assert isinstance(event, UnknownEvent)
        assert "91234567" not in event.content


SURVEY_ANSWERS = {
    "umid": UMID,
    "surveyId": "nps",
    "answers": [{"question": "Your number?", "answer": NUMBER}],
}


@pytest.mark.parametrize(
    ("body", "event_type"),
    [
        ({**a_receipt_callback("sent"), "namespace": "ChatApps"}, "chatapps"),
        ({**an_inbound_callback("STOP"), "namespace": "CHATAPPS"}, "chatapps"),
        (SURVEY_ANSWERS, "survey_answers"),
    ],
)
def test_an_event_of_another_product_is_not_kept(body: object, event_type: str) -> None:
    assert plain(read(body)) == plain(OtherEvent(event_type=event_type))


@pytest.mark.parametrize(
    "number",
    [
        *("+6591234567", "+65 9123 4567", "(65) 9123-4567", "to65.9123.4567now", "65_9123_4567"),
        *("https://shop.example/u/6591234567?n=%2B6591234567", "65\u20139123\u20134567"),
        *(
            "65\u00a091\u200b23 4567",
            "\u0666\u0665\u0669\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        ),
        6591234567,
    ],
)
@pytest.mark.parametrize("is_alone", [True, False])
def test_what_is_not_understood_is_kept_without_numbers(number: object, is_alone: bool) -> None:
    payload = {"umid": UMID, "to": number, "at": "2026-11-24T09:30:03.1234567Z"}
    body = {"eventType": "number_ported", "payload": payload}

    alone, beside_another = json.dumps(body, ensure_ascii=False), json.dumps([body, "another"])
    event, *_ = read_callback(alone if is_alone else beside_another, AT)

    assert isinstance(event, UnknownEvent)
    assert "***" in event.content
    assert not any(part in event.content for part in ("9123", "91\u200b23", "\u0661\u0662\u0663"))
    # By these it can still be understood.
    assert all(one in event.content for one in (UMID, "number_ported", "2026-11-24T09:30:03.1"))


@pytest.mark.parametrize("event_type", [6591234567, "6591234567", "Dear Ana", "x" * 61])
def test_what_is_no_type_of_an_event_is_not_kept_as_one(event_type: object) -> None:
    event = read({"eventType": event_type})

    assert isinstance(event, UnknownEvent)
    assert event.event_type == ""


UNKNOWN: list[object] = [
    {**a_receipt_callback("sent"), "namespace": "Fax"},
    {**a_receipt_callback("sent"), "eventType": "outbound_message_status"},
    {**a_receipt_callback("sent"), "eventType": "inbound_message_received", "payload": {}},
    {**a_receipt_callback("sent"), "payload": "text"},
    {"status": {"state": "sent"}},
    a_receipt_callback(""),
    {"namespace": "SMS", "eventType": "inbound_message_received", "payload": []},
    *([], {}, "text", 7, None),
]


@pytest.mark.parametrize("body", UNKNOWN, ids=lambda body: repr(body)[:50])
def test_what_is_not_understood_is_kept(body: object) -> None:
    event = read(body)

    assert isinstance(event, UnknownEvent)
    assert event.content == json.dumps(body).replace(NUMBER.strip("+"), "***")


@pytest.mark.parametrize(
    ("content", "event_type"),
    [
        *product(("", "garbage", "{", "[" * 200_000, '{"a":' * 50_000, "1" * 5000), [""]),
        # More events than can be written in time.
        *product(("[" + "1," * 300 + "1]", f'{{"events": {[[1, 2]] * 200}}}'), [""]),
        ("\n<?xml version='1.0'?><Report><state>delivered</state></Report>", "xml"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_json_or_too_much_of_it_is_kept_as_one_event(
    content: str, event_type: str
) -> None:
    [event] = read_callback(content, AT)

    assert isinstance(event, UnknownEvent)
    assert event.event_type == event_type
    assert event.content == content[: 64 * 1024] or content.isdecimal()


def test_an_array_is_several_events() -> None:
    strange = {"eventType": "Strange", "payload": {"Umid": 1}}
    events = [a_receipt_callback("sent"), an_inbound_callback("STOP"), strange, 7]

    receipt, inbound, unknown, number = read_callback(json.dumps(events), AT)

    assert plain(receipt) == plain(read(events[0]))
    assert plain(inbound) == plain(read(events[1]))
    assert plain(unknown) == plain(read(strange))
    assert isinstance(unknown, UnknownEvent)
    assert (unknown.event_type, json.loads(unknown.content)) == ("strange", strange)
    assert plain(number) == plain(read(7))


def test_an_event_that_8x8_repeats_has_the_same_key() -> None:
    first, again, other = read(["a"]), read(["a"]), read(["b"])

    assert isinstance(first, UnknownEvent)
    assert isinstance(other, UnknownEvent)
    assert plain(first) == plain(again)
    assert first.key != other.key


@pytest.mark.parametrize("character", ["a", "я", "🙂", "\ud800"])
def test_an_event_of_any_size_fits_an_item(character: str) -> None:
    [event] = read_callback(character * 3_000_000, AT)

    assert isinstance(event, UnknownEvent)
    assert 64 * 1024 <= len(event.content.encode()) < 400_000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
# With half surrogate pairs, which JSON can hold.
any_text = st.text(st.characters(codec=None))


@given(any_text)
def test_no_text_is_refused(content: str) -> None:
    assert len(read_callback(content, AT)) >= 1


@given(
    st.sampled_from(
        ["outbound_message_status_changed", "inbound_message_received", "short_url_clicked", "x"]
    ),
    st.dictionaries(
        st.sampled_from(
            ["umid", "clientMessageId", "status", "price", "smsCount", "source", "body"]
        ),
        json_values | any_text,
    ),
    st.dictionaries(
        st.sampled_from(STATUS),
        json_values | any_text,
    ),
)
def test_no_json_is_refused_and_all_of_it_can_be_stored(
    event_type: str, payload: dict[str, Any], status: dict[str, Any]
) -> None:
    body = {"eventType": event_type, "payload": {"status": status, **payload}}

    [callback] = read_callback(json.dumps(body), AT)

    match callback:
        case Receipt():
            assert callback.umid or callback.client_message_id
            assert callback.eightx8_state
        case InboundMessage():
            assert callback.umid
            callback.text.encode()
        case UnknownEvent():
            callback.content.encode()
    for name in fields(callback):
        str(getattr(callback, name.name)).encode()
