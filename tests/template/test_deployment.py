"""A new version gets the traffic as DeploymentPreference says, and every change makes one."""

from typing import Any

import pytest

from tests.template.conftest import Template
from tests.template.evaluated import Evaluated

CARRY_MESSAGES = ("SendSms", "DispatchQueue", "ReceiveCallback", "ForwardOutcome")

# Properties of a function that are no part of a version, or that SAM looks at itself: text of the
# template, and the code.
ELSEWHERE = {"Events", "DeploymentPreference", "LoggingConfig", "CodeUri", "VersionDescription"}


def references(part: Any) -> list[str]:
    """Return what a part of the template takes from elsewhere, written out."""
    if isinstance(part, list):
        return [one for value in part for one in references(value)]
    if not isinstance(part, dict):
        return []
    if any(name in part for name in ("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Fn::Join")):
        return [str(part)]
    return [one for value in part.values() for one in references(value)]


@pytest.mark.parametrize("function", CARRY_MESSAGES)
class TestFunctions:
    def test_is_called_through_an_alias_that_any_change_moves(
        self, function: str, template: Template
    ) -> None:
        properties = template.functions[function]

        assert properties["AutoPublishAlias"] == "live"
        assert properties["AutoPublishAliasAllProperties"] is True
        # CloudFormation publishes a version anew when its description changes.
        assert properties["VersionDescription"] == {"Fn::Sub": f"Settings ${{Settings.{function}}}"}

    def test_all_that_it_is_configured_with_is_part_of_its_settings(
        self, function: str, template: Template
    ) -> None:
        properties = template.functions[function]
        configured = {name: value for name, value in properties.items() if name not in ELSEWHERE}
        used = references([configured, template.shared_variables, template.variables(function)])

        settings = references(template.resources["Settings"]["Properties"][function])

        assert len(used) > 10
        assert set(used) <= set(settings)


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
