"""What MoEngage's dashboard shows, and the hint at what lies behind it."""

from dataclasses import replace
from typing import Any

import pytest

from local.connector import DELIVERY_TRACKING, senders
from local.moengage import BodyType, CampaignMessage, DeliveryTracking, Report, WebhookAnswer
from local.moengage.configuration import WebhookRequest
from local.moengage.verdicts import Verdict, verdict_of

URL = "http://127.0.0.1:1/api/v1/subaccounts/Acme/messages"
RAW_SENDER = senders(URL, URL, "t", "Acme").raw
JSON_SENDER = replace(RAW_SENDER, body_type=BodyType.JSON, body={"recipient": "Moesms_destination"})
TAKEN = WebhookAnswer(http_status=200, unique_id="m-1", content={"umid": "m-1"})
REPORT = {"umid": "m-1", "status": "DELIVERED", "reason": "", "eightx8Umid": "u"}


def a_message(*answers: WebhookAnswer, sender: Any = JSON_SENDER) -> CampaignMessage:
    request = WebhookRequest(method="POST", url=sender.api_url, headers={}, body=b"")
    return CampaignMessage(
        sender=sender, destination="+6581234567", request=request, answers=list(answers)
    )


def refused(status: int, code: str, sender: Any = JSON_SENDER, **content: Any) -> CampaignMessage:
    content = {"code": code, **content}
    return a_message(
        WebhookAnswer(http_status=status, error_code=code, content=content, seconds=5.001),
        sender=sender,
    )


def a_report(*, succeeded: bool, reason: str = "", **changes: str) -> Report:
    content = {**REPORT, **changes}
    return Report(
        unique_id="m-1", succeeded=succeeded, reason=reason, content=content, http_status=200
    )


def reported(tracking: DeliveryTracking = DELIVERY_TRACKING, **changes: str) -> Verdict:
    """Judge a message whose report was read as the mapping says."""
    content = {**REPORT, **changes}
    succeeded = content.get(tracking.status, "") in tracking.success_values
    reason = content.get(tracking.failure_reason, "")
    message = a_message(TAKEN)
    message.reports.append(a_report(succeeded=succeeded, **{**changes, "reason": reason}))
    return verdict_of(message, tracking)


@pytest.mark.parametrize(
    ("message", "symptom", "hint"),
    [
        (refused(0, "timeout"), "Failed: no response within 5 seconds", "gives up after 5 seconds"),
        (refused(0, "no_connection"), "Failed: no connection to the API URL", "SendUrl"),
        (refused(400, "fields_swapped"), "HTTP 400, code fields_swapped", "macros are swapped"),
        (
            refused(400, "field_missing", errors=[{"field": "message", "message": "is required"}]),
            "HTTP 400, code field_missing",
            "message is required. The body does not use Moesms_message.",
        ),
        (refused(415, "content_type_unsupported", message="Not this."), "HTTP 415", "Content-Type"),
        (refused(400, "body_invalid", RAW_SENDER), "HTTP 400", "choose the body type JSON"),
        (refused(403, "sub_account_not_allowed"), "HTTP 403", "/api/v1/subaccounts/Acme/messages"),
        (refused(404, "not_found"), "HTTP 404", "YOUR_SUB_ACCOUNT"),
        (refused(405, "method_not_allowed"), "HTTP 405", "must be POST"),
        (refused(202, "http_202"), "HTTP 202", "any status but 200"),
        (refused(503, "unavailable", message="Try again."), "HTTP 503", "Try again."),
    ],
)
def test_what_was_not_sent(message: CampaignMessage, symptom: str, hint: str) -> None:
    verdict = verdict_of(message, DELIVERY_TRACKING)

    assert verdict.status == "not sent"
    assert symptom in verdict.symptom
    assert hint in verdict.hint


@pytest.mark.parametrize(
    ("headers", "hint"),
    [
        ({}, "is missing"),
        ({"authorization": "token"}, "must begin with the word Bearer"),
        ({"Authorization": "Bearer other"}, "none of those that the bridge takes"),
    ],
)
def test_a_refused_token_without_quoting_it(headers: dict[str, str], hint: str) -> None:
    message = refused(401, "unauthorized", replace(JSON_SENDER, headers=headers))

    verdict = verdict_of(message, DELIVERY_TRACKING)

    assert hint in verdict.hint
    assert "other" not in verdict.hint


