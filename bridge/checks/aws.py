"""Is the stack there, does it run as it was deployed, and would anybody wake up?"""

import json
import shlex
from collections.abc import Iterator
from os.path import commonprefix

from bridge.checks import Finding, ok, problem, warning
from bridge.queues import QUEUES
from bridge.stack import FUNCTIONS, Stack, variable_of
from sms_bridge.domain.opt_out import Keyword, keyword_of, keywords_of
from sms_bridge.settings import SettingsError, unescaped

_DEPLOY = "make deploy brings back what the stack says"
_RESOURCES = ("HttpApi", "MessagesTable", "BridgeSecret", *FUNCTIONS, *QUEUES)
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
# The stack is as it was before the update.
_USABLE = ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
_CONSUMERS = {
    "TransactionalQueue": "DispatchQueue",
    "PromotionalQueue": "DispatchQueue",
    "OutcomeQueue": "ForwardOutcome",
}
_KEYWORDS = {
    "OptOutKeywords": Keyword.STOP,
    "OptInKeywords": Keyword.START,
    "HelpKeywords": Keyword.HELP,
}
_RECEIVING = ("Enabled", "Enabling", "Updating", "Creating")


def check_deployment(stack: Stack) -> Iterator[Finding]:
    status = stack.description["StackStatus"]
    missing = [name for name in _RESOURCES if name not in stack.resources]
    see = "see the stack's events in CloudFormation's console, then: make deploy"
    if missing:
        yield problem(
            "stack-incomplete",
            f"{stack.name} is no complete SMS bridge: it has no {', '.join(missing)}",
            "name the right one with --stack, or deploy it: make deploy",
        )
    elif status in _GOOD:
        yield ok("stack", f"{stack.name} is deployed ({status})")
    elif status in _USABLE:
        what = f"the last update of {stack.name} is not finished or failed ({status})"
        yield warning("stack-update-failed", what, see)
    else:
        yield problem("stack-broken", f"{stack.name} is not deployed properly ({status})", see)
    if not (stack.is_local or stack.description.get("EnableTerminationProtection")):
        yield warning(
            "termination-protection-off",
            "one command deletes the stack, and its URLs with it",
            "aws cloudformation update-termination-protection --enable-termination-protection "
            f"--stack-name {stack.name}",
        )


def check_environments(stack: Stack) -> Iterator[Finding]:
    """Read each function's variables as the function does, and compare them to the stack."""
    broken = False
    for function, settings in FUNCTIONS.items():
        try:
            settings(stack.environment_of(function))
        except SettingsError as error:
            broken = True
            yield problem("environment-broken", f"{function} cannot start: {error}", _DEPLOY)
    drifted: dict[str, list[str]] = {}
    for function, name in stack.drift():
        drifted.setdefault(name, []).append(function)
    for name, functions in drifted.items():
        yield problem(
            "environment-drift",
            f"{name} of {', '.join(functions)} is not what the stack says: changed by hand",
            _DEPLOY,
        )
    if not (broken or drifted):
        yield ok("environments", "the functions run with what the stack says")


def check_running(stack: Stack) -> Iterator[Finding]:
    """See whether functions, queues and schedule run, and logs are kept."""
    client = stack.aws.client("lambda")
    for name in FUNCTIONS:
        function = stack.resource(name)
        reserved = client.get_function_concurrency(FunctionName=function).get(
            "ReservedConcurrentExecutions"
        )
        remove = f"aws lambda delete-function-concurrency --function-name {function}"
        if reserved == 0:
            yield problem("function-stopped", f"{name} is stopped: reserved concurrency 0", remove)
        elif reserved:
            what = f"{name} is limited to {reserved} calls at once by hand"
            yield warning("function-limited", what, remove)
    yield from _check_consumers(stack)
    yield from _check_queues(stack)
    for rule in stack.ids_of("AWS::Events::Rule").values():
        name = rule.rpartition("|")[2]
        if stack.aws.client("events").describe_rule(Name=name).get("State") != "ENABLED":
            yield problem(
                "reconcile-disabled",
                "the schedule of Reconcile is disabled: what gets stuck stays stuck",
                f"aws events enable-rule --name {name}",
            )
    yield from _check_logs(stack)
    yield ok("running", "functions, queues and schedule were looked at")


