"""The README's tables name what the code and the template have, and nothing else."""

import re
from collections.abc import Iterator
from itertools import product

import pytest

from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.send_request import NAMES
from sms_bridge.domain import opt_out as opt_outs
from sms_bridge.domain import send_result as send_results_module
from sms_bridge.domain.message import Outcome, OutcomeStatus, Receipt
from sms_bridge.domain.outcome import outcome_of_receipt
from sms_bridge.domain.reconciliation import MissingReceiptPolicy, outcome_of_missing_receipt
from sms_bridge.domain.send_result import SendResult, Verdict
from sms_bridge.domain.state import FINAL, State
from sms_bridge.providers import eightx8_errors
from sms_bridge.services import dispatch, reconcile, send
from sms_bridge.services.forward import NO_URL
from tests.template.conftest import PROJECT, Template
from tests.template.test_observability import log_keys

README = (PROJECT / "README.md").read_text()
WORDS = set(re.findall(r"`([A-Za-z0-9_./-]+)`", README))


def rows_with(heading: str) -> list[list[str]]:
    """Return the cells of the table that begins with a heading row."""
    table = README.split(heading, 1)[1].split("\n\n", 1)[0]
    return [
        line.strip("|").split("|")
        for line in table.splitlines()
        if line and not line.startswith("|---")
    ]


def test_every_code_stands_with_its_status() -> None:
    documented = {
        (code, int(status))
        for status, codes, _ in rows_with("| status | `code` | |")
        for code in re.findall(r"`(\w+)`", codes)
    }

    assert documented == {(code.value, int(RefusedError(code, "").status)) for code in Reason}


def send_results() -> Iterator[SendResult]:
    """Return what can come of an attempt to send: by 8x8's answers, and by the bridge itself."""
    yield from eightx8_errors.results().values()
    for module in (send_results_module, opt_outs, dispatch, reconcile, send):
        yield from (one for one in vars(module).values() if isinstance(one, SendResult))


def outcomes() -> Iterator[Outcome | None]:
    """Return what MoEngage can be told; N stands for 8x8's error code.

    "Failed" is a state of the bridge's own, which no receipt brings.
    """
    yield from (result.outcome for result in send_results())
    yield from map(outcome_of_missing_receipt, MissingReceiptPolicy)
    for state, code in product(FINAL - {State.FAILED}, ("", "N")):
        yield outcome_of_receipt(
            Receipt(
                umid="",
                client_message_id="",
                sub_account_id="",
                state=state,
                eightx8_state="",
                error_code=code,
            )
        )


def test_every_reason_of_a_failure_is_explained_and_no_other() -> None:
    documented = {
        reason
        for reasons, _ in rows_with("| `reason` | what happened |")
        for reason in re.findall(r"`(\w+)`", reasons)
    }

    reported = {one.reason for one in outcomes() if one and one.status is OutcomeStatus.FAILED}

    # "If there is one": the table has the reason without a code only where 8x8's answers have it.
    assert documented | {"eightx8_undelivered"} == reported


def test_every_other_reason_is_named_and_no_other() -> None:
    paragraph = README.split("These are no outcomes,", 1)[1].split("\n\n", 1)[0]
    reported = {one.reason for one in outcomes() if one}

    reasons = {one.reason for one in send_results() if one.verdict is not Verdict.ACCEPTED}

    assert set(re.findall(r"`(\w+)`", paragraph)) == reasons - reported


def test_every_code_that_the_runbook_names_exists() -> None:
    runbook = (PROJECT / "docs/runbook.md").read_text()
    words = set(re.findall(r"`([a-z0-9]+(?:_[A-Za-z0-9]+)+)`", runbook))
    reasons = {one.reason for one in send_results()} | {one.reason for one in outcomes() if one}
    given_up = {"moengage_unreachable", "moengage_5xx", *(f"moengage_{n}" for n in range(400, 500))}

    others = words - set(Reason) - reasons - given_up - {NO_URL}

    functions = {path.parent.name for path in PROJECT.glob("functions/*/app.py")}
    assert others - functions <= log_keys()


def test_every_reason_to_give_up_an_outcome_is_named_where_it_is_replayed() -> None:
    assert f"(`{NO_URL}`)" in README


@pytest.mark.parametrize("names", [NAMES[name] for name in ("destination", "text", "source")])
def test_every_name_of_a_field_is_given(names: tuple[str, ...]) -> None:
    [row] = [
        row for row in rows_with("| field | also accepted as | |") if f"`{names[0]}`" in row[0]
    ]

    assert tuple(re.findall(r"`(\w+)`", row[0] + row[1])) == names


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
