"""`sms-bridge doctor` names what is wrong: one fault, one finding with its id."""

import json
import time
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError, ProfileNotFound

import bridge.doctor
from bridge.calls import Answer, NoAnswerError, call
from bridge.checks.aws import check_alarms, check_deployment
from bridge.stack import Stack
from sms_bridge.domain.message import Message, Outcome, OutcomeStatus, State
from tests.bridge.deployed import (
    ACCOUNT,
    CALLBACK_TOKEN,
    IDS,
    KEY,
    PROMOTIONAL,
    RULE,
    TRANSACTIONAL,
    Deployed,
    redrive_policy,
)
from tests.builders import ACCEPTED, EVER, a_receipt
from tests.fakes.aws import TABLE, client_of
from tests.fakes.http_server import unreachable_url

LONG_AGO = 1.0


def examined(deployed: Deployed) -> dict[str, Any]:
    """Return the doctor's report; the exit status and the totals must fit to it."""
    result = deployed.run("doctor", "--json")
    report: dict[str, Any] = json.loads(result.stdout)
    levels = [one["level"] for one in report["findings"]]
    assert report["problems"] == levels.count("problem")
    assert report["warnings"] == levels.count("warning")
    assert result.exit_code == (1 if report["problems"] else 0)
    for one in report["findings"]:
        assert bool(one["remedy"]) is (one["level"] != "ok"), one
    return report


def findings_of(deployed: Deployed) -> list[dict[str, Any]]:
    return [one for one in examined(deployed)["findings"] if one["level"] != "ok"]


# ------------------------------------------------------------------------------------ all is well
def test_a_healthy_bridge_has_nothing_wrong_with_it(deployed: Deployed) -> None:
    before = deployed.secret

    assert findings_of(deployed) == []

    assert deployed.secret == before
    assert deployed.eightx8.requests == []
    assert list(deployed.messages.open_messages(until=EVER)) == []


@pytest.mark.parametrize(
    ("network", "is_own", "leads_out"),
    [("0.0.0.0/0", True, True), ("172.16.0.0/12", True, False), ("0.0.0.0/0", False, False)],
    ids=["NAT gateway", "no way out", "only other subnets have a way out"],
)
def test_the_address_that_8x8_sees_is_shown(
    deployed: Deployed, network: str, is_own: bool, leads_out: bool
) -> None:
    ec2 = client_of("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    table, of_others = (
        ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)
    )
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    address = ec2.allocate_address(Domain="vpc")
    gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"])
    ec2.create_route(
        RouteTableId=table if is_own else of_others,
        DestinationCidrBlock=network,
        NatGatewayId=gateway["NatGateway"]["NatGatewayId"],
    )
    deployed.parameters["SubnetIds"] = subnet

    shown = [one for one in examined(deployed)["findings"] if one["id"] == "outbound-address"]

    assert [address["PublicIp"] in one["what"] for one in shown] == [leads_out]


def test_a_campaign_of_300_gives_no_finding(deployed: Deployed) -> None:
    deployed.log("SendSms", *[{"message": "message sent", "Accepted": 1, "Sent": 1}] * 300)
    receipt = {"message": "receipt recorded", "Receipts": 1, "Delivered": 1, "Segments": 1}
    failed = {"message": "receipt recorded", "Receipts": 1, "Failed": 1, "outcome_reason": "x"}
    deployed.log("ReceiveCallback", *[receipt] * 290, *[failed] * 10)
    deployed.log("SendSms", {"message": "message not sent", "OptedOut": 1})

    assert findings_of(deployed) == []


def test_messages_on_their_way_give_no_finding(deployed: Deployed) -> None:
    deployed.keep(id=IDS[0], state=State.WAITING, attempt=0, accepted_at=time.time())
    deployed.keep(id=IDS[1], state=State.SENDING, attempt_at=LONG_AGO)
    deployed.messages.record_receipt(IDS[1], a_receipt("sent"), None)
    # 8x8's log was silent once, and has answered since.
    deployed.messages.record_log(IDS[1], LONG_AGO, has_answered=False)
    deployed.messages.record_log(IDS[1], LONG_AGO + 1, has_answered=True)

    assert findings_of(deployed) == []


