"""`sms-bridge opt-outs` and `forget`: people are counted, texted again or forgotten on a yes."""

import json
import re

import pytest

from bridge.calls import Answer
from sms_bridge.api.callback import read_callback
from sms_bridge.domain.arrivals import UnknownEvent
from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Outcome, OutcomeStatus, State
from sms_bridge.domain.opt_out import OptOutScope, OptRequest
from sms_bridge.domain.phone_number import keyed_hash
from tests.bridge.deployed import HASH_KEY, IDS, OTHER_NUMBER, PROMOTIONAL, TRANSACTIONAL, Deployed
from tests.builders import EVER, NUMBER, UMID, a_person, a_receipt, an_inbound
from tests.fakes.aws import TABLE, client_of

THIRD_NUMBER = "+6590000000"
EARLIER, LATER = "2026-11-23T09:30:00.000Z", "2026-11-24T09:30:00.000Z"
OUT, IN = OptRequest.OPT_OUT, OptRequest.OPT_IN


def record(deployed: Deployed, *requests: tuple[str, str, OptRequest, str]) -> None:
    """Let people have asked, each by number: of which sub-account, for what and when."""
    for number, sub_account, request, at in requests:
        person = a_person(number, sub_account, HASH_KEY)
        deployed.stack.opt_outs.record(person, request, seconds_of(at))
    deployed.keep()


@pytest.fixture
def listed(deployed: Deployed) -> Deployed:
    """Two people out of promotions, one of them out of all; a third one is in again."""
    deployed.environment["OPT_OUT_SCOPE"] = OptOutScope.SUB_ACCOUNT
    record(
        deployed,
        (NUMBER, PROMOTIONAL, OUT, EARLIER),
        (NUMBER, TRANSACTIONAL, OUT, LATER),
        (OTHER_NUMBER, PROMOTIONAL, OUT, LATER),
        (THIRD_NUMBER, PROMOTIONAL, OUT, EARLIER),
        (THIRD_NUMBER, PROMOTIONAL, IN, LATER),
    )
    return deployed


def test_they_are_counted_by_sub_account(listed: Deployed) -> None:
    assert listed.json_of("opt-outs") == {
        "optOuts": 3,
        "counts": [
            {"subAccountId": PROMOTIONAL, "optOuts": 2},
            {"subAccountId": TRANSACTIONAL, "optOuts": 1},
        ],
    }
    assert listed.shown("opt-outs").startswith("3 opt-outs\n")


def test_they_are_listed_by_day(listed: Deployed) -> None:
    found = listed.json_of("opt-outs", "--by-day", "--sub-account", PROMOTIONAL)

    assert [(one["day"], one["optOuts"]) for one in found["counts"]] == [
        ("2026-11-23", 1),
        ("2026-11-24", 1),
    ]
    assert listed.json_of("opt-outs", "--since", "2026-11-24")["optOuts"] == 2


def test_a_persons_are_removed_on_a_yes_only(listed: Deployed) -> None:
    listed.shown("opt-outs", "--clear", NUMBER, typed="n\n", status=1)
    assert listed.json_of("opt-outs")["optOuts"] == 3

    listed.shown("opt-outs", "--clear", "-", typed=f"{NUMBER}\ny\n")

    assert listed.json_of("opt-outs")["optOuts"] == 1
    assert not listed.stack.opt_outs.is_opted_out(a_person(NUMBER, PROMOTIONAL, HASH_KEY))
    assert listed.stack.opt_outs.is_opted_out(a_person(OTHER_NUMBER, PROMOTIONAL, HASH_KEY))


def test_those_of_an_incident_are_removed_together(listed: Deployed) -> None:
    removed = listed.json_of("opt-outs", "--clear-all", "--since", "2026-11-24", "--yes")

    assert removed == {"removed": 2}
    assert listed.json_of("opt-outs")["optOuts"] == 1


def test_somebody_who_did_not_opt_out_is_said_without_the_number(listed: Deployed) -> None:
    shown = listed.shown("opt-outs", "--clear", "+6591111111", "--yes", status=1)

    assert "65*****111 is not opted out" in shown


