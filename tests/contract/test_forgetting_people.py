"""A person's data goes away; what became of their messages stays."""

from dataclasses import replace
from typing import Any

import pytest

from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, State
from sms_bridge.storage.person_data import Trace
from tests.builders import (
    ACCEPTED,
    AT,
    EVER,
    MESSAGE_ID,
    NUMBER,
    a_message,
    a_receipt,
    an_inbound,
    plain,
)
from tests.contract.conftest import People

OTHER = "+6598765432"
HASH = "1234567890abcdef"
DIGITS = NUMBER.removeprefix("+")


def traces(people: People, number: str = NUMBER, recipient_hash: str = HASH) -> list[Trace]:
    return sorted(people.data.traces_of(number, recipient_hash))


def test_a_message_without_its_recipient_is_the_same_otherwise(people: People) -> None:
    message = a_message(recipient_hash=HASH, client_message_id="user-7", campaign_id="c-1")
    people.store.create(message)

    assert people.data.anonymise(message, NUMBER)

    kept = people.store.get(message.id)
    assert plain(kept) == plain(
        replace(message, destination="", recipient_hash="", client_message_id="")
    )
    assert list(people.store.newest_first(recipient_hash=HASH)) == []
    assert [one.id for one in people.store.newest_first(campaign_id="c-1")] == [message.id]
    # Once more changes nothing.
    assert people.data.anonymise(message, NUMBER)
    assert plain(people.store.get(message.id)) == plain(kept)


@pytest.mark.parametrize("written", [f"for {NUMBER}", "person-65-9123-4567", DIGITS])
@pytest.mark.parametrize("name", ["campaign_id", "dlt_template_id", "source"])
def test_what_holds_the_number_goes_as_well(name: str, written: str, people: People) -> None:
    own: dict[str, Any] = {name: written}
    message = a_message(
        **{"campaign_id": "c-1", "dlt_template_id": "d-1", "source": "Acme", **own},
        recipient_hash=HASH,
    )
    gone: dict[str, Any] = {name: ""}
    people.store.create(message)

    assert people.data.anonymise(message, NUMBER)

    kept = people.store.get(message.id)
    assert plain(kept) == plain(replace(message, destination="", recipient_hash="", **gone))


def test_8x8s_words_go_once_they_were_reported(people: People) -> None:
    words = "Somebody does not live there"
    outcome = Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1", words)
    people.store.create(a_message(recipient_hash=HASH))
    people.store.record_receipt(MESSAGE_ID, a_receipt("sent", error_message=words), None)
    people.store.record_receipt(
        MESSAGE_ID, a_receipt("undelivered", error_code="1", error_message=words), outcome
    )

    def anonymise() -> Message:
        message = people.store.get(MESSAGE_ID)
        assert message is not None
        assert people.data.anonymise(message, NUMBER)
        kept = people.store.get(MESSAGE_ID)
        assert kept is not None
        return kept

    on_its_way = anonymise()
    assert [one.error_message for one in on_its_way.receipts] == ["", ""]
    assert plain(on_its_way.outcome) == plain(outcome)
    people.store.record_reported(MESSAGE_ID, outcome, AT)
    assert plain(anonymise().outcome) == plain(replace(outcome, description=""))
    assert [one.eightx8_state for one in anonymise().receipts] == ["sent", "undelivered"]


def test_those_about_a_reply_go_at_once_for_nobody_reports_them(people: People) -> None:
    outcome = Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1", "Words")
    people.store.create(a_message(reply_to="inbound-1"))
    people.store.record_outcome(MESSAGE_ID, outcome, AT)
    message = people.store.get(MESSAGE_ID)
    assert message is not None

    assert people.data.anonymise(message, NUMBER)

    kept = people.store.get(MESSAGE_ID)
    assert kept is not None
    assert plain(kept.outcome) == plain(replace(outcome, description=""))


def test_a_message_on_its_way_keeps_its_outcome(people: People) -> None:
    people.store.create(a_message(recipient_hash=HASH))
    people.data.anonymise(a_message(), NUMBER)

    people.store.record_result(MESSAGE_ID, 1, ACCEPTED, State.QUEUED, AT)
    recorded = people.store.record_receipt(
        MESSAGE_ID, a_receipt("delivered"), Outcome(OutcomeStatus.DELIVERED)
    )

    assert recorded.outcome_is_new
    assert [one.id for one in people.store.open_messages(until=EVER)] == [MESSAGE_ID]
    assert recorded.message.destination == ""


def test_a_repeat_of_the_message_is_still_a_repeat(people: People) -> None:
    people.store.create(a_message())
    people.data.anonymise(a_message(), NUMBER)

    assert people.store.create(a_message(claimed_by="another")) is not None


def test_what_is_not_there_does_not_come_into_being(people: People) -> None:
    assert not people.data.anonymise(a_message(), NUMBER)
    assert people.store.get(MESSAGE_ID) is None


@pytest.mark.parametrize("asked", [NUMBER, DIGITS])
@pytest.mark.parametrize("written", [NUMBER, DIGITS])
def test_what_came_from_a_number_is_found_and_nothing_else(
    asked: str, written: str, people: People
) -> None:
    people.store.create(a_message())
    people.store.keep_inbound(an_inbound(umid="one", source=written))
    people.store.keep_inbound(an_inbound(umid="two", source=OTHER))

    assert traces(people, asked) == [Trace("inbound one", AT)]


def test_an_inbound_message_whose_number_is_written_differently_is_found_by_its_hash(
    people: People,
) -> None:
    people.store.keep_inbound(an_inbound(umid="one", source="91234567"), sender_hash=HASH)
    people.store.keep_inbound(an_inbound(umid="two", source="98765432"), sender_hash="another")
    people.store.keep_inbound(an_inbound(umid="three", source="90000000"))

    assert traces(people, recipient_hash="a third one") == []
    assert [one.id for one in traces(people)] == ["inbound one"]


def test_what_was_deleted_is_gone(people: People) -> None:
    people.store.keep_inbound(an_inbound(umid="one", source=NUMBER))
    people.store.keep_inbound(an_inbound(umid="two", source=OTHER))
    found = traces(people)

    for trace in [*found, *found]:
        people.data.delete(trace)

    assert traces(people) == []
    assert people.store.get_inbound("inbound one") is None
    assert people.store.get_inbound("inbound two") is not None