def test_looking_many_times_finds_nothing_of_its_own(deployed: Deployed) -> None:
    refused = {"message": "request refused", "reason": "unauthorized", "RequestsRefused": 1}
    for function in ("SendSms", "ReceiveCallback", "LookUpMessage"):
        deployed.log(function, *[refused] * 7)
    deployed.log("SendSms", *[{**refused, "reason": "body_missing"}] * 7)

    assert findings_of(deployed) == []


def test_only_what_is_wrong_is_shown_unless_all_is_asked_for(deployed: Deployed) -> None:
    deployed.put_secret(eightx8ApiKey="an-old-key")

    shown = deployed.shown("doctor", status=1).splitlines()

    assert shown[0] == "stack sms-bridge, region us-east-1, account 123456789012"
    assert shown[2].startswith("problem  8x8 refuses the API key at 127.0.0.1")
    assert shown[2].endswith("[eightx8-key-refused]")
    assert shown[3].startswith("         -> sms-bridge configure")
    assert shown[-1] == "problems: 1, warnings: 0"
    assert not any(line.startswith("ok") for line in shown)
    assert "ok       " in deployed.shown("doctor", "--all", status=1)


# ------------------------------------------------------------------------------ one fault, one id
Fault = Callable[[Deployed], object]


def logs_are_kept_for_ever(deployed: Deployed) -> None:
    deployed.parameters["LogRetentionDays"] = "30"
    logs = client_of("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        logs.put_retention_policy(logGroupName=group["logGroupName"], retentionInDays=30)
    logs.delete_retention_policy(logGroupName="sms-bridge-SendSms")


def the_key_is_of_another_region(deployed: Deployed) -> None:
    deployed.environment["EIGHTX8_BASE_URL"] = "https://sms.8x8.com"
    refused, known = Answer(401, {"code": 1200}), Answer(404, {"code": 1300})
    deployed.eightx8_answers[("GET", "https://sms.8x8.uk/")] = known
    for host in ("sms.8x8.com", "sms.us.8x8.com", "sms.8x8.id"):
        deployed.eightx8_answers[("GET", f"https://{host}/")] = refused


def the_api_does_not_answer(deployed: Deployed) -> None:
    url = deployed.api_url
    deployed.api_url = unreachable_url()
    deployed.monkeypatch.setattr("bridge.webhook.is_here", lambda one, _: url in one.url)


def sent_long_ago(deployed: Deployed) -> None:
    message = deployed.keep(state=State.SENDING, attempt_at=LONG_AGO)
    deployed.messages.record_result(message.id, 1, ACCEPTED, State.QUEUED, LONG_AGO)


def nobody_reports(deployed: Deployed) -> Message:
    message = deployed.keep(state=State.DELIVERED)
    outcome = Outcome(OutcomeStatus.DELIVERED)
    return deployed.messages.record_outcome(message.id, outcome, LONG_AGO).message


def moengage_is_down(deployed: Deployed) -> None:
    message = nobody_reports(deployed)
    owner = message.outcome_lease_owner
    deployed.messages.record_not_acknowledged(message.id, owner, message.accepted_at)


def moengage_refused_an_outcome(deployed: Deployed) -> None:
    message = deployed.keep_over()
    deployed.messages.record_given_up(message.id, "moengage_404", message.accepted_at)
    deployed.put_into("OutcomeDeadLetterQueue", "x", reason="moengage_404")


def eightx8_allows_no_exports(deployed: Deployed) -> None:
    message = deployed.keep(state=State.DELIVERED)
    deployed.messages.record_log(message.id, message.accepted_at + 600, has_answered=False)


def an_item_was_changed_by_hand(deployed: Deployed) -> None:
    client_of("dynamodb").update_item(
        TableName=TABLE,
        Key={"id": {"S": deployed.keep().id}},
        UpdateExpression="SET #state = :state",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": {"S": "teleported"}},
    )


def all_of(*faults: Fault) -> Fault:
    """Return what plants several things, which together are one fault."""
    return lambda deployed: [plant(deployed) for plant in faults]


def deployed_with(**facts: Any) -> Fault:
    return lambda deployed: vars(deployed).update(facts)


def lambda_with(**facts: Any) -> Fault:
    return lambda deployed: vars(deployed.functions).update(facts)


def variables(**changed: str) -> Fault:
    return lambda deployed: deployed.environment.update(changed)


def nobody_at(variable: str, path: str = "") -> Fault:
    return lambda deployed: deployed.environment.update({variable: unreachable_url() + path})


def aws(service: str, operation: str, **arguments: Any) -> Fault:
    return lambda _: getattr(client_of(service), operation)(**arguments)


def queue_with(name: str, **attributes: str) -> Fault:
    changes: Any = attributes
    return lambda deployed: client_of("sqs").set_queue_attributes(
        QueueUrl=deployed.queue_urls[name], Attributes=changes
    )


def refusing(function: str, *reasons: str) -> Fault:
    return log(function, *[{"reason": one, "RequestsRefused": 1} for one in reasons])


def webhook_with(**facts: Any) -> Fault:
    return lambda deployed: deployed.register(f"{deployed.api_url}/callbacks/8x8", **facts)


def answering(end: str, answer: Answer | Exception) -> Fault:
    return lambda deployed: deployed.eightx8_answers.update({("GET", end): answer})


def look_ups_answering(status: int) -> Fault:
    def answer(method: str, url: str, **options: Any) -> Answer:
        return Answer(status) if method == "GET" else call(method, url, **options)

    return lambda deployed: deployed.monkeypatch.setattr("bridge.checks.api.call", answer)


def balance_of(amount: float) -> Fault:
    answer = Answer(200, {"balance": amount, "currency": "USD"})
    return answering(f"/{ACCOUNT}/balance", answer)


def alarm_topic(**attributes: str) -> Fault:
    return lambda deployed: deployed.add_alarm(
        "Other", client_of("sns").create_topic(Name="page", Attributes=attributes)["TopicArn"]
    )


put_secret, keep, put_into, log, add_alarm = (
    partial(methodcaller, name) for name in ("put_secret", "keep", "put_into", "log", "add_alarm")
)
WAITING = {"state": State.WAITING, "attempt": 0, "accepted_at": LONG_AGO}
FAILED = {"Rejected": 1, "Failed": 1}
BAD_SENDER = {"reason": "eightx8_invalid_source", "outcome_reason": "eightx8_invalid_source"}
BAD_KEY = {"reason": "eightx8_unauthorized", "outcome_reason": "eightx8_unauthorized"}
OPTED_OUT = {"reason": "opted_out", "outcome_reason": "opted_out", "OptedOut": 1, "Failed": 1}
ODD = {"id": {"S": IDS[0]}, "destination": {"N": "1"}, "recipient_hash": {"S": "x"}}
FAULTS: dict[str, Fault] = {
    "stack-broken: a deployment failed": deployed_with(status="ROLLBACK_COMPLETE"),
    "stack-update-failed: an update failed": deployed_with(status="UPDATE_ROLLBACK_COMPLETE"),
    "stack-incomplete: it is no bridge": deployed_with(missing_resources={"MessagesTable"}),
    "environment-broken: one is lost": lambda_with(changed={"SendSms": {"SUB_ACCOUNT_IDS": None}}),
    "environment-broken: one is no number": lambda_with(
        changed={"DispatchQueue": {"SEND_RATE_LIMIT": "many"}}
    ),
    "environment-drift: a variable was changed by hand": all_of(
        deployed_with(parameters={"DuplicateWindowSeconds": "120"}),
        lambda_with(changed={"SendSms": {"DUPLICATE_WINDOW_SECONDS": "0"}}),
    ),
    "environment-drift: a function writes to another table": lambda_with(
        changed={"ReceiveCallback": {"MESSAGES_TABLE": "other"}}
    ),
    "function-stopped: by hand": lambda_with(reserved={"ReceiveCallback": 0}),
    "function-limited: by hand": lambda_with(reserved={"SendSms": 2}),
    "queue-not-consumed: by hand": lambda_with(mappings={"OutcomeQueue": "Disabled"}),
    "reconcile-disabled: by hand": aws("events", "disable_rule", Name=RULE),
    "log-retention-drift: logs are kept for ever": logs_are_kept_for_ever,
    "log-group-missing: one was deleted": aws(
        "logs", "delete_log_group", logGroupName="sms-bridge-ForwardOutcome"
    ),
    "queue-drift: a short memory": queue_with("PromotionalQueue", MessageRetentionPeriod="3600"),
    "queue-drift: work is given out twice": queue_with("TransactionalQueue", VisibilityTimeout="1"),
    "queue-drift: it gives up after one attempt": queue_with(
        "OutcomeQueue", RedrivePolicy=redrive_policy("SendDeadLetterQueue", 1)
    ),
    "queue-drift: dead letters go elsewhere": queue_with(
        "OutcomeQueue", RedrivePolicy=redrive_policy("OutcomeDeadLetterQueue")
    ),
    "queue-drift: dead letters go early": queue_with(
        "SendDeadLetterQueue", MessageRetentionPeriod="3600"
    ),
    "secret-unreadable: it is no json": methodcaller("put_secret_text", "the secret, typed anew"),
    "hash-key-missing: the hash key is missing": put_secret(hashKey=""),
    "hash-key-changed: the hash key was changed": all_of(
        keep(state=State.DELIVERED), put_secret(hashKey="another-hash-key")
    ),
    "eightx8-key-missing: the key is missing": put_secret(eightx8ApiKey=""),
    "eightx8-key-refused: the key is wrong": put_secret(eightx8ApiKey="an-old-key"),
    "eightx8-key-refused: the key was revoked during a campaign": all_of(
        put_secret(eightx8ApiKey="an-old-key"),
        log("SendSms", *[{**BAD_KEY, **FAILED, "Accepted": 1}] * 9),
    ),
    "eightx8-region-wrong: the key is of another region": the_key_is_of_another_region,
    "eightx8-host-wrong: the host is not 8x8": answering(
        "/messages/00000000-0000-0000-0000-000000000000", Answer(404)
    ),
    "no-answer: the host is silent": answering("", NoAnswerError("no answer", id="no-answer")),
    "sub-account-refused: one is unknown": variables(SUB_ACCOUNT_IDS=f"{TRANSACTIONAL},Nobody"),
    "account-id-missing: the account is not known": put_secret(eightx8AccountId=""),
    "tokens-missing: they are no tokens": put_secret(moengageTokens=[" ", True, ["x"], "short"]),
    "tokens-unusable: one is too short": put_secret(lookUpTokens=["the-look-up-token", "short"]),
    "data-api-key-missing: only the url is there": variables(
        MOENGAGE_DATA_API_URL="https://api-01.moengage.com/v1/customer/w"
    ),
    "tracking-url-missing: it is empty": variables(MOENGAGE_DELIVERY_TRACKING_URL=""),
    "moengage-unreachable: nobody listens": nobody_at(
        "MOENGAGE_DELIVERY_TRACKING_URL", "/secret-id"
    ),
    "keyword-never-matches: it is for both": variables(OPT_IN_KEYWORDS="START,stop"),
    "keyword-never-matches: it lost its letters": variables(OPT_OUT_KEYWORDS="STOP,????"),
    "reply-untrue: an opt-out is confirmed and not heeded": variables(
        OPT_OUT_REPLY="You get no more messages.", OPT_OUT_MESSAGE_TYPES=""
    ),
    "webhook-missing: none is registered": lambda deployed: deployed.eightx8.webhooks.delete("*"),
    "webhook-elsewhere: the webhook points elsewhere": all_of(
        methodcaller("register", "https://other.example.com/hook"), sent_long_ago
    ),
    "webhook-disabled: the webhook is disabled": webhook_with(enabled=False),
    "webhook-without-token: the webhook sends no token": webhook_with(httpAuthorization=None),
    "balance-empty: the prepaid balance is used up": balance_of(-0.01),
    "balance-low: the prepaid balance lasts for two days": all_of(
        balance_of(21.5),
        log("ReceiveCallback", {"Cost": 10.0, "currency": "USD"}, minutes_ago=23 * 60),
    ),
    "api-open: a wrong token is taken": look_ups_answering(200),
    "api-broken: the function fails": look_ups_answering(500),
    "api-broken: it is another api": look_ups_answering(404),
    "api-unreachable: the api does not answer": the_api_does_not_answer,
    "callback-url-wrong: nobody listens": nobody_at("CALLBACK_BASE_URL"),
    "requests-unauthorized: MoEngage has another token": refusing("SendSms", "unauthorized"),
    "requests-sub-account: it is another": refusing("SendSms", "sub_account_not_allowed"),
    "requests-country: it is not allowed": refusing("SendSms", "country_not_allowed"),
    "requests-malformed: of two kinds": refusing("SendSms", "field_missing", "fields_swapped"),
    "callbacks-unauthorized: 8x8 has another token": all_of(
        refusing("ReceiveCallback", "unauthorized"), sent_long_ago
    ),
    "callbacks-address: 8x8 has new ones": refusing("ReceiveCallback", "address_not_allowed"),
    "callbacks-not-understood: it is xml": log("ReceiveCallback", {"CallbacksNotUnderstood": 1}),
    "inbound-sub-account-unknown: people write to one that is not the stacks": log(
        "ReceiveCallback", {"InboundMessages": 1, "sub_account_id": "Inbound_Only"}
    ),
    "inbound-sub-account-unused: people write to one that no campaign uses": all_of(
        variables(OPT_OUT_SCOPE="sub-account"),
        log("ReceiveCallback", {"InboundMessages": 1, "sub_account_id": TRANSACTIONAL}),
        log("SendSms", {"Accepted": 1, "sub_account_id": PROMOTIONAL}),
    ),
    "send-rate-too-low: the rate is one a second": all_of(
        variables(SEND_RATE_LIMIT="1", TRANSACTIONAL_SECONDS_TO_LIVE="0"),
        put_into("TransactionalQueue", "x"),
    ),
    "send-queue-purged: a send queue was purged": keep(**WAITING),
    "messages-waiting: for long": all_of(keep(**WAITING), put_into("PromotionalQueue", "x")),
    "messages-ambiguous: an answer of 8x8 was lost": keep(state=State.UNKNOWN),
    "receipts-missing: no receipt comes": sent_long_ago,
    "log-unreadable: 8x8 allows no exports": eightx8_allows_no_exports,
    "items-unreadable: an item was changed by hand": an_item_was_changed_by_hand,
    "outcomes-not-tried: nobody reports": nobody_reports,
    "outcomes-not-acknowledged: MoEngage is down": moengage_is_down,
    "outcomes-given-up: MoEngage refused an outcome": moengage_refused_an_outcome,
    "send-dead-letters: dispatching failed too often": put_into("SendDeadLetterQueue", "x"),
    "outcome-dead-letters: somebody else wrote them": put_into(
        "OutcomeDeadLetterQueue", "x", reason="unreadable"
    ),
    "messages-rejected: the sender id is not registered": log(
        "SendSms", {**BAD_SENDER, **FAILED, "Accepted": 1}
    ),
    "messages-rejected: the key was wrong half an hour ago": log(
        "SendSms", {**BAD_KEY, **FAILED}, minutes_ago=30
    ),
    "many-opted-out: a list blocks a campaign": log("SendSms", *[{**OPTED_OUT, "Accepted": 1}] * 5),
    "messages-expired: the time to live is too short": log(
        "DispatchQueue", {"outcome_reason": "expired", "Failed": 1, "Expired": 1}
    ),
    "messages-failed: the operator rejects everything": log(
        "ReceiveCallback",
        *[{"outcome_reason": "operator_error_43", "Failed": 1, "message_id": IDS[0]}] * 5,
    ),
    "alarm-raised: an alarm is raised": add_alarm(
        "Raised", "arn:aws:lambda:x", state="ALARM", description="What to do."
    ),
    "alarms-silent: an alarm tells nobody": add_alarm("Silent"),
    "alarm-topic-key: it is AWS's": alarm_topic(KmsMasterKeyId="alias/aws/sns"),
    "alarm-topic-without-subscribers: nobody is subscribed": alarm_topic(),
    "unexpected-error: an item is odd": aws("dynamodb", "put_item", TableName=TABLE, Item=ODD),
}


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_is_one_finding_with_its_id(name: str, deployed: Deployed) -> None:
    FAULTS[name](deployed)

    found = findings_of(deployed)

    assert [one["id"] for one in found] == [name.partition(":")[0]], found
    assert CALLBACK_TOKEN not in str(found)
    assert "secret-id" not in str(found)


# ------------------------------------------------------------------------ what it cannot do without
class Broken(Stack):
    """A stack of an account that cannot be reached."""

    def __init__(self, error: Exception) -> None:
        super().__init__("sms-bridge")
        self._error = error

    @property
    def description(self) -> Any:
        raise self._error


def refusal(code: str, of: str = "DescribeStacks") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret words"}}, of)


@pytest.mark.parametrize(
    ("error", "finding_id", "words"),
    [
        (NoRegionError(), "aws-region-missing", "--region"),
        (NoCredentialsError(), "aws-credentials-missing", "aws sso login"),
        (ProfileNotFound(profile="x"), "aws-profile-unknown", "--profile"),
        (refusal("ExpiredToken"), "aws-credentials-expired", "log in again"),
        (refusal("InvalidClientTokenId"), "aws-credentials-invalid", "get-caller-identity"),
        (refusal("AccessDenied"), "aws-access-denied", "do DescribeStacks; use a role"),
        (refusal("Odd", of="GetSecretValue"), "aws-refused", "AWS refused GetSecretValue: Odd;"),
        (KeyError("secret words"), "unexpected-error", "changed by hand"),
    ],
)
def test_what_keeps_it_from_looking_is_a_finding_with_a_remedy(
    error: Exception, finding_id: str, words: str
) -> None:
    [found] = bridge.doctor.examine(Broken(error))

    assert found.id == finding_id
    assert words in f"{found.what}; {found.remedy}"
    assert "secret words" not in found.what


def test_every_check_that_fails_is_a_finding(deployed: Deployed) -> None:
    def fail(_: Stack) -> Any:
        raise LookupError("what was read")

    checks = dict.fromkeys(bridge.doctor._CHECKS, fail)
    deployed.monkeypatch.setattr(bridge.doctor, "_CHECKS", checks)

    found = findings_of(deployed)

    assert len(found) == len(checks)
    assert "what was read" not in str(found)


# ----------------------------------------------------------------------------- what fixes a fault
def test_a_wrong_key_is_fixed_by_its_remedy(deployed: Deployed) -> None:
    deployed.put_secret(eightx8ApiKey="an-old-key")
    [found] = findings_of(deployed)
    assert found["remedy"].startswith("sms-bridge configure")

    deployed.shown("configure", "--key-from-stdin", typed=f"{KEY}\n")

    assert findings_of(deployed) == []


def test_a_webhook_that_points_elsewhere_is_fixed_by_its_remedy(deployed: Deployed) -> None:
    deployed.register("https://other.example.com/hook", sub_account_id=PROMOTIONAL)
    [found] = findings_of(deployed)
    assert PROMOTIONAL in found["what"]
    assert TRANSACTIONAL not in found["what"]

    command = found["remedy"].partition(";")[0].split()
    deployed.shown(*command[1:], "--yes")

    assert findings_of(deployed) == []


def test_outcomes_that_were_given_up_are_replayed_by_their_remedy(deployed: Deployed) -> None:
    moengage_refused_an_outcome(deployed)
    [found] = findings_of(deployed)
    assert "refused the reports with HTTP 404" in found["what"]

    command = found["remedy"].rpartition("then: ")[2].split()
    assert command[0] == "sms-bridge"
    deployed.shown(*command[1:])

    [left] = findings_of(deployed)
    # Somebody else's record.
    assert left["id"] == "outcome-dead-letters"
    assert len(deployed.queue("OutcomeQueue")) == 1


@pytest.mark.parametrize(
    ("reason", "why", "remedy"),
    [
        ("moengage_404", "HTTP 404, so the URL was wrong", "MoEngageConnectorId"),
        ("moengage_422", "MoEngage refused the reports with HTTP 422", "mapping"),
        ("moengage_503", "MoEngage answered HTTP 503 for nine hours", "wait"),
        ("moengage_unreachable", "MoEngage did not answer for nine hours", "wait"),
    ],
)
def test_why_outcomes_were_given_up_decides_what_to_do(
    deployed: Deployed, reason: str, why: str, remedy: str
) -> None:
    message = deployed.keep_over()
    deployed.messages.record_given_up(message.id, reason, message.accepted_at)

    [found] = findings_of(deployed)

    assert why in found["what"]
    assert remedy in found["remedy"].partition("; then: ")[0]


def test_looking_at_dead_letters_leaves_them_there(deployed: Deployed) -> None:
    deployed.put_into("SendDeadLetterQueue", "x", reason="unreadable")
    deployed.put_into("SendDeadLetterQueue", "y")

    assert [one["what"].rpartition("(")[2] for one in findings_of(deployed)] == [
        "unreadable)",
        "received_too_often)",
    ]

    assert sorted(one["Body"] for one in deployed.queue("SendDeadLetterQueue")) == ["x", "y"]


def test_with_a_callback_url_for_each_message_no_webhook_is_needed(deployed: Deployed) -> None:
    deployed.eightx8.webhooks.delete("*")
    deployed.environment["CALLBACK_BASE_URL"] = deployed.api_url

    assert findings_of(deployed) == []


# ------------------------------------------------------------------------- what only AWS itself has
@pytest.mark.parametrize("is_protected", [True, False])
def test_a_stack_that_one_command_deletes_is_warned_of(
    deployed: Deployed, is_protected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = deployed.stack
    monkeypatch.setattr(type(stack), "is_local", False)
    described = {**stack.description, "EnableTerminationProtection": is_protected}
    monkeypatch.setattr(type(stack), "description", described)

    ids = [one.id for one in check_deployment(stack)]

    assert ("termination-protection-off" in ids) is not is_protected


def test_a_stack_on_aws_without_alarms_is_warned_of(deployed: Deployed) -> None:
    deployed.alarms.clear()
    stack = deployed.stack
    assert list(check_alarms(stack)) == []

    deployed.monkeypatch.setattr(type(stack), "is_local", False)

    assert [one.id for one in check_alarms(stack)] == ["alarms-missing"]