def test_where_they_hold_for_the_stack_people_are_counted_by_whom_they_asked(
    deployed: Deployed,
) -> None:
    record(
        deployed,
        (NUMBER, PROMOTIONAL, OUT, EARLIER),
        (NUMBER, TRANSACTIONAL, OUT, LATER),
        (OTHER_NUMBER, TRANSACTIONAL, OUT, LATER),
        (THIRD_NUMBER, PROMOTIONAL, OUT, EARLIER),
        (THIRD_NUMBER, TRANSACTIONAL, IN, LATER),
    )

    assert deployed.json_of("opt-outs") == {
        "optOuts": 2,
        "counts": [
            {"subAccountId": PROMOTIONAL, "optOuts": 1},
            {"subAccountId": TRANSACTIONAL, "optOuts": 1},
        ],
    }

    deployed.shown("opt-outs", "--clear", NUMBER, "--yes")
    assert deployed.json_of("opt-outs")["optOuts"] == 1
    # Nor does it hold after a change of the scope.
    deployed.environment["OPT_OUT_SCOPE"] = OptOutScope.SUB_ACCOUNT
    assert not deployed.stack.opt_outs.is_opted_out(a_person(NUMBER, TRANSACTIONAL, HASH_KEY))


# ---------------------------------------------------------------------------------------- forget
LONG_AGO = seconds_of("2026-01-01T00:00:00.000Z")
FOUND = {
    "messages": 2,
    "messagesUnderWay": 1,
    "messagesWithout8x8Id": 1,
    "messagesNotErased": 0,
    "inbound": 1,
    "inboundLeftForNow": 0,
    "optedOutOf": [TRANSACTIONAL, PROMOTIONAL],
}


def destination(deployed: Deployed, message_id: str) -> str:
    message = deployed.messages.get(message_id)
    assert message is not None
    return message.destination


def inbound(deployed: Deployed, umid: str, number: str, *, received_at: float = LONG_AGO) -> str:
    return deployed.messages.keep_inbound(
        an_inbound(umid=umid, sub_account_id=PROMOTIONAL, source=number, received_at=received_at),
        sender_hash=keyed_hash(number, HASH_KEY),
    )


@pytest.fixture
def person(deployed: Deployed) -> Deployed:
    """Two messages to a person, one of them reported; what they sent; and somebody else's."""
    facts = {"campaign_id": "spring", "client_message_id": "user-7", "sub_account_id": PROMOTIONAL}
    for message_id in IDS[:2]:
        deployed.keep(id=message_id, **facts)
    outcome = Outcome(OutcomeStatus.DELIVERED)
    deployed.messages.record_receipt(
        IDS[0], a_receipt("delivered", umid=UMID, sub_account_id=PROMOTIONAL), outcome
    )
    deployed.messages.record_reported(IDS[0], outcome, LONG_AGO)
    deployed.eightx8_answers[("DELETE", f"/{PROMOTIONAL}/messages/{UMID}/pii")] = Answer(202, b"")
    deployed.keep(id=IDS[2], destination=OTHER_NUMBER)
    inbound(deployed, "one", NUMBER)
    inbound(deployed, "two", OTHER_NUMBER)
    deployed.stack.opt_outs.record(a_person(NUMBER, PROMOTIONAL, HASH_KEY), OUT, LONG_AGO)
    return deployed


def test_what_is_known_of_a_person_goes_and_what_became_of_messages_stays(person: Deployed) -> None:
    assert person.json_of("forget", NUMBER, "--yes") == FOUND

    for message_id in IDS[:2]:
        kept = person.messages.get(message_id)
        assert kept is not None
        assert (kept.destination, kept.recipient_hash, kept.client_message_id) == ("", "", "")
        assert kept.campaign_id == "spring"
    assert person.messages.get_inbound("inbound one") is None
    # The one on its way still has its outcome to come.
    assert IDS[1] in [one.id for one in person.messages.open_messages(until=EVER)]
    # They do not want to be texted, and are not.
    assert person.stack.opt_outs.is_opted_out(a_person(NUMBER, PROMOTIONAL, HASH_KEY))
    assert not person.stack.opt_outs.is_opted_out(a_person(OTHER_NUMBER, PROMOTIONAL, HASH_KEY))
    # Nobody else is touched.
    assert destination(person, IDS[2]) == OTHER_NUMBER
    assert person.messages.get_inbound("inbound two") is not None

    again = person.json_of("forget", NUMBER, "--yes")
    nothing = dict.fromkeys(("messages", "messagesUnderWay", "messagesWithout8x8Id"), 0)
    assert again == {**FOUND, **nothing, "inbound": 0}


def test_of_a_reply_moengage_learns_nothing(person: Deployed) -> None:
    person.keep(id=IDS[3], sub_account_id=PROMOTIONAL, reply_to="inbound-1")

    found = person.json_of("forget", NUMBER, "--yes")

    assert (found["messages"], found["messagesUnderWay"]) == (3, 1)


