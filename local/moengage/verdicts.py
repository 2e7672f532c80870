"""What MoEngage's dashboard shows of a message, and what lies behind it.

The symptom is what an administrator sees. The hint is ours: it may look at the request and at the
answer, which MoEngage does not show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from local.moengage.configuration import (
    BodyType,
    DeliveryTracking,
    Macro,
    Sender,
    misspelt_macros,
)
from local.moengage.records import CampaignMessage, Report, WebhookAnswer

Status = Literal["sending", "not sent", "sent", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is shown of a message.

    Attributes
    ----------
    symptom
        As the dashboard has it.
    hint
        What to do about it; empty where all is well, or while it is not known yet.
    """

    status: Status
    symptom: str
    hint: str = ""


def verdict_of(
    message: CampaignMessage,
    tracking: DeliveryTracking | None,
    lost: Iterable[Report] = (),
    *,
    repeats: bool = False,
) -> Verdict:
    """Judge a message as MoEngage does.

    Parameters
    ----------
    tracking
        The mapping as it is now.
    lost
        Reports that no message was found for.
    repeats
        Whether an earlier message was answered with the same unique id.
    """
    verdict = _verdict_of(message, tracking, lost, repeats=repeats)
    if misspelt := misspelt_macros(message.sender):
        hint = (
            f"{', '.join(misspelt)} is no macro: MoEngage sends these letters as they are. "
            f"The macros are {', '.join(Macro)}."
        )
        return replace(verdict, hint=f"{hint} {verdict.hint}".strip())
    return verdict


def _verdict_of(
    message: CampaignMessage,
    tracking: DeliveryTracking | None,
    lost: Iterable[Report],
    *,
    repeats: bool,
) -> Verdict:
    if not message.answers:
        return Verdict("sending", "Sending")
    if not message.sent:
        answer = message.answers[-1]
        hint = _hint_for_webhook(answer, message.sender)
        return Verdict("not sent", f"Failed: {_failure_of(answer)}", hint)
    if not message.reports:
        return _waiting(message, tracking, lost, repeats=repeats)
    report = message.reports[0]
    if report.succeeded:
        return Verdict("delivered", "Delivered")
    reason = report.reason or "no reason given"
    return Verdict("failed", f"Failed: {reason}", _hint_for_report(report, tracking))


def _failure_of(answer: WebhookAnswer) -> str:
    if answer.error_code == "timeout":
        return f"no response within {answer.seconds:.0f} seconds"
    if answer.error_code == "no_connection":
        return "no connection to the API URL"
    return f"HTTP {answer.http_status}, code {answer.error_code}"


def _hint_for_webhook(answer: WebhookAnswer, sender: Sender) -> str:
    said = str(answer.content.get("message", ""))
    match answer.error_code:
        case "timeout":
            return (
                "MoEngage gives up after 5 seconds and counts the message as failed, although the "
                "SMS may still arrive. The bridge answers within 4 seconds on AWS; this machine "
                "may be busy, or the API URL is not the bridge's."
            )
        case "no_connection":
            return (
                "Nothing answers at the host of the API URL. Compare it with the bridge's SendUrl."
            )
        case "unauthorized":
            return _hint_for_token(sender.headers)
        case "fields_swapped":
            return (
                f"The macros are swapped: the recipient's key must hold {Macro.DESTINATION} and "
                f"the text's key {Macro.MESSAGE}."
            )
        case "field_missing" | "field_invalid" | "field_doubled":
            return f"{_fields_of(answer.content) or said} {_expected_body(sender)}"
        case "body_invalid" if sender.body_type is BodyType.RAW:
            return (
                f"{said} A Raw body breaks when a text holds quotes or line breaks: "
                "choose the body type JSON."
            )
        case "content_type_unsupported" | "body_invalid" | "body_missing":
            return f"{said} The header Content-Type has to fit the body type."
        case "sub_account_not_allowed":
            return (
                "The sub-account in the API URL is not among those of the bridge (SubAccountIds): "
                f"{urlsplit(sender.api_url).path}"
            )
        case "not_found":
            return "The path must be /api/v1/subaccounts/YOUR_SUB_ACCOUNT/messages."
        case "method_not_allowed":
            return "The method must be POST."
    if 200 < answer.http_status < 300:
        return "MoEngage takes any status but 200 for a failure, 202 included."
    return said


def _hint_for_token(headers: Mapping[str, str]) -> str:
    given = {name.lower(): value for name, value in headers.items()}.get("authorization", "")
    if not given:
        return "The header Authorization is missing: the word Bearer, a space and the token."
    if not given.startswith("Bearer "):
        return "The value of Authorization must begin with the word Bearer and one space."
    return (
        "The token is none of those that the bridge takes from MoEngage (moengageTokens). Copy it "
        "again, without quotes and without spaces around it."
    )


def _fields_of(content: Mapping[str, Any]) -> str:
    errors = content.get("errors")
    if not isinstance(errors, list):
        return ""
    named = (f"{one.get('field')} {one.get('message')}" for one in errors if isinstance(one, dict))
    return "; ".join(named) + "." if errors else ""


def _expected_body(sender: Sender) -> str:
    if isinstance(sender.body, str):
        return ""
    used = set(sender.body.values())
    absent = [macro for macro in (Macro.DESTINATION, Macro.MESSAGE) if macro not in used]
    return f"The body does not use {' and '.join(absent)}." if absent else ""


def _waiting(
    message: CampaignMessage,
    tracking: DeliveryTracking | None,
    lost: Iterable[Report],
    *,
    repeats: bool,
) -> Verdict:
    symptom, hint = "Sent", ""
    if tracking is None:
        hint = "Delivery tracking is not set up: map it below."
    elif not message.unique_id:
        symptom = "Sent, and no delivery status will ever follow"
        hint = (
            f"Unique id of the sent response is mapped to {tracking.sent_unique_id!r}, which "
            f"the answer does not have. It has {_keys(message.answers[-1].content)}."
        )
    elif astray := [one for one in lost if message.unique_id in one.content.values()]:
        symptom = "Sent, and no delivery status follows"
        hint = (
            "A report came, but unique id of the delivery response is mapped to "
            f"{tracking.report_unique_id!r}, where it does not have this message's id. "
            f"It has {_keys(astray[0].content)}."
        )
    elif repeats:
        hint = (
            "The same text to the same number within two minutes: the bridge took it for a "
            "repeat, answered with the first one's id and sent no second SMS."
        )
    else:
        symptom = "Sent, waiting for the delivery report"
    return Verdict("sent", symptom, hint)


def _hint_for_report(report: Report, tracking: DeliveryTracking | None) -> str:
    if tracking is None:
        return ""
    keys = _keys(report.content)
    if tracking.status not in report.content:
        return (
            f"Delivery status is mapped to {tracking.status!r}, which the report does not have. "
            f"It has {keys}."
        )
    said = str(report.content[tracking.status])
    if said in tracking.success_values:
        return "The mapping was changed since: this report would count as delivered now."
    if said.upper() == "DELIVERED":
        values = ", ".join(tracking.success_values) or "nothing"
        return (
            f"The report says {tracking.status} = {said}, and that is not among the success "
            f"values ({values}). MoEngage takes everything else for a failure."
        )
    if tracking.failure_reason not in report.content:
        return (
            f"Failure reason is mapped to {tracking.failure_reason!r}, which the report does not "
            f"have. It has {keys}."
        )
    what = str(report.content.get("description", "")) or report.reason
    return f"{what}. The report came as it should: nothing is wrong with the configuration."


def _keys(content: Mapping[str, Any]) -> str:
    return ", ".join(content) or "no keys at all"
