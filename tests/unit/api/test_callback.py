"""How 8x8's callbacks are read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.api.callback import callback_url, read_callback
from sms_bridge.domain.message import InboundMessage, Receipt, UnknownEvent
from sms_bridge.domain.state import State
from tests.builders import MESSAGE_ID, SUB_ACCOUNT, UMID, a_receipt_callback, an_inbound_callback

AT = "2026-11-24T09:30:04.000Z"


def read(body: object) -> Receipt | InboundMessage | UnknownEvent:
    return read_callback(json.dumps(body), AT)


def receipt_of(body: object) -> Receipt:
    callback = read(body)
    assert isinstance(callback, Receipt)
    return callback


class TestReceipts:
    def test_everything_that_8x8_tells_is_kept(self) -> None:
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

        assert receipt_of(body) == Receipt(
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

    @pytest.mark.parametrize(
        ("word", "state"),
        [
            ("queued", State.QUEUED),
            ("rejected", State.REJECTED),
            ("sent", State.SENT),
            ("delivered", State.DELIVERED),
            ("undelivered", State.UNDELIVERED),
            ("read", State.READ),
            ("teleported", None),
        ],
    )
    def test_every_state(self, word: str, state: State | None) -> None:
        receipt = receipt_of(a_receipt_callback(word))

        assert (receipt.state, receipt.eightx8_state) == (state, word)

    @pytest.mark.parametrize("code", [22, "22"])
    def test_a_code_may_be_a_number_or_a_string(self, code: object) -> None:
        receipt = receipt_of(a_receipt_callback("undelivered", status={"errorCode": code}))

        assert (receipt.error_code, receipt.state) == ("22", State.DEFERRED)

    @pytest.mark.parametrize("price", [None, {}, [], "0.0375", {"total": None}])
    def test_nothing_is_charged_where_no_price_is_given(self, price: object) -> None:
        assert receipt_of(a_receipt_callback("delivered", price=price)).price == ""

    @pytest.mark.parametrize("count", [None, "two", [], True, -1, 10**40])
    def test_a_count_that_is_none_is_passed_over(self, count: object) -> None:
        assert receipt_of(a_receipt_callback("delivered", smsCount=count)).segments == 0

    def test_a_message_of_the_bridge_needs_no_umid(self) -> None:
        assert receipt_of(a_receipt_callback("sent", umid=None)).client_message_id == MESSAGE_ID

    @pytest.mark.parametrize("client_message_id", [None, "", "theirs", 7])
    def test_a_message_of_another_sender_needs_one(self, client_message_id: object) -> None:
        body = a_receipt_callback("sent", clientMessageId=client_message_id)
        without = a_receipt_callback("sent", clientMessageId=client_message_id, umid="")

        assert receipt_of(body).umid == UMID
        assert isinstance(read(without), UnknownEvent)

    @pytest.mark.parametrize("namespace", ["SMS", "", None])
    def test_the_namespace_may_be_missing(self, namespace: object) -> None:
        assert receipt_of({**a_receipt_callback("sent"), "namespace": namespace}).umid == UMID

    def test_half_a_surrogate_pair_cannot_reach_the_table(self) -> None:
        receipt = receipt_of(a_receipt_callback("sent", status={"errorMessage": "\ud800!"}))

        assert receipt.error_message == "?!"


class TestInboundMessages:
    def test_everything_that_8x8_tells_is_kept(self) -> None:
        assert read(an_inbound_callback("STOP")) == InboundMessage(
            umid=UMID,
            sub_account_id=SUB_ACCOUNT,
            source="+6591234567",
            destination="+6598765432",
            text="STOP",
            encoding="GSM7",
            segments=1,
            sent_at="2026-11-24T09:30:03.12Z",
            received_at="2026-11-24T09:30:04.000Z",
        )

    @pytest.mark.parametrize("umid", [None, "", "u" * 101, {}])
    def test_without_a_usable_umid_it_is_kept_as_it_came(self, umid: object) -> None:
        body = an_inbound_callback("STOP")
        body["payload"]["umid"] = umid

        assert isinstance(read(body), UnknownEvent)


UNKNOWN: list[object] = [
    {**a_receipt_callback("sent"), "namespace": "ChatApps"},
    {**a_receipt_callback("sent"), "eventType": "outbound_message_status"},
    {**a_receipt_callback("sent"), "eventType": None},
    {**a_receipt_callback("sent"), "payload": "text"},
    a_receipt_callback("sent", status="sent"),
    a_receipt_callback(""),
    {"namespace": "SMS", "eventType": "inbound_message_received", "payload": []},
    [a_receipt_callback("sent")],
    [],
    {},
    "text",
    7,
    None,
]


@pytest.mark.parametrize("body", UNKNOWN, ids=lambda body: repr(body)[:50])
def test_what_is_not_understood_is_kept_as_it_came(body: object) -> None:
    event = read(body)

    assert isinstance(event, UnknownEvent)
    assert event.content == json.dumps(body)


@pytest.mark.parametrize(
    "content", ["", "garbage", "{", "[" * 200_000, '{"a":' * 50_000, "1" * 5000]
)
def test_what_is_no_json_is_kept_as_well(content: str) -> None:
    assert isinstance(read_callback(content, AT), UnknownEvent)


def test_an_event_that_8x8_repeats_has_the_same_key() -> None:
    first, again, other = read(["a"]), read(["a"]), read(["b"])

    assert isinstance(first, UnknownEvent)
    assert isinstance(other, UnknownEvent)
    assert first == again
    assert first.key != other.key


@pytest.mark.parametrize("character", ["a", "я", "🙂", "\ud800"])
def test_an_event_of_any_size_fits_an_item(character: str) -> None:
    event = read_callback(character * 3_000_000, AT)

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
    assert read_callback(content, AT) is not None


@given(
    st.sampled_from(["outbound_message_status_changed", "inbound_message_received", "x"]),
    st.dictionaries(
        st.sampled_from(
            ["umid", "clientMessageId", "status", "price", "smsCount", "source", "body"]
        ),
        json_values | any_text,
    ),
    st.dictionaries(
        st.sampled_from(["state", "detail", "timestamp", "errorCode", "errorMessage"]),
        json_values | any_text,
    ),
)
def test_no_json_is_refused_and_all_of_it_can_be_stored(
    event_type: str, payload: dict[str, Any], status: dict[str, Any]
) -> None:
    body = {"eventType": event_type, "payload": {"status": status, **payload}}

    callback = read(body)

    match callback:
        case Receipt():
            assert callback.umid or callback.client_message_id
            assert callback.eightx8_state
        case InboundMessage():
            assert callback.umid
            callback.text.encode()
        case UnknownEvent():
            callback.content.encode()
    for name in type(callback).__dataclass_fields__:
        str(getattr(callback, name)).encode()


def test_a_messages_own_callback_url_carries_a_token() -> None:
    url = callback_url("https://bridge.example", ("a/b+c=", "old"))

    assert url == "https://bridge.example/callbacks/8x8?token=a%2Fb%2Bc%3D"


@pytest.mark.parametrize(("base", "tokens"), [("", ("t",)), ("https://bridge.example", ())])
def test_without_a_base_url_or_a_token_there_is_none(base: str, tokens: tuple[str, ...]) -> None:
    assert callback_url(base, tokens) == ""
