"""What a person who deploys is asked, and what is refused before anything is created."""

import re
from enum import StrEnum
from typing import Any

import pytest

from scripts.parameter_table import with_tables
from sms_bridge.domain.attempt import AmbiguousSendPolicy
from sms_bridge.domain.message import MessageType
from sms_bridge.domain.opt_out import Identifier, OptOutScope
from sms_bridge.settings import AbsentPolicy, DispatchMode, MissingReceiptPolicy, UnresolvedPolicy
from tests.template.conftest import PROJECT, Template

REPLIES = [
    "",
    'Acme: "STOP" ends it, {START} [begins] it. 50% off? a@b.c $~^|`#',
    r"\u4f60\u5df2\u9000\u8ba2 OK",
    "x" * 320,
    r"\ud83d\ude42" * 160,
]
NO_REPLIES = ["Adiós", "x" * 321, "one\ntwo", "C:\\temp", "\\u12", "\\"]

ACCEPTED = {
    "SubAccountIds": ["acme", "Acme_Transactional", "a-b.c&d", "x" * 50],
    "DefaultSenderId": ["", "Acme", "Acme Shop", "+6591234567", "1234567890123456", "Grüße"],
    "MoEngageConnectorId": ["", "64a0_b-C"],
    "AllowedCountryCallingCodes": ["", "65", "65,62", "1684,7"],
    "TransactionalSubAccountIds": ["", "acme", "Acme_Transactional,a-b.c&d", "x" * 50],
    "OptOutKeywords": ["STOP", "STOP,UNSUBSCRIBE", "STOP,停止,Нет больше"],
    "OptInKeywords": ["START", "START,YES PLEASE"],
    "HelpKeywords": ["HELP", "HELP,INFO", r"HELP,\u5e2e\u52a9"],
    **dict.fromkeys(("OptOutReply", "OptInReply", "HelpReply"), REPLIES),
    "MoEngageInboundEvent": ["", "SMS Reply", "sms_reply-2", "x" * 50],
    "MoEngageWorkspaceId": ["", "7VF2OJGPL3ZWB0S5Q9T1CAXE", "ABC_DEBUG"],
    "CallbackAllowList": ["off", "8x8", "203.0.113.0/24", "203.0.113.7,2001:db8::/32"],
    "CallbackBaseUrl": ["", "domain", "https://sms.example.com"],
    "CallerCallbackHosts": ["", "hooks.example.com", "a.example.com,b.example.com"],
    "MoEngageBaseUrl": ["", "https://api-101.moengage.com", "http://127.0.0.1:8081"],
    "SubnetIds": ["", "subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d,subnet-0a1b2c3e"],
    "SecurityGroupIds": ["", "sg-0a1b2c3d4e5f60718", "sg-0a1b2c3d,sg-0a1b2c3e"],
    "PermissionsBoundaryArn": ["", "arn:aws:iam::123456789012:policy/teams/boundary"],
    "RolePath": ["/", "/teams/", "/teams/messaging/"],
    "EightX8BaseUrl": ["", "https://sms.8x8.com", "http://127.0.0.1:8080"],
    "AlarmTopicArn": ["", "arn:aws:sns:eu-west-1:123456789012:on-call"],
    "DomainName": ["", "sms.example.com", "a.b-c.xn--p1ai"],
    "CertificateArn": ["", "arn:aws:acm:eu-west-1:123456789012:certificate/4f1c0d3e-9a"],
    "HostedZoneId": ["", "Z0123456789ABCDEFGHIJ"],
    "RunbookUrl": ["", "https://wiki.example.com/sms"],
}
REFUSED = {
    "SubAccountIds": ["", "ab", "x" * 51, "acme notifications", "acme/other", "acmé"],
    "DefaultSenderId": ["TwelveLetter", "12345678901234567", 'Ac"me', "Ac\\me"],
    "MoEngageConnectorId": ["abc/def", "https://api-01.moengage.com/x", "a b"],
    "AllowedCountryCallingCodes": ["+65", "65, 62", "65,", "065", "SG"],
    "TransactionalSubAccountIds": ["ab", "acme,", "acme, other", "acme/other", "x" * 51],
    "OptOutKeywords": ["", "STOP,", ",STOP", "STOP,,END", "STOP, END"],
    "OptInKeywords": ["", " START"],
    "HelpKeywords": ["", "HELP,"],
    **dict.fromkeys(("OptOutReply", "OptInReply", "HelpReply"), NO_REPLIES),
    "MoEngageInboundEvent": ["moe_reply", "2nd", "x" * 51, "réponse", "a.b", '"'],
    "AlarmTopicArn": ["on-call", "arn:aws:sqs:eu-west-1:123456789012:q"],
    "RunbookUrl": [
        *("docs/runbook.md", "https://a b", "https://x/#y"),
        # It stands in the dashboard's JSON, and in descriptions of 1,024 characters.
        *('https://x/"y', "https://x/\\y", "https://" + "x" * 501),
    ],
    "MoEngageWorkspaceId": ["a b", "abc/def", "https://api-01.moengage.com"],
    "CallbackAllowList": ["", "on", "8x8,203.0.113.7", "203.0.113.0/24, 203.0.114.0/24"],
    "DomainName": ["example", "https://sms.example.com", "sms.example.com/", "SMS.example.com"],
    "CertificateArn": ["4f1c0d3e-9a", "arn:aws:iam::123456789012:server-certificate/x"],
    "HostedZoneId": ["example.com", "/hostedzone/Z0123456789ABC"],
    "CallbackBaseUrl": [
        *("sms.example.com", "https://sms.example.com/", "https://sms.example.com?a"),
        "http://sms.example.com",
    ],
    "CallerCallbackHosts": ["https://a.example.com", "a.example.com, b.example.com", "*"],
    "MoEngageBaseUrl": ["api-01.moengage.com", "https://a b", "https://api-01.moengage.com/"],
    "SubnetIds": ["sg-0a1b", "subnet-0a1b, subnet-0a1c", "subnet-"],
    "SecurityGroupIds": ["subnet-0a1b", "sg-0a1b,"],
    "PermissionsBoundaryArn": ["boundary", "arn:aws:iam::123456789012:role/x"],
    "RolePath": ["", "teams", "/teams"],
    "EightX8BaseUrl": ["sms.8x8.com", "https://sms.8x8.com/"],
}

