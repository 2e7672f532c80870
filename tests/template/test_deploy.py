"""`make deploy` asks what every deployment decides, and takes what CloudFormation takes."""

from collections.abc import Iterator

import pytest

from scripts.deploy import ask_all, problem_of, questions
from tests.template.conftest import Template

ASKED = [
    "SubAccountIds",
    "EightX8Region",
    "DefaultSenderId",
    "MoEngageDataCenter",
    "MoEngageConnectorId",
]


class Person:
    """Answers in order, and presses Enter where nothing is left to say."""

    def __init__(self, *answers: str) -> None:
        self._answers: Iterator[str] = iter(answers)
        self.asked: list[tuple[str, list[str] | None]] = []
        self.shown: list[str] = []

    def answer(self, name: str, default: str, choices: list[str] | None) -> str:
        self.asked.append((name, choices))
        return next(self._answers, default)


def test_it_asks_for_the_first_group_only(template: Template) -> None:
    person = Person("acme_otp")

    answers = ask_all(template.content, {}, person.answer, person.shown.append)

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

    answers = ask_all(template.content, running, Person().answer, print)

    assert answers["SubAccountIds"] == "acme_otp,acme_promo"
    assert answers["MoEngageDataCenter"] == "03"


def test_it_asks_again_until_the_answer_fits(template: Template) -> None:
    person = Person("no", "acme otp", "acme_otp")

    answers = ask_all(template.content, {}, person.answer, person.shown.append)

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