def check_outbound_address(stack: Stack) -> Iterator[Finding]:
    """Say from which addresses 8x8 is called where the functions are in a VPC."""
    subnets = [one for one in stack.parameters.get("SubnetIds", "").split(",") if one]
    if not subnets:
        return
    joined = [{"Name": "association.subnet-id", "Values": subnets}]
    nat = "RouteTables[].Routes[] | [?DestinationCidrBlock == '0.0.0.0/0'].NatGatewayId"
    gateways = sorted(set(stack.listed("ec2", "describe_route_tables", nat, Filters=joined)))
    what = "the address that 8x8 sees cannot be told: SubnetIds have no route to a NAT gateway"
    # Without ids AWS would list those of others.
    if gateways:
        public = "NatGateways[].NatGatewayAddresses[].PublicIp"
        found = stack.listed("ec2", "describe_nat_gateways", public, NatGatewayIds=gateways)
        if addresses := ", ".join(sorted(found)):
            what = f"8x8 sees {addresses}, which its list of addresses has to hold"
    yield ok("outbound-address", what)


def _check_consumers(stack: Stack) -> Iterator[Finding]:
    for queue, function in _CONSUMERS.items():
        mappings = stack.aws.client("lambda").list_event_source_mappings(
            EventSourceArn=stack.queues[queue]["QueueArn"]
        )["EventSourceMappings"]
        if any(one["State"] in _RECEIVING for one in mappings):
            continue
        uuid = mappings[0]["UUID"] if mappings else ""
        yield problem(
            "queue-not-consumed",
            f"{queue} is not worked on: {function} does not receive from it",
            f"aws lambda update-event-source-mapping --enabled --uuid {uuid}" if uuid else _DEPLOY,
        )


def _check_queues(stack: Stack) -> Iterator[Finding]:
    """Compare what decides over a queue's records to the template."""
    for name, one in stack.template.get("Resources", {}).items():
        if one["Type"] != "AWS::SQS::Queue":
            continue
        attributes, properties = stack.queues[name], one["Properties"]
        said = {
            key: str(properties[key])
            for key in ("VisibilityTimeout", "MessageRetentionPeriod")
            if key in properties
        }
        if policy := properties.get("RedrivePolicy"):
            dead_letters = stack.resource(policy["deadLetterTargetArn"]["Fn::GetAtt"][0])
            target = (
                f"{attributes['QueueArn'].rpartition(':')[0]}:{dead_letters.rpartition('/')[2]}"
            )
            said["RedrivePolicy"] = json.dumps({**policy, "deadLetterTargetArn": target})
        changed = {
            key: value
            for key, value in said.items()
            # The policy is JSON with numbers in either form.
            if json.loads(attributes.get(key, "null"), parse_int=str)
            != json.loads(value, parse_int=str)
        }
        if changed:
            yield problem(
                "queue-drift",
                f"{', '.join(changed)} of {name} is not what the stack says: changed by hand",
                f"aws sqs set-queue-attributes --queue-url {stack.resource(name)} "
                f"--attributes {shlex.quote(json.dumps(changed))}",
            )


def _check_logs(stack: Stack) -> Iterator[Finding]:
    days = stack.parameters.get("LogRetentionDays", "")
    groups = stack.ids_of("AWS::Logs::LogGroup")
    # CloudFormation's names begin with the stack's.
    prefix = commonprefix(list(groups.values()))  # noqa: RUF071 - no paths
    what = "logGroups[].[logGroupName, retentionInDays || 'for ever']"
    found = dict(stack.listed("logs", "describe_log_groups", what, logGroupNamePrefix=prefix))
    for name, group in groups.items():
        kept = found.get(group)
        if kept is None:
            yield warning("log-group-missing", f"{name} was deleted: nothing is logged", _DEPLOY)
        elif days and str(kept) != days:
            yield warning(
                "log-retention-drift",
                f"{name} keeps lines {kept}, not {days} days",
                f"aws logs put-retention-policy --log-group-name {group} "
                f"--retention-in-days {days}",
            )