# What is chosen from a list: the template's values are those of the code.
CHOSEN: dict[str, type[StrEnum]] = {
    "DispatchMode": DispatchMode,
    "AmbiguousSendPolicy": AmbiguousSendPolicy,
    "AbsentMessagePolicy": AbsentPolicy,
    "UnresolvedMessagePolicy": UnresolvedPolicy,
    "MissingReceiptPolicy": MissingReceiptPolicy,
    "MoEngageIdentifier": Identifier,
    "OptOutScope": OptOutScope,
}

# 8x8's documentation, October 2025.
REGIONS = {
    "asia-pacific": ("https://sms.8x8.com", 3),
    "north-america": ("https://sms.us.8x8.com", 3),
    "europe": ("https://sms.8x8.uk", 4),
    "indonesia": ("https://sms.8x8.id", 4),
}


def matches(parameter: dict[str, Any], value: str) -> bool:
    """Judge as CloudFormation does: the whole value, and each part of a list."""
    return re.fullmatch(parameter["AllowedPattern"], value) is not None


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, values in table.items() for value in values]


class TestParameters:
    def test_each_is_described(self, template: Template) -> None:
        for name, parameter in template.parameters.items():
            assert len(parameter["Description"]) > 10, name

    def test_each_but_the_sub_accounts_has_a_default(self, template: Template) -> None:
        without = [
            name for name, parameter in template.parameters.items() if "Default" not in parameter
        ]

        assert without == ["SubAccountIds"]
        # So `sam deploy --guided` asks for it first.
        assert next(iter(template.parameters)) == "SubAccountIds"

    def test_each_is_constrained(self, template: Template) -> None:
        free = [
            name
            for name, parameter in template.parameters.items()
            if not {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys()
        ]

        assert free == ["AwsEndpointUrl"]

    def test_each_default_is_allowed(self, template: Template) -> None:
        for name, parameter in template.parameters.items():
            if "Default" not in parameter:
                continue
            default = parameter["Default"]
            assert default in parameter.get("AllowedValues", [default]), name
            assert parameter.get("MinValue", default) <= default, name
            assert default <= parameter.get("MaxValue", default), name
            if "AllowedPattern" in parameter:
                assert matches(parameter, default), name

    def test_each_pattern_has_examples_and_says_what_it_wants(self, template: Template) -> None:
        patterns = {name for name, one in template.parameters.items() if "AllowedPattern" in one}

        assert patterns == set(ACCEPTED) == set(REFUSED)
        for name in patterns:
            assert template.parameters[name]["ConstraintDescription"], name

    @pytest.mark.parametrize(("name", "value"), cases(ACCEPTED))
    def test_accepted(self, name: str, value: str, template: Template) -> None:
        assert matches(template.parameters[name], value)

    @pytest.mark.parametrize(("name", "value"), cases(REFUSED))
    def test_refused(self, name: str, value: str, template: Template) -> None:
        assert not matches(template.parameters[name], value)

    @pytest.mark.parametrize(("name", "choices"), CHOSEN.items())
    def test_choices_are_those_of_the_code(
        self, name: str, choices: type[StrEnum], template: Template
    ) -> None:
        assert template.parameters[name]["AllowedValues"] == [choice.value for choice in choices]

    def test_opt_outs_may_count_for_any_message_types(self, template: Template) -> None:
        kinds = [kind.value for kind in MessageType]
        allowed = template.parameters["OptOutMessageTypes"]["AllowedValues"]

        assert sorted(sorted(one.split(",")) for one in allowed) == sorted(
            [[""], *([kind] for kind in kinds), sorted(kinds)]
        )

    def test_the_console_shows_each_in_one_group(self, template: Template) -> None:
        groups = template.content["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        shown = [name for group in groups for name in group["Parameters"]]

        assert sorted(shown) == sorted(template.parameters)

    def test_the_document_lists_them_as_the_template_has_them(self, template: Template) -> None:
        document = (PROJECT / "docs/parameters.md").read_text("utf-8")

        assert with_tables(document, template.content) == document, "run `make tables`"

    def test_what_is_said_to_be_none_is_none(self, template: Template) -> None:
        document = (PROJECT / "docs/parameters.md").read_text("utf-8")
        [table] = re.findall(r"\| it was \|.*", document, re.DOTALL)
        gone = {
            name
            for cell in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
            for name in re.findall(r"`(\w+)`", cell)
        }

        assert len(gone) >= 7
        assert not gone & set(template.parameters)

    def test_each_is_used(self, template: Template) -> None:
        used = names_used(template.content)

        assert set(template.parameters) <= used


class TestRegions:
    def test_each_has_8x8s_own_host_and_addresses(self, template: Template) -> None:
        regions = template.content["Mappings"]["EightX8Regions"]

        assert template.parameters["EightX8Region"]["AllowedValues"] == [*REGIONS] == [*regions]
        for name, (host, addresses) in REGIONS.items():
            assert regions[name]["BaseUrl"] == host
            listed = regions[name]["CallbackAddresses"].split(",")
            assert len(set(listed)) == addresses
            pattern = template.parameters["CallbackAllowList"]
            assert all(matches(pattern, address) for address in listed)

    def test_data_centres_are_the_documented_ones(self, template: Template) -> None:
        allowed = template.parameters["MoEngageDataCenter"]["AllowedValues"]

        assert allowed == ["01", "02", "03", "04", "05", "06"]


def names_used(part: object) -> set[str]:
    """Return every name that a ``Ref`` or a ``Sub`` takes."""
    if isinstance(part, list):
        return set().union(*map(names_used, part))
    if not isinstance(part, dict):
        return set()
    used = set().union(*map(names_used, part.values()))
    if isinstance(part.get("Ref"), str):
        used.add(part["Ref"])
    if "Fn::Sub" in part:
        used |= set(re.findall(r"\$\{(\w+)\}", str(part["Fn::Sub"])))
    return used
