"""A new version gets the traffic as DeploymentPreference says, and every change makes one."""

import re
from typing import Any

import pytest

from tests.template.conftest import Template
from tests.template.evaluated import Evaluated
from tests.template.test_parameters import names_used

CARRY_MESSAGES = ("SendSms", "DispatchQueue", "ReceiveCallback", "ForwardOutcome")


def conditions_used(part: Any) -> set[str]:
    """Return the conditions that a part of the template depends on."""
    if isinstance(part, list):
        return set().union(*map(conditions_used, part))
    if not isinstance(part, dict):
        return set()
    own = {part["Fn::If"][0]} if "Fn::If" in part else set()
    return own.union(*map(conditions_used, part.values()))


def configuration(template: Template, function: str) -> dict[str, Any]:
    """Return what Lambda publishes of a function as a version, but for its code."""
    elsewhere = {"Events", "DeploymentPreference", "Role", "LoggingConfig", "CodeUri"}
    properties = template.functions[function]
    shared = template.shared_variables
    return {
        **{name: value for name, value in properties.items() if name not in elsewhere},
        "Environment": {**shared, **template.variables(function)},
    }


@pytest.mark.parametrize("function", CARRY_MESSAGES)
class TestFunctions:
    def test_is_called_through_an_alias_that_any_change_moves(
        self, function: str, template: Template
    ) -> None:
        properties = template.functions[function]

        assert properties["AutoPublishAlias"] == "live"
        assert properties["AutoPublishAliasAllProperties"] is True
        # A version whose description changes is published anew, if its function has changed, too.
        for text in (properties["VersionDescription"], properties["Description"]):
            assert "${SettingsVersion}" in text["Fn::Sub"]

    def test_a_change_of_any_value_it_gets_is_a_change_of_the_settings(
        self, function: str, template: Template
    ) -> None:
        own = configuration(template, function)
        conditions = template.content["Conditions"]
        used = names_used(own).union(
            *(names_used(conditions[name]) for name in conditions_used(own))
        )
        text, values = template.resources["SettingsVersion"]["Properties"]["Content"]["Fn::Sub"]

        written = set(re.findall(r"\$\{(\w+)\}", text)) | names_used(values)
        assert used & set(template.parameters) <= written
        assert "BridgeLayer" in written

    def test_its_new_versions_crashes_undo_a_deployment(
        self, function: str, template: Template
    ) -> None:
        alarm = template.resources["BridgeFailuresAlarm"]["Properties"]
        watched = [
            {one["Name"]: one["Value"] for one in metric["MetricStat"]["Metric"]["Dimensions"]}
            for metric in alarm["Metrics"]
            if "MetricStat" in metric
        ]

        assert {
            "FunctionName": {"Ref": function},
            "Resource": {"Fn::Sub": f"${{{function}}}:live"},
            "ExecutedVersion": {"Fn::GetAtt": [function, "Version.Version"]},
        } in watched

    def test_its_failures_are_counted(self, function: str, template: Template) -> None:
        metrics = template.resources[f"{function}ErrorLines"]["Properties"]

        assert metrics["LogGroupName"] == template.functions[function]["LoggingConfig"]["LogGroup"]
        assert metrics["FilterPattern"] == '{ $.level = "ERROR" }'


def test_those_that_carry_messages_are_rolled_out_alike(template: Template) -> None:
    preferences = {
        name: properties["DeploymentPreference"]
        for name, properties in template.functions.items()
        if "DeploymentPreference" in properties
    }

    assert set(preferences) == set(CARRY_MESSAGES)
    assert len({str(one) for one in preferences.values()}) == 1


def test_there_is_nothing_of_codedeploy_in_the_stack_unless_it_is_asked_for(
    template: Template,
) -> None:
    choices = template.parameters["DeploymentPreference"]["AllowedValues"]
    preference = template.functions["SendSms"]["DeploymentPreference"]

    enabled = {
        choice: Evaluated(template, {"DeploymentPreference": choice}).of(preference)["Enabled"]
        for choice in choices
    }

    assert enabled.pop("AllAtOnce") == "false"
    assert set(enabled.values()) == {"true"}
    assert set(template.content["Mappings"]["DeploymentPreferences"]) == set(choices)


def test_the_alarm_rings_within_the_shortest_canary(template: Template) -> None:
    alarm = template.resources["BridgeFailuresAlarm"]["Properties"]
    periods = {one["MetricStat"]["Period"] for one in alarm["Metrics"] if "MetricStat" in one}

    assert periods == {60}
    assert alarm["EvaluationPeriods"] * 60 * 2 < 5 * 60
