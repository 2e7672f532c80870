"""template.yaml against the code that it deploys."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from local.event_files import EVENTS, event_files
from local.event_files import logical_id as logical_id_of
from scripts.role_table import allowed, statements
from sms_bridge.api.authentication import callback_url
from sms_bridge.api.responses import refusal_of
from sms_bridge.domain.reconciliation import SECONDS_OF_PROOF
from sms_bridge.domain.reporting import WAITS
from sms_bridge.storage.aws import MAX_TRIES, READ_TIMEOUT
from sms_bridge.storage.table import INDEXES
from tests.functions import SETTINGS, variables_of
from tests.template.conftest import PROJECT, Template
from tests.template.evaluated import Evaluated

SETTINGS_OF = {logical_id_of(folder): settings for folder, settings in SETTINGS.items()}
FUNCTIONS = sorted([*SETTINGS_OF, "FillSecret", "RefuseRequest"])


class TestFunctions:
    def test_each_folder_is_a_function_and_has_events(self, template: Template) -> None:
        folders = {path.parent.name for path in (PROJECT / "functions").glob("*/app.py")}

        deployed = {name: properties["CodeUri"] for name, properties in template.functions.items()}

        assert deployed == {logical_id_of(folder): f"functions/{folder}/" for folder in folders}
        assert {file.function for file in event_files()} == folders
        assert set(deployed) == set(FUNCTIONS)

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_environment_is_what_the_function_reads(
        self, function: str, template: Template
    ) -> None:
        settings = SETTINGS_OF.get(function)

        assert set(template.variables(function)) == set(variables_of(settings) if settings else ())

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_what_a_function_needs_is_never_an_empty_parameter(
        self, function: str, template: Template
    ) -> None:
        settings = SETTINGS_OF.get(function)
        needed = variables_of(settings, required=True) if settings else ()

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
        assert set(file[function]) == declared, "run `make tables`"
        assert set(file) == set(template.functions)
        if settings := SETTINGS_OF.get(function):
            settings(file[function])

    def test_each_has_a_log_group_and_a_role_of_its_own(self, template: Template) -> None:
        groups = [one["LoggingConfig"]["LogGroup"]["Ref"] for one in template.functions.values()]
        roles = [one["Role"]["Fn::GetAtt"][0] for one in template.functions.values()]

        assert len(set(groups)) == len(set(roles)) == len(template.functions)
        for group in groups:
            properties = template.resources[group]["Properties"]
            assert properties["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert set(template.of_type("AWS::IAM::Role")) - {"CodeDeployRole"} == set(roles)

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_role_names_each_action_and_resource(self, function: str, template: Template) -> None:
        # That they are the ones the code needs: tests/handlers/test_permissions.py.
        actions_on = allowed(template.content, function)
        log_group = template.functions[function]["LoggingConfig"]["LogGroup"]["Ref"]

        assert "*" not in actions_on
        assert actions_on[log_group] == {"logs:CreateLogStream", "logs:PutLogEvents"}
        assert not [one for actions in actions_on.values() for one in actions if "*" in one]
        assert {name.partition("/")[0] for name in actions_on} <= set(template.resources)
        assert {one["Effect"] for one in statements(template.content, function)} == {"Allow"}

    def test_roles_are_for_lambda_alone_and_one_for_codedeploy(self, template: Template) -> None:
        for name, role in template.of_type("AWS::IAM::Role").items():
            service = "codedeploy" if name == "CodeDeployRole" else "lambda"
            [statement] = role["AssumeRolePolicyDocument"]["Statement"]
            assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}

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
            # What else 8x8 does with a message is not offered.
            allowed = {} if path.endswith("{umid}") else {"allow": method}
            assert refusal_of(re.sub(r"\{\w+\}", "x1", path)).headers == allowed, function

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
        assert not {"path", "http.path", "protocol", "authorizer", "domainName"} & logged
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

        # "At least six times the function's timeout, plus MaximumBatchingWindowInSeconds". Hardly
        # more than that either: a record whose function crashed is hidden for as long.
        hidden = template.resources[work.queue]["Properties"]["VisibilityTimeout"]
        assert 6 * timeout + window <= hidden <= 6 * timeout + 1

    def test_its_records_are_worked_off_in_batches_that_may_fail_in_part(
        self, work: Work, template: Template
    ) -> None:
        event = self.event(work, template)
        assert event["Queue"] == {"Fn::GetAtt": [work.queue, "Arn"]}
        assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        # Lambda asks for a window where a batch may have more than ten records.
        assert event["BatchSize"] <= 10 or event["MaximumBatchingWindowInSeconds"] >= 1
        # One log line measures all messages of a batch, and CloudWatch takes 100 values in one.
        assert event["BatchSize"] <= 100

    def test_it_is_emptied_by_a_limited_number_at_once_where_that_is_the_rate_limit(
        self, work: Work, template: Template
    ) -> None:
        scaling = self.event(work, template).get("ScalingConfig")

        # Elsewhere it would keep Lambda from polling an idle queue more seldom.
        expected = {"MaximumConcurrency": {"Ref": "DispatchConcurrency"}}
        assert scaling == (expected if work.function == "DispatchQueue" else None)
        limits = template.parameters["DispatchConcurrency"]
        assert (limits["MinValue"], limits["MaxValue"]) == (2, 1000)

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


def test_a_transactional_message_does_not_wait_for_others(template: Template) -> None:
    event = template.functions["DispatchQueue"]["Events"]["Transactional"]["Properties"]

    # At low traffic a batching window may last 20 seconds.
    assert "MaximumBatchingWindowInSeconds" not in event
    assert event["BatchSize"] == 10


def test_queues_and_secret_refuse_plain_http(template: Template) -> None:
    evaluated = Evaluated(template).resources
    queues = evaluated["QueuePolicy"]
    secret = evaluated["BridgeSecretPolicy"]

    assert {
        one["Ref"] for one in template.of_type("AWS::SQS::QueuePolicy")["QueuePolicy"]["Queues"]
    } == set(template.of_type("AWS::SQS::Queue"))
    for policy, service in (
        (queues["PolicyDocument"], "sqs"),
        (secret["ResourcePolicy"], "secretsmanager"),
    ):
        [statement] = policy["Statement"]
        assert statement == {
            "Effect": "Deny",
            "Principal": "*",
            "Action": f"{service}:*",
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }


class TestApiLimits:
    def test_a_stranger_cannot_have_more_answered_than_the_smallest_quota(
        self, template: Template
    ) -> None:
        api = Evaluated(template).resources["HttpApi"]

        # Of a new account in 13 regions: 2,500 requests a second and 1,250 at once.
        assert api["DefaultRouteSettings"] == {
            "ThrottlingRateLimit": 1000,
            "ThrottlingBurstLimit": 1000,
        }

    def test_what_no_campaign_needs_has_a_far_lower_limit(self, template: Template) -> None:
        evaluated = Evaluated(template)
        paths = (
            one["Properties"]["Path"]
            for one in evaluated.resources["LookUpMessage"]["Events"].values()
        )
        # A client of 8x8's API may ask for each message that it sends.
        routes = {f"GET {path}" for path in paths if path.startswith("/messages")}

        assert evaluated.resources["HttpApi"]["RouteSettings"] == {
            "$default": {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 10},
            **{key: {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100} for key in routes},
        }


class TestWhereCompaniesDeploy:
    GIVEN = {  # noqa: RUF012
        "SubnetIds": "subnet-0a1b,subnet-2c3d",
        "SecurityGroupIds": "sg-0e4f",
        "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
        "RolePath": "/bridges/",
    }

    def test_without_them_there_is_no_vpc_no_boundary_and_no_path(self, template: Template) -> None:
        resources = Evaluated(template).resources
        assert "CodeDeployRole" not in resources

        for name in template.functions:
            assert "VpcConfig" not in resources[name]
        for name in set(template.of_type("AWS::IAM::Role")) - {"CodeDeployRole"}:
            assert "PermissionsBoundary" not in resources[name]
            assert "ManagedPolicyArns" not in resources[name]
            assert resources[name]["Path"] == "/"

    def test_those_that_call_8x8_are_put_into_the_subnets(self, template: Template) -> None:
        resources = Evaluated(template, self.GIVEN).resources

        calling = {
            name for name in template.functions if "EIGHTX8_BASE_URL" in template.variables(name)
        }
        inside = {name for name in template.functions if "VpcConfig" in resources[name]}
        assert inside == calling
        for name in inside:
            assert resources[name]["VpcConfig"] == {
                "SubnetIds": ["subnet-0a1b", "subnet-2c3d"],
                "SecurityGroupIds": ["sg-0e4f"],
            }
            assert resources[f"{name}Role"]["ManagedPolicyArns"] == [
                "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
            ]

    def test_every_role_has_the_boundary_and_the_path(self, template: Template) -> None:
        gradual = {"DeploymentPreference": "Canary10Percent5Minutes"}
        resources = Evaluated(template, {**self.GIVEN, **gradual}).resources

        for name in template.of_type("AWS::IAM::Role"):
            assert resources[name]["PermissionsBoundary"] == self.GIVEN["PermissionsBoundaryArn"]
            assert resources[name]["Path"] == "/bridges/"

    @pytest.mark.parametrize("alone", ["SubnetIds", "SecurityGroupIds"])
    def test_subnets_and_security_groups_go_together(self, alone: str, template: Template) -> None:
        [complaint] = Evaluated(template, {alone: self.GIVEN[alone]}).complaints

        assert alone in complaint


def test_two_stacks_do_not_share_a_layer(template: Template) -> None:
    [layer] = template.of_type("AWS::Serverless::LayerVersion").values()

    assert "${AWS::StackName}" in layer["LayerName"]["Fn::Sub"]


class TestSecret:
    def test_it_outlives_the_stack_as_the_table_does(self, template: Template) -> None:
        # Without its hashKey nobody could read the table's opt-outs.
        for name in ("BridgeSecret", "MessagesTable"):
            resource = template.resources[name]
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
            assert resource["UpdateReplacePolicy"] == "Retain"

    def test_what_generates_it_is_never_edited(self, template: Template) -> None:
        # Any change has all of it generated anew, without the keys and tokens put in since.
        assert template.resources["BridgeSecret"]["Properties"]["GenerateSecretString"] == {
            "SecretStringTemplate": '{"eightx8ApiKey": ""}',
            "GenerateStringKey": "hashKey",
            "PasswordLength": 48,
            "ExcludePunctuation": True,
        }


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

    def test_the_log_has_time_to_prove_something(self, template: Template) -> None:
        shortest = template.parameters["UnresolvedTimeoutSeconds"]["MinValue"]

        assert shortest > max(SECONDS_OF_PROOF.values())

    def test_records_outlive_all_timeouts(self, template: Template) -> None:
        limits = template.parameters
        timeouts = (
            limits["ReceiptTimeoutSeconds"]["Default"]
            + limits["UnresolvedTimeoutSeconds"]["Default"]
        )

        assert limits["RetentionDays"]["MinValue"] * 86_400 > timeouts


class TestTable:
    def test_records_are_backed_up_and_expire_by_themselves(self, template: Template) -> None:
        properties = template.resources["MessagesTable"]["Properties"]

        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }
        # DynamoDB's own key: KMS's is charged for each call.
        assert "SSESpecification" not in properties
        # Names from sms_bridge.storage.
        assert properties["TimeToLiveSpecification"] == {
            "AttributeName": "expires_at",
            "Enabled": True,
        }
        assert properties["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]

    def test_the_index_holds_the_open_messages_by_their_age(self, template: Template) -> None:
        indexes = template.resources["MessagesTable"]["Properties"]["GlobalSecondaryIndexes"]

        assert [one["IndexName"] for one in indexes] == list(INDEXES)
        assert [one["KeySchema"] for one in indexes] == [
            [
                {"AttributeName": attribute, "KeyType": "HASH"},
                {"AttributeName": "accepted_at", "KeyType": "RANGE"},
            ]
            for attribute in INDEXES.values()
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
