"""Does MoEngage hear the outcomes?"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from bridge.checks.findings import Finding, Level
from bridge.stack import Stack
from bridge.survey import Survey
from sms_bridge.steps.forward import NO_URL

_PART = "MoEngage"
_SECONDS_TO_CONNECT = 5.0
_SET_THE_URL = (
    "put the last part of the delivery-tracking URL that MoEngage shows into the parameter "
    "MoEngageConnectorId: make deploy"
)


def check_delivery_tracking(stack: Stack) -> Iterator[Finding]:
    """See whether a delivery-tracking URL is configured and its host can be reached."""
    url = stack.environment_of("ForwardOutcome").get("MOENGAGE_DELIVERY_TRACKING_URL", "")
    if not url:
        yield Finding(
            Level.PROBLEM,
            _PART,
            "no delivery-tracking URL is configured: MoEngage hears no outcome",
            f"{_SET_THE_URL}, then: bridge replay --reason {NO_URL} --yes",
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
            "if outcomes are told in vain as well, see MoEngage's status page and the parameter "
            "MoEngageDataCenter",
        )
    else:
        yield Finding(Level.OK, _PART, f"delivery tracking is configured; {host} can be reached")


def check_outcomes(survey: Survey) -> Iterator[Finding]:
    """See whether outcomes were told in vain or given up."""
    if survey.told_in_vain:
        yield Finding(
            Level.WARNING,
            _PART,
            f"{survey.told_in_vain} outcomes were told in vain so far; they are told again for "
            "nine hours",
            "nothing, if MoEngage comes back; bridge message ID shows when the next try is",
        )
    for reason, count in survey.given_up.most_common():
        yield Finding(
            Level.PROBLEM,
            _PART,
            f"{count} outcomes were given up ({reason}): {_meaning_of(reason)}",
            f"{_remedy_of(reason)}bridge replay --reason {reason} --yes",
        )
    if not survey.told_in_vain and not survey.given_up:
        yield Finding(Level.OK, _PART, "no outcome was told in vain")


def _meaning_of(reason: str) -> str:
    if reason == NO_URL:
        return "there was no delivery-tracking URL"
    status = reason.removeprefix("moengage_")
    if status == "unreachable":
        return "MoEngage did not answer for nine hours"
    if status.startswith("4"):
        return f"MoEngage refuses the reports with HTTP {status}; the connector id may be wrong"
    return f"MoEngage answered HTTP {status} for nine hours"


def _remedy_of(reason: str) -> str:
    if reason == NO_URL or reason.removeprefix("moengage_").startswith("4"):
        return f"if the URL is missing or wrong, {_SET_THE_URL}; then: "
    return "when MoEngage is back: "


def _connect(url: str) -> None:
    """Connect and leave. A report about no message could disturb MoEngage's counts."""
    split = urlsplit(url)
    port = split.port or (443 if split.scheme == "https" else 80)
    with socket.create_connection((split.hostname or "", port), _SECONDS_TO_CONNECT) as connection:
        if split.scheme == "https":
            ssl.create_default_context().wrap_socket(
                connection, server_hostname=split.hostname
            ).close()
