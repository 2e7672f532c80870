"""template.yaml against the code that it deploys."""

import json
import re
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

import pytest

from local.event_files import EVENTS, event_files
from local.event_files import logical_id as logical_id_of
from sms_bridge.api.callback import callback_url
from sms_bridge.api.responses import methods_of
from sms_bridge.domain.outcome import WAITS
from sms_bridge.domain.reconciliation import SECONDS_OF_PROOF
from sms_bridge.settings import (
    CallbackSettings,
    DispatchSettings,
    ForwardSettings,
    LookUpSettings,
    ReconcileSettings,
    SendSettings,
    read_settings,
)
from sms_bridge.storage.aws_calls import MAX_TRIES, READ_TIMEOUT
from tests.fakes.aws import INDEXES
from tests.template.conftest import PROJECT, Template
from tests.template.evaluated import Evaluated

SETTINGS: dict[str, Any] = {
    "SendSms": SendSettings,
    "DispatchQueue": DispatchSettings,
    "ReceiveCallback": CallbackSettings,
    "ForwardOutcome": ForwardSettings,
    "Reconcile": ReconcileSettings,
    "LookUpMessage": LookUpSettings,
    "FillSecret": None,
    "RefuseRequest": None,
}

FUNCTIONS = sorted(SETTINGS)


class TestFunctions:
    def test_each_folder_is_a_function_and_has_events(self, template: Template) -> None:
        folders = {path.parent.name for path in (PROJECT / "functions").glob("*/app.py")}

        deployed = {name: properties["CodeUri"] for name, properties in template.functions.items()}

        assert deployed == {logical_id_of(folder): f"functions/{folder}/" for folder in folders}
        assert {file.function for file in event_files()} == folders
        assert set(deployed) == set(SETTINGS)

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_environment_is_what_the_function_reads(
        self, function: str, template: Template
    ) -> None:
        settings: tuple[Field[Any], ...] = fields(SETTINGS[function]) if SETTINGS[function] else ()

        assert set(template.variables(function)) == {one.name.upper() for one in settings}

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_what_a_function_needs_is_never_an_empty_parameter(
        self, function: str, template: Template
    ) -> None:
        settings: tuple[Field[Any], ...] = fields(SETTINGS[function]) if SETTINGS[function] else ()
        needed = {one.name.upper() for one in settings if one.default is MISSING}

        for name, value in template.variables(function).items():
            parameter = value.get("Ref") if isinstance(value, dict) else None
            if name in needed and parameter in template.parameters:
                assert template.parameters[parameter].get("Default", "") != ""

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_environment_file_for_sam_local_is_complete(
        self, function: str, template: Template
    ) -> None:
        file: dict[str, dict[str, str]] = json.loads((EVENTS / "environment.json").read_text())

        # SAM passes on only what the template declares, and each function reads only its own.
        declared = {*template.shared_variables, *template.variables(function)}
        assert set(file[function]) == declared
        assert set(file) == set(template.functions)
        if SETTINGS[function]:
            read_settings(SETTINGS[function], file[function])

    def test_each_has_a_log_group_and_a_role_of_its_own(self, template: Template) -> None:
        groups = [one["LoggingConfig"]["LogGroup"]["Ref"] for one in template.functions.values()]
        roles = [one["Role"]["Fn::GetAtt"][0] for one in template.functions.values()]

        assert len(set(groups)) == len(set(roles)) == len(template.functions)
        for group in groups:
            properties = template.resources[group]["Properties"]
            assert properties["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert set(template.of_type("AWS::IAM::Role")) == set(roles)

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_role_names_each_action_and_resource(self, function: str, template: Template) -> None:
        # That they are the ones the code needs: tests/handlers/test_permissions.py.
        allowed = template.allowed(function)
        log_group = template.functions[function]["LoggingConfig"]["LogGroup"]["Ref"]

        assert allowed.pop("*") == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
        assert allowed[log_group] == {"logs:CreateLogStream", "logs:PutLogEvents"}
        assert [action for actions in allowed.values() for action in actions if "*" in action] == []
        assert {name.partition("/")[0] for name in allowed} <= set(template.resources)
        assert {one["Effect"] for one in template.statements(function)} == {"Allow"}

    def test_roles_are_for_lambda_alone(self, template: Template) -> None:
        for role in template.of_type("AWS::IAM::Role").values():
            [statement] = role["AssumeRolePolicyDocument"]["Statement"]
            assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}

    def test_runtime_is_that_of_the_layer_and_of_its_makefile(self, template: Template) -> None:
        [layer] = template.of_type("AWS::Serverless::LayerVersion").values()
        runtimes = {one["Runtime"] for one in template.functions.values()}

        assert [*runtimes] == layer["CompatibleRuntimes"] == ["python3.13"]
        assert "python3.13 -m pip" in (PROJECT / "layers/Makefile").read_text()


