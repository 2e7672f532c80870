"""The README's tables name what the code and the template have, and nothing else."""

import re
from pathlib import Path

import pytest

from sms_bridge.web import eightx8_answers
from sms_bridge.web.refusals import Code, RefusedError
from sms_bridge.web.send_requests import DESTINATION, SOURCE, TEXT
from tests.template.conftest import PROJECT, Template

README = (PROJECT / "README.md").read_text()
WORDS = set(re.findall(r"`([A-Za-z0-9_./-]+)`", README))


def rows_with(heading: str) -> list[list[str]]:
    """Return the cells of the table that begins with a heading row."""
    table = README.split(heading, 1)[1].split("\n\n", 1)[0]
    return [line.strip("|").split("|") for line in table.splitlines()[2:]]


def test_every_code_stands_with_its_status() -> None:
    documented = {
        (code, int(status))
        for status, codes, _ in rows_with("| status | `code` | |")
        for code in re.findall(r"`(\w+)`", codes)
    }

    assert documented == {(code.value, int(RefusedError(code, "").status)) for code in Code}


def test_every_reason_of_8x8s_answers_is_explained() -> None:
    source = Path(eightx8_answers.__file__).read_text()
    reasons = set(re.findall(r'"(eightx8_\w+)"', source))

    assert reasons
    assert reasons <= WORDS


@pytest.mark.parametrize("names", [DESTINATION, TEXT, SOURCE])
def test_every_name_of_a_field_is_given(names: tuple[str, ...]) -> None:
    [row] = [
        row for row in rows_with("| field | also accepted as | |") if f"`{names[0]}`" in row[0]
    ]

    assert tuple(re.findall(r"`(\w+)`", row[0] + row[1])) == names


def test_parameters_and_outputs_that_it_names_exist(template: Template) -> None:
    named = {word for word in WORDS if re.fullmatch(r"([A-Z][a-z0-9]+){2,}", word)}
    known = set(template.parameters) | set(template.content["Outputs"])

    assert named
    assert named <= known


def test_make_targets_and_files_that_it_names_exist() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"`((?:local|layers|events|functions|tests)/[a-z0-9_/]*)`", README):
        assert (PROJECT / path).exists(), path
