"""Does MoEngage hear the outcomes?"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from bridge.checks.findings import Finding, Level
from bridge.stack import Stack
from bridge.survey import SECONDS_UNTIL_REPORTED, Survey
from sms_bridge.services.forward import NO_URL

_PART = "MoEngage"
_WHOLE_URL = "MoEngageDeliveryTrackingUrl"
_SECONDS_TO_CONNECT = 5.0
# What MoEngage answers to a connector id that it does not know, or not there.
_URL_IS_WRONG = ("401", "403", "404", "405", "410")


def check_delivery_tracking(stack: Stack) -> Iterator[Finding]:
    """See whether a delivery-tracking URL is configured and its host can be reached."""
    url = stack.environment_of("ForwardOutcome").get("MOENGAGE_DELIVERY_TRACKING_URL", "")
    if not url:
        yield Finding(
            Level.PROBLEM,
            _PART,
            "no delivery-tracking URL is configured: MoEngage hears no outcome",
            f"{_set_the_url(stack)}; then: bridge replay --reason {NO_URL} --yes",
        )
        return
    host = urlsplit(url).netloc
    try:
        _connect(url)
    except OSError as error:
        yield Finding(
            Level.WARNING,
            _PART,
            f"{host} cannot be reached from this machine ({type(error).__name__})",
            "if outcomes are told in vain as well, see MoEngage's status page, or "
            f"{_set_the_url(stack)}",
        )
    else:
        yield Finding(Level.OK, _PART, f"delivery tracking is configured; {host} can be reached")


def check_outcomes(survey: Survey, stack: Stack) -> Iterator[Finding]:
    """See whether outcomes are not taken up, were told in vain or given up."""
    if survey.not_taken_up:
        yield Finding(
            Level.WARNING,
            _PART,
            f"{survey.not_taken_up} outcomes have been due for more than "
            f"{SECONDS_UNTIL_REPORTED // 60} minutes and nobody has tried to tell them",
            "see the log of ForwardOutcome, and whether AWS throttles it; nothing is lost",
        )
    if survey.unacknowledged:
        yield Finding(
            Level.WARNING,
            _PART,
            f"{survey.unacknowledged} outcomes were told in vain so far; they are told again for "
            "nine hours",
            "nothing, if MoEngage comes back; bridge message ID shows when the next try is",
        )
    for reason, count in survey.given_up.most_common():
        yield Finding(
            Level.PROBLEM,
            _PART,
            f"{count} outcomes were given up ({reason}): {_meaning_of(reason)}",
            f"{_remedy_of(reason, stack)}; then: bridge replay --reason {reason} --yes",
        )
    if not (survey.not_taken_up or survey.unacknowledged or survey.given_up):
        yield Finding(Level.OK, _PART, "no outcome was told in vain")


def _meaning_of(reason: str) -> str:
    if reason == NO_URL:
        return "there was no delivery-tracking URL"
    status = reason.removeprefix("moengage_")
    if status == "unreachable":
        return "MoEngage did not answer for nine hours"
    if status in _URL_IS_WRONG:
        return f"MoEngage refused the reports with HTTP {status}, so the URL was wrong"
    if status.startswith("4"):
        return f"MoEngage refused the reports with HTTP {status}"
    return f"MoEngage answered HTTP {status} for nine hours"


def _remedy_of(reason: str, stack: Stack) -> str:
    status = reason.removeprefix("moengage_")
    if reason == NO_URL or status in _URL_IS_WRONG:
        return f"unless that is mended by now, {_set_the_url(stack)}"
    if status.startswith("4"):
        return "compare the mapping of delivery tracking in MoEngage with bridge settings"
    return "wait until MoEngage is back"


def _set_the_url(stack: Stack) -> str:
    """Tell how to give the stack the right URL, by the parameter that it goes by."""
    if stack.parameters.get(_WHOLE_URL):
        return f"bridge parameters set {_WHOLE_URL}=URL, with the delivery-tracking URL of MoEngage"
    data_center = stack.parameters.get("MoEngageDataCenter", "")
    return (
        "bridge parameters set MoEngageConnectorId=ID, with the last part of the "
        f"delivery-tracking URL of MoEngage (and MoEngageDataCenter=XX, if it does not begin with "
        f"https://api-{data_center})"
    )


def _connect(url: str) -> None:
    """Connect and leave. A report about no message could disturb MoEngage's counts."""
    split = urlsplit(url)
    port = split.port or (443 if split.scheme == "https" else 80)
    with socket.create_connection((split.hostname or "", port), _SECONDS_TO_CONNECT) as connection:
        if split.scheme == "https":
            ssl.create_default_context().wrap_socket(
                connection, server_hostname=split.hostname
            ).close()