class TestHttpApi:
    def test_routes_are_those_that_the_code_knows(self, template: Template) -> None:
        routes = routes_of(template)

        assert routes.pop(("$default", "$default")) == "RefuseRequest"
        for (method, path), function in routes.items():
            example = re.sub(r"\{\w+\}", "x1", path)
            assert methods_of(example) == (method,), function
        code = (PROJECT / "layers/sms_bridge/api/responses.py").read_text()
        assert len(re.findall(r"re\.compile\(", code)) == len(routes)

    def test_the_callback_url_that_8x8_gets_leads_to_its_function(self, template: Template) -> None:
        url = callback_url("https://sms.example.com", ("token",))
        path = url.removeprefix("https://sms.example.com").partition("?")[0]

        assert routes_of(template)["POST", path] == "ReceiveCallback"

    def test_events_come_along_the_routes(self, template: Template) -> None:
        functions = {
            "$default" if method == "$default" else f"{method} {path}": function
            for (method, path), function in routes_of(template).items()
        }

        for file in event_files():
            if "routeKey" in file.event:
                assert functions[file.event["routeKey"]] == file.logical_id, file.name

    def test_outputs_are_the_routes_urls(self, template: Template) -> None:
        outputs = Evaluated(template, {"SubAccountIds": "acme,acme_otp"}).outputs
        host = "https://<HttpApi>.execute-api.eu-central-1.amazonaws.com"

        routes = routes_of(template)
        for name, method, function in (
            ("SendUrl", "POST", "SendSms"),
            ("CallbackUrl", "POST", "ReceiveCallback"),
        ):
            path = outputs[name].removeprefix(host)
            assert routes[method, path.replace("/acme/", "/{subAccountId}/")] == function
        look_up = outputs["LookUpUrl"].removeprefix(host) + "{messageId}"
        assert routes["GET", look_up] == "LookUpMessage"

    def test_access_log_holds_neither_url_nor_header(self, template: Template) -> None:
        log_format = template.resources["HttpApi"]["Properties"]["AccessLogSettings"]["Format"]

        logged = set(re.findall(r"\$context\.([\w.]+)", log_format))
        assert not {"path", "protocol", "authorizer", "domainName"} & logged
        assert json.loads(log_format).keys() >= {"requestId", "route", "status", "sourceIp"}


@dataclass(frozen=True)
class Work:
    """A queue, where its letters end that nobody can work on, and the event that empties it."""

    queue: str
    dead_letters: str
    function: str
    event: str


WORK = (
    Work("TransactionalQueue", "SendDeadLetterQueue", "DispatchQueue", "Transactional"),
    Work("PromotionalQueue", "SendDeadLetterQueue", "DispatchQueue", "Promotional"),
    Work("OutcomeQueue", "OutcomeDeadLetterQueue", "ForwardOutcome", "Outcomes"),
)


def test_every_queue_that_a_function_empties_is_looked_at(template: Template) -> None:
    emptied = {
        event["Properties"]["Queue"]["Fn::GetAtt"][0]
        for function in template.functions.values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "SQS"
    }

    assert emptied == {work.queue for work in WORK}


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.queue)
class TestQueues:
    def test_a_record_stays_hidden_for_as_long_as_lambda_asks_for(
        self, work: Work, template: Template
    ) -> None:
        timeout = template.functions[work.function]["Timeout"]
        window = self.event(work, template).get("MaximumBatchingWindowInSeconds", 0)

        # "At least six times the function's timeout, plus MaximumBatchingWindowInSeconds". No more
        # than that either: a record whose function crashed is hidden for as long.
        hidden = template.resources[work.queue]["Properties"]["VisibilityTimeout"]
        assert hidden == 6 * timeout + window

    def test_its_records_are_worked_off_in_batches_that_may_fail_in_part(
        self, work: Work, template: Template
    ) -> None:
        event = self.event(work, template)
        batch_size = event["BatchSize"]
        if isinstance(batch_size, dict):
            batch_size = template.parameters[batch_size["Ref"]]["MaxValue"]

        assert event["Queue"] == {"Fn::GetAtt": [work.queue, "Arn"]}
        assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        # Lambda asks for a window where a batch may have more than ten records.
        assert batch_size <= 10 or event["MaximumBatchingWindowInSeconds"] >= 1

    def test_it_is_worked_off_by_so_many_at_once_as_lambda_allows(
        self, work: Work, template: Template
    ) -> None:
        most = self.event(work, template)["ScalingConfig"]["MaximumConcurrency"]
        limits = template.parameters[most["Ref"]] if isinstance(most, dict) else {}

        assert 2 <= limits.get("MinValue", most) <= limits.get("MaxValue", most) <= 1000

    def test_waiting_uses_up_no_record(self, work: Work, template: Template) -> None:
        redrive = template.resources[work.queue]["Properties"]["RedrivePolicy"]

        # The most that SQS allows. The functions bury what fails for good, with the reason.
        assert redrive["maxReceiveCount"] == 1000
        assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [work.dead_letters, "Arn"]}

    def test_dead_letters_are_kept_as_long_as_sqs_can(self, work: Work, template: Template) -> None:
        letters = template.resources[work.dead_letters]["Properties"]

        assert letters["MessageRetentionPeriod"] == 14 * 86_400
        assert "RedrivePolicy" not in letters

    def test_both_are_encrypted(self, work: Work, template: Template) -> None:
        for name in (work.queue, work.dead_letters):
            assert template.resources[name]["Properties"]["SqsManagedSseEnabled"] is True

    def event(self, work: Work, template: Template) -> dict[str, Any]:
        event = template.functions[work.function]["Events"][work.event]
        assert event["Type"] == "SQS"
        properties: dict[str, Any] = event["Properties"]
        return properties


