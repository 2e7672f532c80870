"""`sms-bridge opt-outs`: counted, and removed only on a yes."""

import pytest

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.opt_out import OptOutScope, OptRequest
from tests.bridge.deployed import HASH_KEY, OTHER_NUMBER, PROMOTIONAL, TRANSACTIONAL, Deployed
from tests.builders import NUMBER, a_person

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
