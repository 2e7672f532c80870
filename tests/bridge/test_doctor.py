"""`bridge doctor` names what is wrong, and what it tells to do mends it."""

import json
from typing import Any

import pytest

from sms_bridge.domain.clock import timestamp
from sms_bridge.domain.message import Outcome, OutcomeStatus
from sms_bridge.domain.state import State
from sms_bridge.storage.queues import outcome_body
from tests.bridge.deployed import ACCOUNT, KEY, PROMOTIONAL, TRANSACTIONAL, Deployed
from tests.builders import ACCEPTED
from tests.fakes.http_server import unreachable_url


def findings_of(deployed: Deployed, level: str) -> list[dict[str, Any]]:
    """Return what the doctor finds of a level; the exit status must fit to it."""
    result = deployed.run("doctor", "--json")
    found = json.loads(result.stdout)
    problems = [one for one in found if one["level"] == "problem"]
    assert result.exit_code == (1 if problems else 0)
    for one in found:
        assert bool(one["remedy"]) is (one["level"] != "ok"), one
    return [one for one in found if one["level"] == level]


def test_a_healthy_bridge_has_nothing_wrong_with_it(deployed: Deployed) -> None:
    before = deployed.secret

    assert findings_of(deployed, "problem") == []
    assert findings_of(deployed, "warning") == []

    assert deployed.secret == before
    assert deployed.eightx8.requests == []
    assert list(deployed.messages.open_messages(until="9")) == []


def test_all_is_said_in_words_as_well(deployed: Deployed) -> None:
    result = deployed.run("doctor")

    assert "0 problems, 0 warnings" in result.output
    assert f"8x8 accepts it for the sub-account {TRANSACTIONAL}" in result.output


def test_a_wrong_key_is_named_and_mended(deployed: Deployed) -> None:
    deployed.put_secret(eightx8ApiKey="an-old-key")

    [key, webhook] = findings_of(deployed, "problem")

    assert "8x8 refuses the API key" in key["what"]
    assert key["remedy"].startswith("bridge configure")
    assert "8x8 refused the bridge's API key" in webhook["what"]

    assert deployed.run("configure", "--key-from-stdin", typed=f"{KEY}\n").exit_code == 0
    assert findings_of(deployed, "problem") == []


def test_a_webhook_that_points_elsewhere_is_named_and_mended(deployed: Deployed) -> None:
    deployed.register("https://other.example.com/hook")

    problems = findings_of(deployed, "problem")

    assert len(problems) == 2
    assert all("to https://other.example.com/hook" in one["what"] for one in problems)
    assert all(one["remedy"].startswith("bridge webhook register") for one in problems)

    assert deployed.run("webhook", "register", "--yes").exit_code == 0
    assert findings_of(deployed, "problem") == []


@pytest.mark.parametrize(
    ("webhook", "what"),
    [
        ({"enabled": False}, "it is not enabled"),
        ({"httpAuthorization": None}, "it sends no token"),
    ],
)
def test_a_webhook_that_does_not_work_is_named(
    webhook: dict[str, Any], what: str, deployed: Deployed
) -> None:
    deployed.register(f"{deployed.api_url}/callbacks/8x8", **webhook)

    assert {what in one["what"] for one in findings_of(deployed, "problem")} == {True}


def test_no_webhook_at_all_is_a_problem(deployed: Deployed) -> None:
    deployed.eightx8.webhooks.delete("*")

    assert len(findings_of(deployed, "problem")) == 2


def test_a_sub_accounts_own_webhook_comes_before_the_accounts(deployed: Deployed) -> None:
    deployed.register("https://other.example.com/hook", sub_account_id=PROMOTIONAL)

    [problem] = findings_of(deployed, "problem")

    assert PROMOTIONAL in problem["what"]
    command = problem["remedy"].partition(";")[0].split()
    assert deployed.run(*command[1:], "--yes").exit_code == 0
    assert findings_of(deployed, "problem") == []


def test_without_the_accounts_id_the_webhook_cannot_be_seen(deployed: Deployed) -> None:
    deployed.put_secret(eightx8AccountId="")

    [warning] = findings_of(deployed, "warning")

    assert "--account-id" in warning["remedy"]
    assert deployed.run("webhook", "show", "--account-id", ACCOUNT).exit_code == 0
    assert findings_of(deployed, "warning") == []


def test_with_a_callback_url_for_each_message_no_webhook_is_needed(deployed: Deployed) -> None:
    deployed.eightx8.webhooks.delete("*")
    deployed.environment["CALLBACK_BASE_URL"] = deployed.api_url

    assert findings_of(deployed, "problem") == []


