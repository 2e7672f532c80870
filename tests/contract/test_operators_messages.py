"""What only operators do with messages: outcomes are replayed, people are forgotten."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.table import OperatorsMessages
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, State
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
from tests.contract.stores import LATER, kept, record

OTHER = "+6598765432"
HASH = "1234567890abcdef"
DIGITS = NUMBER.removeprefix("+")
DELIVERED = Outcome(OutcomeStatus.DELIVERED)
EARLY, FAR = AT - 60, AT + 1_000_000


# ------------------------------------------------------------------------------- replaying outcomes
def given_up_ids(
    operators: OperatorsMessages, since: float = 0.0, until: float = EVER
) -> list[str]:
    return sorted(message.id for message in operators.given_up(since=since, until=until))


def test_one_that_was_given_up_is_listed_until_it_is_replayed_with_all_its_tries(
    operators: OperatorsMessages,
) -> None:
    operators.create(a_message())
    owner = record(operators, a_receipt("undelivered")).message.outcome_lease_owner
    operators.record_not_acknowledged(MESSAGE_ID, owner, AT)
    operators.record_given_up(MESSAGE_ID, "moengage_404", LATER)
    assert given_up_ids(operators) == [MESSAGE_ID]

    operators.record_replayed(MESSAGE_ID)

    message = kept(operators)
    assert (message.outcome_given_up, message.outcome_given_up_at) == ("", 0.0)
    assert (message.outcome_tries, message.outcome_next_try_at) == (0, 0.0)
    assert message.outcome_is_open
    assert operators.lease_outcome(MESSAGE_ID, "reporter", AT, FAR)
    assert given_up_ids(operators) == []
    assert [one.id for one in operators.open_messages(until=EVER)] == [MESSAGE_ID]


def test_one_that_was_not_given_up_is_not_replayed(operators: OperatorsMessages) -> None:
    operators.create(a_message())
    owner = record(operators, a_receipt("undelivered")).message.outcome_lease_owner
    operators.record_not_acknowledged(MESSAGE_ID, owner, LATER)
    before = kept(operators)

    operators.record_replayed(MESSAGE_ID)

    assert plain(kept(operators)) == plain(before)


def test_one_that_was_reported_after_it_was_given_up_is_not_replayed(
    operators: OperatorsMessages,
) -> None:
    operators.create(a_message())
    operators.record_outcome(MESSAGE_ID, DELIVERED, AT)
    operators.record_given_up(MESSAGE_ID, "moengage_404", AT)
    operators.record_reported(MESSAGE_ID, DELIVERED, LATER)

    operators.record_replayed(MESSAGE_ID)

    assert list(operators.open_messages(until=EVER)) == []


def test_given_up_outcomes_are_listed_for_a_time_span(operators: OperatorsMessages) -> None:
    for number, accepted_at in enumerate((EARLY, AT, LATER)):
        operators.create(a_message(id=str(number), accepted_at=accepted_at))
        operators.record_given_up(str(number), "r", LATER)

    assert given_up_ids(operators, EARLY, EARLY) == ["0"]
    assert given_up_ids(operators, AT, LATER) == ["1", "2"]


def test_nothing_is_replayed_of_a_message_that_is_not_there(operators: OperatorsMessages) -> None:
    operators.record_replayed(MESSAGE_ID)

    assert operators.get(MESSAGE_ID) is None
    assert given_up_ids(operators) == []


# ------------------------------------------------------------------------------- forgetting people
def test_a_message_without_its_recipient_is_the_same_otherwise(
    operators: OperatorsMessages,
) -> None:
    message = a_message(recipient_hash=HASH, client_message_id="user-7", campaign_id="c-1")
    operators.create(message)

    operators.anonymise(message, NUMBER)

    kept = operators.get(message.id)
    assert plain(kept) == plain(
        replace(message, destination="", recipient_hash="", client_message_id="")
    )
    assert list(operators.newest_first(recipient_hash=HASH)) == []
    assert [one.id for one in operators.newest_first(campaign_id="c-1")] == [message.id]
    # Once more changes nothing.
    operators.anonymise(message, NUMBER)
    assert plain(operators.get(message.id)) == plain(kept)


@pytest.mark.parametrize("written", [f"for {NUMBER}", "person-65-9123-4567", DIGITS])
@pytest.mark.parametrize("name", ["campaign_id", "dlt_template_id", "source"])
def test_what_holds_the_number_goes_as_well(
    name: str, written: str, operators: OperatorsMessages
) -> None:
    own: dict[str, Any] = {name: written}
    message = a_message(
        **{"campaign_id": "c-1", "dlt_template_id": "d-1", "source": "Acme", **own},
        recipient_hash=HASH,
    )
    gone: dict[str, Any] = {name: ""}
    operators.create(message)

    operators.anonymise(message, NUMBER)

    kept = operators.get(message.id)
    assert plain(kept) == plain(replace(message, destination="", recipient_hash="", **gone))


def test_8x8s_words_go_once_they_were_reported(operators: OperatorsMessages) -> None:
    words = "Somebody does not live there"
    outcome = Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1", words)
    operators.create(a_message(recipient_hash=HASH))
    operators.record_receipt(MESSAGE_ID, a_receipt("sent", error_message=words), None)
    operators.record_receipt(
        MESSAGE_ID, a_receipt("undelivered", error_code="1", error_message=words), outcome
    )

    def anonymise() -> Message:
        message = operators.get(MESSAGE_ID)
        assert message is not None
        operators.anonymise(message, NUMBER)
        kept = operators.get(MESSAGE_ID)
        assert kept is not None
        return kept

    on_its_way = anonymise()
    assert [one.error_message for one in on_its_way.receipts] == ["", ""]
    assert plain(on_its_way.outcome) == plain(outcome)
    operators.record_reported(MESSAGE_ID, outcome, AT)
    assert plain(anonymise().outcome) == plain(replace(outcome, description=""))
    assert [one.eightx8_state for one in anonymise().receipts] == ["sent", "undelivered"]


def test_those_about_a_reply_go_at_once_for_nobody_reports_them(
    operators: OperatorsMessages,
) -> None:
    outcome = Outcome(OutcomeStatus.FAILED, "eightx8_undelivered_1", "Words")
    operators.create(a_message(reply_to="inbound-1"))
    operators.record_outcome(MESSAGE_ID, outcome, AT)
    message = operators.get(MESSAGE_ID)
    assert message is not None

    operators.anonymise(message, NUMBER)

    kept = operators.get(MESSAGE_ID)
    assert kept is not None
    assert plain(kept.outcome) == plain(replace(outcome, description=""))


def test_a_message_on_its_way_keeps_its_outcome(operators: OperatorsMessages) -> None:
    operators.create(a_message(recipient_hash=HASH))
    operators.anonymise(a_message(), NUMBER)

    operators.record_result(MESSAGE_ID, 1, ACCEPTED, State.QUEUED, AT)
    recorded = operators.record_receipt(
        MESSAGE_ID, a_receipt("delivered"), Outcome(OutcomeStatus.DELIVERED)
    )

    assert recorded.outcome_is_new
    assert [one.id for one in operators.open_messages(until=EVER)] == [MESSAGE_ID]
    assert recorded.message.destination == ""


def test_a_repeat_of_the_message_is_still_a_repeat(operators: OperatorsMessages) -> None:
    operators.create(a_message())
    operators.anonymise(a_message(), NUMBER)

    assert operators.create(a_message(claimed_by="another")) is not None


def test_what_is_not_there_does_not_come_into_being(operators: OperatorsMessages) -> None:
    operators.anonymise(a_message(), NUMBER)

    assert operators.get(MESSAGE_ID) is None


@pytest.mark.parametrize("asked", [NUMBER, DIGITS])
@pytest.mark.parametrize("written", [NUMBER, DIGITS])
def test_what_came_from_a_number_is_found_and_nothing_else(
    asked: str, written: str, operators: OperatorsMessages
) -> None:
    operators.create(a_message())
    operators.keep_inbound(an_inbound(umid="one", source=written))
    operators.keep_inbound(an_inbound(umid="two", source=OTHER))

    assert operators.inbound_from(asked, HASH) == {"inbound one": AT}


def test_an_inbound_message_whose_number_is_written_differently_is_found_by_its_hash(
    operators: OperatorsMessages,
) -> None:
    operators.keep_inbound(an_inbound(umid="one", source="91234567"), sender_hash=HASH)
    operators.keep_inbound(an_inbound(umid="two", source="98765432"), sender_hash="another")
    operators.keep_inbound(an_inbound(umid="three", source="90000000"))

    assert operators.inbound_from(NUMBER, "a third one") == {}
    assert list(operators.inbound_from(NUMBER, HASH)) == ["inbound one"]
