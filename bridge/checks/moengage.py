"""Does MoEngage learn the outcomes?"""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

from bridge.checks import Finding, ok, problem, warning
from bridge.stack import Stack
from bridge.survey import Survey, has_waited
from sms_bridge.services.forward import NO_URL

_SECONDS_TO_CONNECT = 5.0
_SECONDS_UNTIL_REPORTED = 900
# What MoEngage answers to a connector id that it does not know, or not there.
_URL_IS_WRONG = ("401", "403", "404", "405", "410")
_NO_URL_ID = "tracking-url-missing"


def check_delivery_tracking(stack: Stack) -> Iterator[Finding]:
    """See whether a delivery-tracking URL is configured and its host can be reached."""
    url = stack.environment_of("ForwardOutcome").get("MOENGAGE_DELIVERY_TRACKING_URL", "")
    if not url:
        yield problem(
            _NO_URL_ID,
            "no delivery-tracking URL is configured: MoEngage learns no outcome",
            f"{_set_the_url(stack)}; then: sms-bridge replay --reason {NO_URL} --yes",
        )
        return
    split = urlsplit(url)
    make = HTTPSConnection if split.scheme == "https" else HTTPConnection
    connection = make(split.hostname or "", split.port, timeout=_SECONDS_TO_CONNECT)
    try:
        # And leave: a report about no message could disturb MoEngage's counts.
        with closing(connection):
            connection.connect()
    except OSError as error:
        yield warning(
            "moengage-unreachable",
            f"{split.netloc} cannot be reached from this machine ({type(error).__name__})",
            "if outcomes are not acknowledged either, see MoEngage's status page, or "
            f"{_set_the_url(stack)}",
        )
    else:
        yield ok("moengage", f"delivery tracking is configured; {split.netloc} can be reached")


def check_outcomes(survey: Survey, stack: Stack) -> Iterator[Finding]:
    """See whether outcomes are not taken up, not acknowledged or given up."""
    unreported = survey.unreported
    not_tried = sum(
        not one.outcome_tries and has_waited(one.outcome_due_at, _SECONDS_UNTIL_REPORTED)
        for one in unreported
    )
    if not_tried:
        yield warning(
            "outcomes-not-tried",
            f"{not_tried} outcomes have been due for more than "
            f"{_SECONDS_UNTIL_REPORTED // 60} minutes and nobody has tried to report them",
            "see the log of ForwardOutcome, and whether AWS throttles it; nothing is lost",
            ("queue-not-consumed", "function-stopped", "environment-broken"),
        )
    if unacknowledged := sum(one.outcome_tries > 0 for one in unreported):
        yield warning(
            "outcomes-not-acknowledged",
            f"MoEngage has not acknowledged {unacknowledged} outcomes so far; they are "
            "reported again for nine hours",
            "nothing, if MoEngage comes back; sms-bridge message ID shows when the next try is",
        )
    for reason, count in survey.given_up.most_common():
        why, remedy = _meaning_of(reason, stack)
        yield problem(
            "outcomes-given-up",
            f"{count} outcomes were given up ({reason}): {why}",
            f"{remedy}; then: sms-bridge replay --reason {reason} --yes",
            (_NO_URL_ID,) if reason == NO_URL else (),
        )


def _meaning_of(reason: str, stack: Stack) -> tuple[str, str]:
    """Return why outcomes were given up, and what to do."""
    fix_the_url = f"unless that is fixed by now, {_set_the_url(stack)}"
    status = reason.removeprefix("moengage_")
    refused = f"MoEngage refused the reports with HTTP {status}"
    if reason == NO_URL:
        return "there was no delivery-tracking URL", fix_the_url
    if status in _URL_IS_WRONG:
        return f"{refused}, so the URL was wrong", fix_the_url
    if status.startswith("4"):
        mapping = "the mapping of delivery tracking in MoEngage"
        return refused, f"compare {mapping} with sms-bridge settings"
    if status == "unreachable":
        return "MoEngage did not answer for nine hours", "wait until MoEngage is back"
    return f"MoEngage answered HTTP {status} for nine hours", "wait until MoEngage is back"


def _set_the_url(stack: Stack) -> str:
    """Return how to give the stack the right URL, by the parameters that it is made of."""
    if base_url := stack.parameters.get("MoEngageBaseUrl"):
        other = f"MoEngageBaseUrl=URL, if it does not begin with {base_url}"
    else:
        data_center = stack.parameters.get("MoEngageDataCenter", "")
        other = f"MoEngageDataCenter=XX, if it does not begin with https://api-{data_center}"
    return (
        "sms-bridge parameters set MoEngageConnectorId=ID, with the last part of MoEngage's "
        f"delivery-tracking URL (and {other})"
    )
