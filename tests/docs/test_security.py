"""docs/security.md lists what the code and the template have."""

import inspect
import re

from bridge.stack import ACCOUNT_ID
from scripts.role_table import with_table
from sms_bridge.storage.secret import TOKEN_LISTS, Secret
from tests.docs.markdown import rows_of, words_in
from tests.template.conftest import PROJECT, Template

DOCUMENT = "docs/security.md"


def test_every_key_of_the_secret_is_listed() -> None:
    read = set(re.findall(r'values\.get\("(\w+)"\)', inspect.getsource(Secret)))

    listed = {words_in(row[0])[0] for row in rows_of(DOCUMENT, "| key | what it is |")}

    assert listed == read | {ACCOUNT_ID}
    assert set(TOKEN_LISTS) < listed


def test_every_secret_says_what_it_is_worth_to_a_thief() -> None:
    named = {
        word
        for row in rows_of(DOCUMENT, "| with | they can | they cannot |")
        for word in words_in(row[0])
    }

    assert named == {words_in(row[0])[0] for row in rows_of(DOCUMENT, "| key | what it is |")} - {
        ACCOUNT_ID
    }


def test_the_roles_are_those_of_the_template(template: Template) -> None:
    document = (PROJECT / DOCUMENT).read_text("utf-8")

    assert with_table(document, template.content) == document, "run `make tables`"


def test_every_place_is_listed_with_its_time(template: Template) -> None:
    rows = rows_of(DOCUMENT, "| where | what of a person | for how long |")
    listed = {word for row in rows for word in words_in(row[0])}

    assert listed == {*template.of_type("AWS::SQS::Queue"), "MessagesTable"}
    for row in rows:
        for name in words_in(row[2]):
            assert f"`{name}` ({template.parameters[name]['Default']})" in row[2]
        for name in words_in(row[0]):
            period = template.resources[name]["Properties"].get("MessageRetentionPeriod")
            assert period is None or f"{period // 86_400} days at most" in row[2]


def test_no_secret_is_in_an_environment_variable(template: Template) -> None:
    text = (PROJECT / "template.yaml").read_text("utf-8")

    assert "{{resolve:" not in text
    for function in template.functions:
        for name in template.variables(function):
            assert not re.search(r"API_KEY|TOKEN|HASH_KEY|PASSWORD", name), name


def test_every_check_that_is_not_heeded_is_listed_and_has_its_reason(template: Template) -> None:
    skipped = [
        skip
        for resource in template.resources.values()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", ())
    ]

    listed = {
        word
        for row in rows_of(DOCUMENT, "| check | asks for | instead |")
        for word in words_in(row[0])
    }

    assert listed == {skip["id"] for skip in skipped}
    assert all(len(skip["comment"].split()) > 5 for skip in skipped)