class TestSent:
    def test_nothing_is_wrong_while_the_report_is_on_its_way(self) -> None:
        verdict = verdict_of(a_message(TAKEN), DELIVERY_TRACKING)

        assert (verdict.status, verdict.hint) == ("sent", "")

    def test_without_an_answer_it_is_being_sent_and_without_tracking_a_hint_says_so(self) -> None:
        assert verdict_of(a_message(), DELIVERY_TRACKING).status == "sending"
        assert "not set up" in verdict_of(a_message(TAKEN), None).hint

    def test_the_id_is_mapped_to_a_key_that_the_answer_does_not_have(self) -> None:
        tracking = replace(DELIVERY_TRACKING, sent_unique_id="message_id")

        verdict = verdict_of(a_message(replace(TAKEN, unique_id="")), tracking)

        assert "no delivery status will ever follow" in verdict.symptom
        assert "'message_id', which the answer does not have. It has umid" in verdict.hint

    def test_the_report_came_and_its_id_is_looked_for_elsewhere(self) -> None:
        lost = [a_report(succeeded=True)]

        assert "mapped to 'umid'" in verdict_of(a_message(TAKEN), DELIVERY_TRACKING, lost).hint

    def test_a_repeat_gets_no_report_of_its_own(self) -> None:
        assert "repeat" in verdict_of(a_message(TAKEN), DELIVERY_TRACKING, repeats=True).hint


class TestReported:
    def test_delivered(self) -> None:
        assert reported() == Verdict(status="delivered", symptom="Delivered")

    def test_failed_for_a_reason_that_is_the_recipients(self) -> None:
        verdict = reported(status="FAILED", reason="eightx8_undelivered_1", description="Absent")

        assert verdict.symptom == "Failed: eightx8_undelivered_1"
        assert verdict.hint.startswith("Absent. The report came as it should")

    def test_a_wrong_success_value_makes_every_delivered_message_fail(self) -> None:
        verdict = reported(replace(DELIVERY_TRACKING, success_values=("delivered", "ok")))

        assert verdict.symptom == "Failed: no reason given"
        assert "status = DELIVERED, and that is not among the success values (delivered, ok)" in (
            verdict.hint
        )

    @pytest.mark.parametrize(
        ("changes", "hint"),
        [
            ({"status": "state"}, "Delivery status is mapped to 'state'"),
            ({"failure_reason": "why"}, "Failure reason is mapped to 'why'"),
        ],
    )
    def test_a_key_that_the_report_does_not_have(self, changes: Any, hint: str) -> None:
        verdict = reported(replace(DELIVERY_TRACKING, **changes), status="FAILED", reason="expired")

        assert verdict.status == "failed"
        assert hint in verdict.hint

    def test_a_mapping_that_was_mended_since(self) -> None:
        message = a_message(TAKEN)
        message.reports.append(a_report(succeeded=False))

        assert "would count as delivered now" in verdict_of(message, DELIVERY_TRACKING).hint


@pytest.mark.parametrize(
    ("value", "misspelt"),
    [
        ("Moesms_mesage", "Moesms_mesage"),
        ("Hello MoeSMS_message", "MoeSMS_message"),
        ("moesms_destination", "moesms_destination"),
        ("Moesms_message", ""),
        ("Moesms_messages", "Moesms_messages"),
    ],
)
def test_a_misspelt_macro_is_named_although_the_message_was_delivered(
    value: str, misspelt: str
) -> None:
    message = a_message(TAKEN, sender=replace(RAW_SENDER, body={"text": value}))
    message.reports.append(a_report(succeeded=True))

    verdict = verdict_of(message, DELIVERY_TRACKING)

    assert verdict.status == "delivered"
    assert verdict.hint.startswith(f"{misspelt} is no macro") if misspelt else not verdict.hint
