"""Messages, receipts and their ids."""

import pytest

from sms_bridge.domain.arrivals import InboundMessage, UnknownEvent
from sms_bridge.domain.message import is_message_id, new_id
from tests.builders import AT, MESSAGE_ID, NUMBER, TEXT, UMID, a_message, a_receipt, a_request


def test_new_ids_are_different_and_of_the_bridges_form() -> None:
    ids = {new_id() for _ in range(50)}

    assert len(ids) == 50
    assert all(is_message_id(one) for one in ids)


@pytest.mark.parametrize(
    "text",
    ["", "theirs", MESSAGE_ID.upper(), MESSAGE_ID + "\n", f"claim {MESSAGE_ID}", MESSAGE_ID[:-1]],
)
def test_other_ids_are_not_taken_for_the_bridges(text: str) -> None:
    assert not is_message_id(text)


def test_a_repeated_receipt_has_the_same_key_and_any_other_a_different_one() -> None:
    receipt = a_receipt("undelivered", error_code="1")
    repeated = a_receipt("undelivered", error_code="1", received_at=AT + 86_400)
    others = [
        a_receipt("delivered", error_code="1"),
        a_receipt("undelivered", error_code="2"),
        a_receipt("undelivered", error_code="1", detail="undelivered_to_recipient"),
        a_receipt("undelivered", error_code="1", at="2026-11-24T09:30:04Z"),
    ]

    assert repeated.key == receipt.key
    assert receipt.key not in {other.key for other in others}


@pytest.mark.parametrize(
    "value",
    [
        a_request(options={"dlrCallbackUrl": f"https://a.example/?token={TEXT}"}),
        a_message(),
        InboundMessage(umid=UMID, sub_account_id="", source=NUMBER, destination="1", text=TEXT),
        UnknownEvent(key="k", event_type="", content=f"{NUMBER} {TEXT}"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_repr_shows_number_or_text(value: object) -> None:
    assert NUMBER.strip("+") not in repr(value)
    assert TEXT not in repr(value)
