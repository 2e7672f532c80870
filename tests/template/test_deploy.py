"""`make deploy` asks what every deployment decides, and takes what CloudFormation takes."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from scripts.deploy import (
    Topics,
    as_override,
    ask_all,
    ask_for_topic,
    destination,
    main,
    overrides,
    problem_of,
    questions,
    runbook_url,
    target_of,
)
from tests.template.conftest import PROJECT, Template
from tests.template.evaluated import Evaluated

ASKED = [
    "SubAccountIds",
    "EightX8Region",
    "DefaultSenderId",
    "MoEngageDataCenter",
    "MoEngageConnectorId",
]


SETTINGS: dict[str, Any] = tomllib.loads((PROJECT / "samconfig.toml").read_text())
SECTIONS = [name for name, section in SETTINGS.items() if name != "version"]


class Person:
    """Answers in order, and presses Enter where nothing is left to say."""

    def __init__(self, *answers: str) -> None:
        self._answers: Iterator[str] = iter(answers)
        self.asked: list[tuple[str, list[str] | None]] = []
        self.shown: list[str] = []

    def answer(self, name: str, default: str, choices: list[str] | None) -> str:
        self.asked.append((name, choices))
        return next(self._answers, default)


class TestDestination:
    """Said before anything is asked or built."""

    @pytest.fixture(autouse=True)
    def nothing_is_known(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in [one for one in os.environ if one.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    @pytest.mark.parametrize(
        ("words", "missing"),
        [
            ([], "no AWS region is set"),
            (["--region", "eu-central-1"], "there are no AWS credentials"),
            (["--profile", "nobody"], "there is no such AWS profile"),
        ],
    )
    def test_what_is_missing_is_one_sentence(self, words: list[str], missing: str) -> None:
        with pytest.raises(SystemExit, match=rf"^{missing}; .*\nNothing was deployed"):
            main(words)

    def test_it_is_the_account_and_the_region(self) -> None:
        with mock_aws():
            session = boto3.Session("key", "secret", region_name="eu-central-1")

            said = destination(session, "sms-bridge")

        assert said == "Stack sms-bridge, account 123456789012, region eu-central-1."


def test_it_asks_for_the_first_group_only(template: Template) -> None:
    person = Person("acme_otp")

    answers = ask_all(template.content, {}, {}, person.answer, person.shown.append)

    assert [name for name, _ in person.asked] == ASKED == list(questions(template.content))
    assert answers == {
        "SubAccountIds": "acme_otp",
        "EightX8Region": "asia-pacific",
        "DefaultSenderId": "",
        "MoEngageDataCenter": "01",
        "MoEngageConnectorId": "",
    }


def test_it_starts_from_what_the_running_stack_has(template: Template) -> None:
    running = {"SubAccountIds": "acme_otp,acme_promo", "MoEngageDataCenter": "03"}

    answers = ask_all(template.content, running, {}, Person().answer, print)

    assert answers["SubAccountIds"] == "acme_otp,acme_promo"
    assert answers["MoEngageDataCenter"] == "03"


def test_it_asks_again_until_the_answer_fits(template: Template) -> None:
    person = Person("no", "acme otp", "acme_otp")

    answers = ask_all(template.content, {}, {}, person.answer, person.shown.append)

    assert answers["SubAccountIds"] == "acme_otp"
    assert [name for name, _ in person.asked][:3] == ["SubAccountIds"] * 3
    assert sum("does not fit" in line for line in person.shown) == 2


@pytest.mark.parametrize(
    ("name", "answer", "fits"),
    [
        ("SubAccountIds", "acme_otp,acme_promo", True),
        ("SubAccountIds", "acme_otp,,acme_promo", False),
        ("SubAccountIds", "", False),
        ("DefaultSenderId", "Acme", True),
        ("DefaultSenderId", "A sender ID that is too long", False),
        ("MoEngageConnectorId", "a/b", False),
    ],
)
def test_it_judges_as_cloudformation_does(
    template: Template, name: str, answer: str, fits: bool
) -> None:
    assert bool(problem_of(template.parameters[name], answer)) is not fits


class TestValuesThatCloudFormationGarbles:
    """CloudFormation gives back ``????`` for what is not ASCII."""

    def test_enter_keeps_one_and_nothing_is_written_back(self, template: Template) -> None:
        running = {"SubAccountIds": "acme_otp", "DefaultSenderId": "Gr??e"}
        person = Person("acme_otp", "asia-pacific")

        answers = ask_all(template.content, running, {}, person.answer, person.shown.append)

        assert "DefaultSenderId" not in answers
        assert "Gr??e" not in " ".join(person.shown)

    def test_a_new_value_replaces_it(self, template: Template) -> None:
        running = {"SubAccountIds": "acme_otp", "DefaultSenderId": "Gr??e"}
        person = Person("acme_otp", "asia-pacific", "Acme")

        answers = ask_all(template.content, running, {}, person.answer, print)

        assert answers["DefaultSenderId"] == "Acme"


class TestAlarms:
    """`make deploy` asks who is notified."""

    ARN = "arn:aws:sns:eu-central-1:123456789012:on-call"

    def test_an_address_gets_a_topic_of_its_own(self, sns: Any) -> None:
        person = Person("on-call@example.com")

        answers = ask_for_topic({}, person.answer, person.shown.append, Topics(sns, "sms-two"))

        [topic] = sns.list_topics()["Topics"]
        assert answers == {"AlarmTopicArn": topic["TopicArn"]}
        assert topic["TopicArn"].endswith(":sms-two-alarms")
        [subscription] = sns.list_subscriptions()["Subscriptions"]
        assert (subscription["Protocol"], subscription["Endpoint"]) == (
            "email",
            "on-call@example.com",
        )

    def test_a_topic_is_taken_as_it_is(self, sns: Any) -> None:
        answers = ask_for_topic({}, Person(self.ARN).answer, print, Topics(sns, "sms"))

        assert answers == {"AlarmTopicArn": self.ARN}
        assert sns.list_topics()["Topics"] == []

    def test_it_says_when_a_topic_would_never_get_an_alarm(self, sns: Any) -> None:
        arn = sns.create_topic(Name="t", Attributes={"KmsMasterKeyId": "alias/aws/sns"})["TopicArn"]
        person = Person(arn)

        ask_for_topic({}, person.answer, person.shown.append, Topics(sns, "sms"))

        assert "would never get an alarm" in person.shown[-1]

    def test_nobody_is_an_answer_too(self, sns: Any) -> None:
        assert ask_for_topic({}, Person("").answer, print, Topics(sns, "sms")) == {}

    def test_it_is_not_asked_where_it_is_known(self, sns: Any) -> None:
        person = Person("a@example.com")

        assert (
            ask_for_topic({"AlarmTopicArn": self.ARN}, person.answer, print, Topics(sns, "")) == {}
        )
        assert person.asked == []

    def test_anything_else_is_refused(self, sns: Any) -> None:
        with pytest.raises(SystemExit, match="neither"):
            ask_for_topic({}, Person("on call").answer, print, Topics(sns, "sms"))


@pytest.fixture
def sns() -> Iterator[Any]:
    """SNS in memory."""
    with mock_aws():
        yield boto3.client(
            "sns", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b"
        )


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("https://github.com/acme/bridge.git", "https://github.com/acme/bridge"),
        ("git@github.com:acme/bridge.git", "https://github.com/acme/bridge"),
        ("ssh://git@git.example.com/team/bridge", "https://git.example.com/team/bridge"),
        ("ssh://git@git.example.com:2222/team/bridge", "https://git.example.com/team/bridge"),
        # What lets people in does not get into the alarms.
        ("https://jo:secret@git.example.com/bridge", "https://git.example.com/bridge"),
        ("https://jo.doe:secret@git.example.com/bridge", "https://git.example.com/bridge"),
    ],
)
def test_alarms_link_to_the_repository_that_was_cloned(remote: str, url: str) -> None:
    assert runbook_url(remote) == f"{url}/blob/HEAD/docs/runbook.md"


@pytest.mark.parametrize(
    "remote", ["", "../bridge", "/srv/git/bridge.git", "https://a.b/c@d", "a.b:c d"]
)
def test_a_repository_without_web_pages_has_no_address(remote: str) -> None:
    assert runbook_url(remote) == ""


class TestSections:
    """One more stack is one more section of samconfig.toml."""

    @pytest.mark.parametrize("section", SECTIONS)
    def test_each_makes_a_stack_of_its_own_out_of_values_that_are_allowed(
        self, section: str, template: Template
    ) -> None:
        target = target_of(SETTINGS, ["--config-env", section])

        parameters = SETTINGS[section]["deploy"]["parameters"]
        assert target.stack_name == parameters["stack_name"]
        for name, value in target.given.items():
            parameter = template.parameters[name]
            assert value in parameter.get("AllowedValues", [value])
            assert not problem_of(parameter, value)
        assert Evaluated(template, target.given).complaints == []
        # What SAM needs to deploy at all, and twice in a row without a failure.
        for name in ("resolve_s3", "capabilities", "fail_on_empty_changeset"):
            assert parameters[name] == SETTINGS["default"]["deploy"]["parameters"][name]

    def test_no_two_are_the_same_stack(self) -> None:
        targets = [target_of(SETTINGS, ["--config-env", section]) for section in SECTIONS]

        assert len({(one.stack_name, one.region) for one in targets}) == len(SECTIONS)

    def test_the_default_is_taken_where_none_is_named(self) -> None:
        assert target_of(SETTINGS, []).stack_name == "sms-bridge"
        assert target_of(SETTINGS, []).given == {}

    def test_what_it_says_is_not_asked(self, template: Template) -> None:
        target = target_of(SETTINGS, ["--config-env=second-region"])
        person = Person("acme_eu")

        answers = ask_all(template.content, {}, target.given, person.answer, person.shown.append)

        assert target.region == "eu-central-1"
        assert target.given == {"EightX8Region": "europe", "MoEngageDataCenter": "02"}
        assert [name for name, _ in person.asked] == [
            name for name in ASKED if name not in target.given
        ]
        assert answers["SubAccountIds"] == "acme_eu"

    def test_the_command_line_comes_first(self) -> None:
        words = "--config-env second-region --region eu-west-1 --stack-name other --profile work"

        target = target_of(
            SETTINGS,
            [*words.split(), "--parameter-overrides", "EightX8Region=indonesia", "Arch=x86_64"],
        )

        assert (target.stack_name, target.region, target.profile) == ("other", "eu-west-1", "work")
        assert target.given == {
            "EightX8Region": "indonesia",
            "MoEngageDataCenter": "02",
            "Arch": "x86_64",
        }
        # All else is said to `sam deploy` as it was; the parameters follow, put together.
        assert target.arguments == words.split()

    def test_one_that_is_not_there_is_named(self) -> None:
        with pytest.raises(SystemExit, match=r"no section \[third.deploy.parameters\]"):
            target_of(SETTINGS, ["--config-env", "third"])


class TestOverrides:
    @pytest.mark.parametrize(
        ("word", "name", "value"),
        [
            ("DefaultSenderId=Acme", "DefaultSenderId", "Acme"),
            ('DefaultSenderId="Acme Shop"', "DefaultSenderId", "Acme Shop"),
            ("DefaultSenderId=''", "DefaultSenderId", ""),
            ("ParameterKey=SubAccountIds,ParameterValue=a,b", "SubAccountIds", "a,b"),
            ("RunbookUrl=https://wiki/x?a=b", "RunbookUrl", "https://wiki/x?a=b"),
        ],
    )
    def test_they_are_read_as_sam_reads_them(self, word: str, name: str, value: str) -> None:
        assert overrides([word]) == {name: value}

    def test_what_is_no_parameter_is_named(self) -> None:
        with pytest.raises(SystemExit, match="EightX8Region is no parameter"):
            overrides(["EightX8Region"])

    @given(value=st.text(st.characters(exclude_characters='"\\', exclude_categories=["C"])))
    def test_what_is_written_is_read_again(self, value: str) -> None:
        assert overrides([as_override("DefaultSenderId", value)]) == {"DefaultSenderId": value}
