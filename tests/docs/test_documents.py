"""What the documents name exists."""

import re
from pathlib import Path

import pytest

from scripts.reason_tables import outcomes, send_results
from sms_bridge import __version__
from sms_bridge.api.request import Reason
from sms_bridge.services.forward import NO_URL
from tests.docs.markdown import DOCUMENTS, anchors_of
from tests.template.conftest import PROJECT, Template
from tests.template.test_observability import log_keys

ALL = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), PROJECT / "events/README.md"]


@pytest.mark.parametrize("document", ALL, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", document.read_text("utf-8")):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


@pytest.mark.parametrize(
    "document", [one for one in ALL if one.parent != PROJECT], ids=lambda path: path.name
)
def test_what_the_readme_leads_to_leads_back(document: Path) -> None:
    assert "(../README.md" in document.read_text("utf-8")


def test_every_picture_is_shown() -> None:
    shown = {
        (document.parent / picture).resolve()
        for document in ALL
        for picture in re.findall(r"[\w/]+\.png", document.read_text("utf-8"))
    }

    assert set((PROJECT / "docs").rglob("*.png")) == shown


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_parameters_and_resources_that_are_named_exist(document: Path, template: Template) -> None:
    named = set(re.findall(r"`((?:[A-Z][a-z0-9]+){2,})`", document.read_text("utf-8")))

    values = {one for each in template.parameters.values() for one in each.get("AllowedValues", ())}
    known = {*template.parameters, *template.resources, *template.content["Outputs"], *values}

    # API calls of AWS, named where permissions are.
    assert named - known <= {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"}


def test_make_targets_and_files_that_the_readme_names_exist() -> None:
    makefile, readme = ((PROJECT / name).read_text("utf-8") for name in ("Makefile", "README.md"))
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", readme, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"`((?:local|layers|events|functions|tests)/[a-z0-9_/]*)`", readme):
        assert (PROJECT / path).exists(), path


def test_every_code_that_the_runbook_names_exists() -> None:
    runbook = (PROJECT / "docs/runbook.md").read_text("utf-8")
    words = set(re.findall(r"`([a-z0-9]+(?:_[A-Za-z0-9]+)+)`", runbook))
    reasons = {one.reason for one in send_results()} | {one.reason for one in outcomes() if one}
    given_up = {"moengage_unreachable", "moengage_5xx", *(f"moengage_{n}" for n in range(400, 500))}
    functions = {path.parent.name for path in PROJECT.glob("functions/*/app.py")}

    assert words - {*Reason, NO_URL} - reasons - given_up - functions <= log_keys()


def test_the_changelog_has_the_version_to_come() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text("utf-8")

    assert text.index("## [Unreleased]") < text.index(__version__)


def test_every_promise_of_the_readme_has_tests_that_name_it() -> None:
    section = (PROJECT / "README.md").read_text("utf-8").partition("## What it promises")[2]
    promises = re.findall(r"^(\d)\. \*\*", section.partition("\n## ")[0], re.MULTILINE)
    tests = "".join(path.read_text("utf-8") for path in (PROJECT / "tests").rglob("test_*.py"))

    assert promises == list("12345678")
    assert set(promises) == set(re.findall(r"def test_promise_(\d)_", tests))