def test_moengage_that_refuses_is_named_and_what_it_missed_is_told_again(
    deployed: Deployed,
) -> None:
    message = deployed.keep(state=State.DELIVERED)
    outcome = Outcome(OutcomeStatus.DELIVERED)
    deployed.messages.record_outcome(message.id, outcome, message.accepted_at)
    deployed.messages.record_given_up(message.id, "moengage_404", message.accepted_at)
    deployed.put_into("OutcomeDeadLetterQueue", outcome_body(message.id), reason="moengage_404")

    letters, refused = findings_of(deployed, "problem")

    assert "1 dead letters (1 x moengage_404)" in letters["what"]
    assert "refused the reports with HTTP 404" in refused["what"]
    command = refused["remedy"].rpartition("then: ")[2].split()
    assert command[0] == "bridge"

    assert deployed.run(*command[1:]).exit_code == 0
    assert findings_of(deployed, "problem") == []
    assert [one["Body"] for one in deployed.queue("OutcomeQueue")] == [outcome_body(message.id)]


def test_moengage_that_is_down_is_a_warning_while_outcomes_are_told_again(
    deployed: Deployed,
) -> None:
    message = deployed.keep(state=State.DELIVERED)
    deployed.messages.record_outcome(
        message.id, Outcome(OutcomeStatus.DELIVERED), message.accepted_at
    )
    deployed.messages.record_not_taken(message.id, message.accepted_at)

    [warning] = findings_of(deployed, "warning")

    assert "1 outcomes were told in vain so far" in warning["what"]


def test_a_missing_tracking_url_is_a_problem_and_one_out_of_reach_a_warning(
    deployed: Deployed,
) -> None:
    deployed.environment["MOENGAGE_DELIVERY_TRACKING_URL"] = ""
    [problem] = findings_of(deployed, "problem")
    assert "MoEngageConnectorId" in problem["remedy"]

    host = unreachable_url()
    deployed.environment["MOENGAGE_DELIVERY_TRACKING_URL"] = f"{host}/sms/dlr/custom/secret-id"
    [warning] = findings_of(deployed, "warning")
    assert "cannot be reached from this machine" in warning["what"]
    assert "secret-id" not in str(warning)


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        ({"eightx8ApiKey": ""}, "bridge configure"),
        ({"moengageTokens": []}, "bridge configure"),
        ({"hashKey": ""}, "restore hashKey"),
    ],
)
def test_what_the_secret_lacks_is_named(
    missing: dict[str, Any], remedy: str, deployed: Deployed
) -> None:
    deployed.put_secret(**missing)

    problems = findings_of(deployed, "problem")

    assert problems[0]["part"] == "secret"
    assert remedy in problems[0]["remedy"]


def test_a_sub_account_that_8x8_does_not_know_is_named(deployed: Deployed) -> None:
    deployed.environment["SUB_ACCOUNT_IDS"] = f"{TRANSACTIONAL},Nobody"

    [problem] = findings_of(deployed, "problem")

    assert "does not let the key use the sub-account Nobody" in problem["what"]


def test_an_api_that_does_not_answer_is_a_problem(deployed: Deployed) -> None:
    deployed.api_url = unreachable_url()

    problems = findings_of(deployed, "problem")

    assert "neither MoEngage nor 8x8 reaches it" in problems[-1]["what"]


def test_messages_of_which_nothing_is_heard_are_warned_of(deployed: Deployed) -> None:
    unknown = deployed.keep(id="a" * 8, state=State.UNKNOWN)
    taken = deployed.keep(id="b" * 8, state=State.SENDING)
    deployed.messages.record_result(taken.id, 0, ACCEPTED, State.QUEUED, timestamp(0))

    warnings = [one["what"] for one in findings_of(deployed, "warning")]

    assert any("of 1 messages nobody knows" in one for one in warnings), unknown.id
    assert any("of 1 messages 8x8 has sent no receipt" in one for one in warnings)


def test_alarms_that_tell_nobody_or_are_raised_are_named(deployed: Deployed) -> None:
    deployed.alarms.alarms["Silent"] = {"StateValue": "OK", "AlarmActions": []}
    deployed.alarms.alarms["Raised"] = {
        "StateValue": "ALARM",
        "AlarmActions": ["topic"],
        "AlarmDescription": "8x8 refuses the key. docs/runbook.md",
    }

    assert [one["remedy"] for one in findings_of(deployed, "problem")] == [
        "8x8 refuses the key. docs/runbook.md"
    ]
    assert [one["what"] for one in findings_of(deployed, "warning")] == [
        "1 of 3 alarms tell nobody"
    ]


def test_what_is_no_bridge_is_not_looked_at_any_further(deployed: Deployed) -> None:
    deployed.missing_resources = {"MessagesTable"}

    [problem] = findings_of(deployed, "problem")

    assert "it has no MessagesTable" in problem["what"]


def test_a_failed_deployment_is_a_problem(deployed: Deployed) -> None:
    deployed.status = "ROLLBACK_COMPLETE"

    [problem] = findings_of(deployed, "problem")

    assert "ROLLBACK_COMPLETE" in problem["what"]


def test_looking_at_dead_letters_leaves_them_there(deployed: Deployed) -> None:
    deployed.put_into("SendDeadLetterQueue", "x", reason="unreadable")
    deployed.put_into("SendDeadLetterQueue", "y")

    [problem] = findings_of(deployed, "problem")

    assert "1 x unreadable" in problem["what"]
    assert "1 x received_too_often" in problem["what"]
    assert sorted(one["Body"] for one in deployed.queue("SendDeadLetterQueue")) == ["x", "y"]