def test_no_spelling_of_the_number_is_left_in_the_table(deployed: Deployed) -> None:
    facts = {"campaign_id": f"welcome-{NUMBER}", "client_message_id": NUMBER}
    deployed.keep(id=IDS[0], sub_account_id=PROMOTIONAL, **facts)
    words = "65 9123 4567 is not reachable"
    receipt = a_receipt("sent", umid="", sub_account_id=PROMOTIONAL, error_message=words)
    deployed.messages.record_receipt(IDS[0], receipt, None)
    for event in read_callback('{"eventType": "new", "to": "+65 (9123) 4567"}', LONG_AGO):
        assert isinstance(event, UnknownEvent)
        deployed.messages.keep_event(event, LONG_AGO)
    inbound(deployed, "one", "+65 9123-4567")

    deployed.json_of("forget", NUMBER, "--yes")

    items = client_of("dynamodb").scan(TableName=TABLE)["Items"]
    assert len(items) == 2
    assert "91234567" not in re.sub(r"[ ()+-]", "", json.dumps(items, default=str))


def test_what_8x8_does_not_erase_is_left_for_the_next_try(person: Deployed) -> None:
    """Without the number here nobody would find the message again."""
    erase = ("DELETE", f"/{PROMOTIONAL}/messages/{UMID}/pii")
    person.eightx8_answers[erase] = Answer(500, b"")

    first = person.json_of("forget", NUMBER, "--yes", status=1)

    assert first["messagesNotErased"] == 1
    assert destination(person, IDS[0]) == NUMBER

    person.eightx8_answers[erase] = Answer(404, b'{"code": 1300}')
    again = person.json_of("forget", NUMBER, "--yes")
    assert (again["messages"], again["messagesNotErased"]) == (1, 0)
    person.shown("message", NUMBER, status=1)


@pytest.mark.parametrize("written", ["+65 9123-4567", "006591234567"])
def test_an_sms_goes_however_8x8_wrote_the_number(written: str, person: Deployed) -> None:
    inbound(person, "three", written)

    assert person.json_of("forget", NUMBER, "--yes")["inbound"] == 2
    assert person.messages.get_inbound("inbound three") is None


def test_8x8_is_not_asked_unless_its_part_is_to_go(person: Deployed) -> None:
    person.eightx8_answers[("DELETE", "/pii")] = AssertionError("asked")

    person.shown("forget", NUMBER, "--yes", "--here-only")


def test_it_shows_first_and_a_no_changes_nothing(person: Deployed) -> None:
    shown = person.shown("forget", NUMBER, typed="n\n", status=1)

    for words in (
        "Messages to this number: 2",
        "of 1 MoEngage has not acknowledged the outcome",
        "of 1 8x8's id is not known",
        "SMS from this number: 1",
        f"Opted out of {TRANSACTIONAL}, {PROMOTIONAL}: that is kept",
    ):
        assert words in shown
    assert NUMBER.removeprefix("+") not in shown
    assert destination(person, IDS[0]) == NUMBER
    assert person.messages.get_inbound("inbound one") is not None


def test_a_yes_is_enough_and_the_number_may_come_from_standard_input(person: Deployed) -> None:
    person.shown("forget", "-", typed=f"{NUMBER}\ny\n")

    person.shown("message", "--to", NUMBER, status=1)


def test_without_reading_the_whole_table_only_messages_go(person: Deployed) -> None:
    found = person.json_of("forget", NUMBER, "--messages-only", "--yes")

    assert (found["messages"], found["inbound"]) == (2, 0)
    assert person.messages.get_inbound("inbound one") is not None


def test_a_request_that_moengage_may_not_know_is_left_for_now(person: Deployed) -> None:
    """MoEngage knows people by number: without it the person would be texted from there again."""
    person.environment["MOENGAGE_DATA_API_URL"] = "https://api-01.moengage.com/v1/customer/w"
    inbound(person, "young", NUMBER, received_at=4_000_000_000.0)

    found = person.json_of("forget", NUMBER, "--yes", status=1)

    assert (found["inbound"], found["inboundLeftForNow"]) == (1, 1)
    assert person.messages.get_inbound("inbound young") is not None
    assert "do this again in a day" in person.shown("forget", NUMBER, "--yes", status=1)


def test_somebody_of_whom_nothing_is_known_is_no_failure(deployed: Deployed) -> None:
    deployed.keep(id=IDS[3], destination=OTHER_NUMBER, state=State.DELIVERED)

    assert "Messages to this number: 0" in deployed.shown("forget", NUMBER)


@pytest.mark.parametrize("number", ["call me", "123456"])
def test_what_is_no_number_is_a_wrong_use(number: str, deployed: Deployed) -> None:
    deployed.shown("forget", number, status=2)