def check_opt_outs(stack: Stack) -> Iterator[Finding]:
    """See whether each keyword does what it is there for, and whether replies are true."""
    environment = stack.environment_of("ReceiveCallback")
    listed = [unescaped(environment.get(variable_of(one), "")).split(",") for one in _KEYWORDS]
    words = [[one.strip() for one in few if one.strip()] for few in listed]
    keywords = keywords_of(*words)
    for (parameter, keyword), few in zip(_KEYWORDS.items(), words, strict=True):
        bad = [
            one for one in few if keyword_of(one, keywords) is not keyword or not one.strip("? ")
        ]
        if bad:
            yield warning(
                "keyword-never-matches",
                f"{parameter} has keywords that never do what they are for: {', '.join(bad)}",
                f"leave them out, or write them anew: sms-bridge parameters set {parameter}=...",
            )
    if environment.get("OPT_OUT_REPLY") and not stack.sending.get("OPT_OUT_MESSAGE_TYPES"):
        yield warning(
            "reply-untrue",
            "OptOutReply confirms opt-outs, which keep nothing back: OptOutMessageTypes is empty",
            "sms-bridge parameters set OptOutMessageTypes=promotional, or OptOutReply=",
        )


def check_alarms(stack: Stack) -> Iterator[Finding]:
    """See whether the stack's alarms reach somebody, and what they say now."""
    names = list(stack.ids_of("AWS::CloudWatch::Alarm").values())
    if not names:
        if not stack.is_local:
            yield warning(
                "alarms-missing",
                "this stack has no alarms: nobody notices when messages stop",
                "sms-bridge parameters set Monitoring=basic",
            )
        return
    # There are 24 at most, and CloudWatch takes 100 names.
    which = {"AlarmNames": names, "AlarmTypes": ["MetricAlarm"]}
    alarms = list(stack.listed("cloudwatch", "describe_alarms", "MetricAlarms[]", **which))
    raised = [one for one in alarms if one.get("StateValue") == "ALARM"]
    for one in raised:
        text = one.get("AlarmDescription") or "see docs/runbook.md"
        yield problem("alarm-raised", f"the alarm {one['AlarmName']} is raised", text)
    silent = sum(
        not (one.get("ActionsEnabled", True) and one.get("AlarmActions")) for one in alarms
    )
    if silent:
        yield warning(
            "alarms-silent",
            f"{silent} of {len(names)} alarms reach nobody",
            "sms-bridge parameters set AlarmTopicArn=ARN, with the ARN of an SNS topic",
        )
    for topic in sorted({topic for one in alarms for topic in one.get("AlarmActions", [])}):
        if ":sns:" in topic:
            yield from _check_topic(topic, stack)
    if not (silent or raised):
        yield ok("alarms", f"all {len(names)} are wired and none is raised")


def _check_topic(arn: str, stack: Stack) -> Iterator[Finding]:
    attributes = stack.aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    if attributes.get("KmsMasterKeyId", "").endswith("alias/aws/sns"):
        yield problem(
            "alarm-topic-key",
            "the alarms' SNS topic is encrypted under the AWS-managed key, with which CloudWatch "
            "cannot publish: no alarm arrives",
            "give the topic a key of your own that lets cloudwatch.amazonaws.com use it, or none",
        )
    elif attributes.get("SubscriptionsConfirmed") == "0":
        yield problem(
            "alarm-topic-without-subscribers",
            "nobody is subscribed to the alarms' SNS topic",
            f"aws sns subscribe --protocol email --notification-endpoint ADDRESS --topic-arn {arn}",
        )
