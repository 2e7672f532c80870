"""docs/deployer-policy.json allows what CloudFormation does in the deployer's name."""

import json

import pytest

from scripts.deployer_policy import POLICY, policy
from tests.template.conftest import Template

ALLOWED = json.loads(POLICY.read_text("utf-8"))
ACTIONS = {action for one in ALLOWED["Statement"] for action in one["Action"]}


@pytest.mark.end_to_end
def test_it_is_made_of_the_translated_templates() -> None:
    assert policy() == ALLOWED, "run `make deployer-policy`"


def test_it_is_small_enough_for_a_managed_policy() -> None:
    assert len(json.dumps(ALLOWED, separators=(",", ":"))) <= 6144


def test_it_allows_roles_and_nothing_else_of_iam() -> None:
    of_iam = {action for action in ACTIONS if action.startswith("iam:")}

    assert {"iam:CreateRole", "iam:PassRole", "iam:PutRolePermissionsBoundary"} <= of_iam
    assert not [action for action in of_iam if "Role" not in action]
    assert not [action for action in ACTIONS if "*" in action]


def test_it_has_the_services_of_the_template(template: Template) -> None:
    services = {one["Type"].split("::")[1].lower() for one in template.resources.values()}
    # SAM's own types become Lambda's and API Gateway's.
    prefixes = {action.partition(":")[0] for action in ACTIONS}
    renamed = {"serverless": "lambda", "apigatewayv2": "apigateway"}

    known = {service for service in services if not service.startswith("s") or service == "sqs"}
    assert {renamed.get(one, one) for one in known if ":" not in one} - {"settings"} <= prefixes
