"""What the README and the runbook name exists."""

import re

from scripts.reason_tables import outcomes, send_results
from sms_bridge.api.errors import Reason
from sms_bridge.services.forward import NO_URL
from tests.template.conftest import PROJECT, Template
from tests.template.test_observability import log_keys

README = (PROJECT / "README.md").read_text()
WORDS = set(re.findall(r"`([A-Za-z0-9_./-]+)`", README))


def test_every_code_that_the_runbook_names_exists() -> None:
    runbook = (PROJECT / "docs/runbook.md").read_text()
    words = set(re.findall(r"`([a-z0-9]+(?:_[A-Za-z0-9]+)+)`", runbook))
    reasons = {one.reason for one in send_results()} | {one.reason for one in outcomes() if one}
    given_up = {"moengage_unreachable", "moengage_5xx", *(f"moengage_{n}" for n in range(400, 500))}

    others = words - set(Reason) - reasons - given_up - {NO_URL}

    functions = {path.parent.name for path in PROJECT.glob("functions/*/app.py")}
    assert others - functions <= log_keys()


def test_parameters_and_outputs_that_it_names_exist(template: Template) -> None:
    named = {word for word in WORDS if re.fullmatch(r"([A-Z][a-z0-9]+){2,}", word)}
    values = {
        str(value) for one in template.parameters.values() for value in one.get("AllowedValues", [])
    }
    known = {*template.parameters, *template.content["Outputs"], *values}

    assert named
    assert named <= known


def test_make_targets_and_files_that_it_names_exist() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"`((?:local|layers|events|functions|tests)/[a-z0-9_/]*)`", README):
        assert (PROJECT / path).exists(), path
