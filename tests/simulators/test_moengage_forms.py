"""MoEngage's forms: what can be saved, and what a Raw body becomes."""

from dataclasses import replace

import pytest

from local.moengage import (
    BodyType,
    DeliveryTracking,
    Macro,
    MoEngageSimulator,
    Sender,
    SenderType,
)
from local.moengage.configuration import fill_in

SENDER = Sender(
    service_provider="Gateway",
    name="Acme",
    type=SenderType.TRANSACTIONAL,
    api_url="https://gateway.example/send",
    headers={"Authorization": "Bearer secret"},
    body_type=BodyType.RAW,
    body='{"text": "Moesms_message"}',
)
TRACKING = DeliveryTracking(
    sent_unique_id="messageId",
    report_unique_id="messageId",
    status="status",
    success_values=("DELIVERED",),
    failure_reason="reason",
)


def test_a_value_is_escaped_within_a_raw_body() -> None:
    assert fill_in(SENDER, {Macro.MESSAGE: 'say "hi"'}).body == b'{"text": "say \\"hi\\""}'


def test_two_senders_share_a_provider() -> None:
    moengage = MoEngageSimulator()
    moengage.save_sender(SENDER)
    moengage.save_sender(replace(SENDER, name="Acme offers", type=SenderType.PROMOTIONAL))

    with pytest.raises(ValueError, match="of this name"):
        moengage.save_sender(SENDER)


def test_two_providers_share_no_host_name() -> None:
    moengage = MoEngageSimulator()
    moengage.save_sender(SENDER)

    with pytest.raises(ValueError, match="host name"):
        moengage.save_sender(replace(SENDER, name="Other", service_provider="Other"))


def test_tracking_comes_after_saving() -> None:
    with pytest.raises(ValueError, match="no sender"):
        MoEngageSimulator().save_delivery_tracking("Gateway", "c0ffee", TRACKING)


def test_no_secret_shows() -> None:
    assert "secret" not in repr(SENDER)