class TestTimes:
    def test_the_send_queues_outlive_every_message(self, template: Template) -> None:
        longest = max(
            template.parameters[f"{kind}SecondsToLive"]["MaxValue"]
            for kind in ("Transactional", "Promotional")
        )

        for name in ("TransactionalQueue", "PromotionalQueue"):
            assert template.resources[name]["Properties"]["MessageRetentionPeriod"] > longest

    def test_the_outcome_queue_outlives_all_waits(self, template: Template) -> None:
        queue = template.resources["OutcomeQueue"]["Properties"]

        assert queue["MessageRetentionPeriod"] > 10 * sum(WAITS)

    def test_a_batch_fits_into_the_timeout_while_moengage_is_silent(
        self, template: Template
    ) -> None:
        function = template.functions["ForwardOutcome"]
        to_tell = 1.0 + 4.0  # to connect, and to wait for an answer
        around_it = 4 * MAX_TRIES * READ_TIMEOUT  # to read, to hold, to record, to hide

        # The records of a batch are worked on side by side.
        assert to_tell + around_it < function["Timeout"]

    def test_a_run_of_reconcile_ends_before_the_next_begins(self, template: Template) -> None:
        function = template.functions["Reconcile"]
        event = function["Events"]["EveryFiveMinutes"]

        assert event["Type"] == "Schedule"
        assert event["Properties"]["Schedule"] == "rate(5 minutes)"
        assert event["Properties"]["RetryPolicy"] == {"MaximumRetryAttempts": 0}
        assert function["EventInvokeConfig"] == {"MaximumRetryAttempts": 0}
        assert function["Timeout"] < 5 * 60

    def test_no_message_is_proven_absent_that_may_still_be_sent(self, template: Template) -> None:
        for function in ("SendSms", "DispatchQueue"):
            assert template.functions[function]["Timeout"] < min(SECONDS_OF_PROOF.values())

    def test_records_outlive_all_patience(self, template: Template) -> None:
        limits = template.parameters
        timeouts = (
            limits["ReceiptTimeoutSeconds"]["Default"]
            + limits["UnresolvedTimeoutSeconds"]["Default"]
        )

        assert limits["RetentionDays"]["MinValue"] * 86_400 > timeouts


class TestTable:
    def test_records_survive_the_stack_and_expire_by_themselves(self, template: Template) -> None:
        table = template.resources["MessagesTable"]
        properties = table["Properties"]

        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }
        assert properties["SSESpecification"] == {"SSEEnabled": True}
        # Names from sms_bridge.storage.
        assert properties["TimeToLiveSpecification"] == {
            "AttributeName": "expires_at",
            "Enabled": True,
        }
        assert properties["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]

    def test_the_index_holds_the_open_messages_by_their_age(self, template: Template) -> None:
        indexes = template.resources["MessagesTable"]["Properties"]["GlobalSecondaryIndexes"]

        assert [one["IndexName"] for one in indexes] == [index.name for index in INDEXES]
        assert [one["KeySchema"] for one in indexes] == [
            [
                {"AttributeName": index.attribute, "KeyType": "HASH"},
                {"AttributeName": "accepted_at", "KeyType": "RANGE"},
            ]
            for index in INDEXES
        ]
        assert {one["Projection"]["ProjectionType"] for one in indexes} == {"KEYS_ONLY"}


def routes_of(template: Template) -> dict[tuple[str, str], str]:
    """Return which function takes which method and path."""
    return {
        (
            event["Properties"].get("Method", "$default"),
            event["Properties"].get("Path", "$default"),
        ): name
        for name, properties in template.functions.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }
