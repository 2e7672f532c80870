"""A new version gets the traffic as DeploymentPreference says, and every change makes one."""

from typing import Any

import pytest

from tests.template.conftest import Template
from tests.template.evaluated import Evaluated

CARRY_MESSAGES = ("SendSms", "DispatchQueue", "ReceiveCallback", "ForwardOutcome")

# What is no part of a published version, and the code, which SAM looks at itself. The handler's
# name and the format of the log change with the code alone.
ELSEWHERE = {
    *("AutoPublishAlias", "CodeUri", "DeploymentPreference", "Description", "Events", "Handler"),
    *("LoggingConfig", "VersionDescription"),
}
WRITTEN_OUT = {"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Fn::Join"}


def values_of(part: Any) -> set[str]:
    """Return the single values of a part of the template."""
    if isinstance(part, list):
        return set().union(*map(values_of, part))
    if isinstance(part, dict) and not WRITTEN_OUT & part.keys():
        return set().union(*map(values_of, part.values()))
    return {str(part)}


@pytest.mark.parametrize("function", CARRY_MESSAGES)
class TestFunctions:
    def test_is_called_through_an_alias_that_any_change_moves(
        self, function: str, template: Template
    ) -> None:
        properties = template.functions[function]

        assert properties["AutoPublishAlias"] == "live"
        # CloudFormation publishes a version anew when its description changes.
        assert properties["VersionDescription"] == {"Fn::Sub": f"Settings ${{Settings.{function}}}"}

    def test_all_that_it_is_configured_with_is_part_of_its_settings(
        self, function: str, template: Template
    ) -> None:
        properties = template.functions[function]
        configured = {name: value for name, value in properties.items() if name not in ELSEWHERE}
        used = values_of([configured, template.shared_variables, template.variables(function)])

        settings = values_of(template.resources["Settings"]["Properties"][function])

        assert len(used) > 10
        assert used <= settings

    def test_a_change_of_tags_alone_publishes_nothing(
        self, function: str, template: Template
    ) -> None:
        # Lambda refuses to publish what has not changed, and tags are no part of a version.
        assert "AutoPublishAliasAllProperties" not in template.functions[function]
        assert "Tags" not in str(template.resources["Settings"])


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
