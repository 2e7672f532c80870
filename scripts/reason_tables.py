"""`make tables`: writes the reasons in docs/http-api.md from the code."""

from collections.abc import Iterator
from itertools import product

from scripts import generated
from scripts.generated import rewrite, table
from sms_bridge.domain import attempt
from sms_bridge.domain.attempt import SendResult, Verdict
from sms_bridge.domain.message import FINAL, Outcome, OutcomeStatus, Receipt, State
from sms_bridge.providers import eightx8
from sms_bridge.services import dispatch, reconcile, send


def answers_of_8x8() -> dict[str, SendResult]:
    """Return what can come of a request by what 8x8 said."""
    return {
        **{f"200 {code}": result for code, result in eightx8.RESULTS_BY_STATUS_CODE.items()},
        "200, unreadable": eightx8.UNREADABLE,
        "200 that leaves out a message of a batch": eightx8.NOT_NAMED,
        **{f"HTTP {status}": result for status, result in eightx8.RESULTS_BY_STATUS.items()},
        "any other 4xx": eightx8.OTHER_4XX,
        "any other status": eightx8.OTHER_STATUS,
        **{f"4xx, code {code}": result for code, result in eightx8.RESULTS_BY_CODE.items()},
        "no connection": eightx8.UNREACHABLE,
        "no answer in time": eightx8.TIMEOUT,
        "connection lost": eightx8.CONNECTION_LOST,
    }


def send_results() -> Iterator[SendResult]:
    """Return the possible results of an attempt to send: 8x8's answers, and the bridge's own."""
    yield from answers_of_8x8().values()
    for module in (attempt, dispatch, reconcile, send):
        yield from (one for one in vars(module).values() if isinstance(one, SendResult))


def outcomes() -> Iterator[Outcome | None]:
    """Return what can be reported to MoEngage; N stands for 8x8's error code.

    "Failed" is a state of the bridge's own, which no receipt brings.
    """
    for result in send_results():
        if result.verdict is Verdict.PERMANENT:
            yield result.failure
    yield from reconcile.OUTCOMES_OF_MISSING_RECEIPTS.values()
    for state, code in product(sorted(FINAL - {State.FAILED}), ("", "N")):
        yield Receipt(
            umid="",
            client_message_id="",
            sub_account_id="",
            state=state,
            eightx8_state="",
            error_code=code,
        ).outcome


def failures() -> dict[str, str]:
    """Return the reasons of failed outcomes, with the description that MoEngage gets."""
    found: dict[str, str] = {}
    for one in outcomes():
        if one and one.status is OutcomeStatus.FAILED:
            found.setdefault(one.reason, one.description)
    return found


def with_tables(document: str) -> str:
    """Return the document with its tables written anew."""
    return generated.with_tables(document, _failures(), _error_codes(), _others())


def _failures() -> str:
    # A receipt brings 8x8's own words.
    return table(
        ("outcome", "what happened"),
        (
            (f"`{reason}`", description or f"the receipt says so, {_code_in(reason)}")
            for reason, description in failures().items()
        ),
    )


def _code_in(reason: str) -> str:
    return "with 8x8's error code N" if reason.endswith("_N") else "without a code"


def _error_codes() -> str:
    return table(
        ("N", "what 8x8 says", "state"),
        (
            (f"`{code}`", words, f"`{state}`")
            for code, (state, words) in eightx8.ERROR_CODES.items()
        ),
    )


def _others() -> str:
    others = {
        one.reason: ("ambiguous" if one.verdict is Verdict.AMBIGUOUS else "waits", one.description)
        for one in send_results()
        if one.verdict is not Verdict.ACCEPTED and one.reason not in failures()
    }
    return table(
        ("reason", "", "what happened"),
        ((f"`{reason}`", *cells) for reason, cells in sorted(others.items())),
    )


def main() -> None:
    """Write the tables into docs/http-api.md."""
    rewrite("docs/http-api.md", with_tables)


if __name__ == "__main__":
    main()
