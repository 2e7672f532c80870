"""`sms-bridge settings`: what it prints, typed into MoEngage's forms, makes the bridge work."""

from bridge.calls import call
from bridge.settings import TRACKING
from local.connector import DELIVERY_TRACKING
from sms_bridge.domain.message import Outcome, OutcomeStatus
from sms_bridge.providers.moengage import report_body
from tests.bridge.deployed import MOENGAGE_TOKEN, PROMOTIONAL, TRANSACTIONAL, Deployed
from tests.builders import NUMBER, TEXT, a_message

SENT_ID = "Unique id of the sent response"
MACROS = {"Moesms_destination": NUMBER, "Moesms_message": TEXT, "Moesms_campaignId": "campaign-1"}


def test_a_message_sent_as_the_form_says_reaches_8x8(deployed: Deployed) -> None:
    sections = deployed.json_of("settings", "--show-tokens")
    fields = sections[f"Sender that uses the sub-account {TRANSACTIONAL}"]
    body = {
        name.removeprefix("Body "): MACROS.get(value, value)
        for name, value in fields.items()
        if name.startswith("Body ") and name not in ("Body type", "Body dltTemplateId")
    }

    token = fields["Header Authorization"].removeprefix("Bearer ")
    answer = call(fields["Method"], fields["API URL"], token=token, body=body)

    assert answer.status == 200
    [sent] = deployed.eightx8.messages
    assert (sent.sub_account_id, sent.destination) == (TRANSACTIONAL, NUMBER)
    message_id = answer.json[sections["Delivery tracking, manual mapping"][SENT_ID]]
    message = deployed.messages.get(message_id)
    assert message is not None
    assert message.campaign_id == "campaign-1"


def test_the_mapping_names_what_reports_hold() -> None:
    fields = TRACKING
    sent = report_body(a_message(), Outcome(OutcomeStatus.DELIVERED))

    assert sent[fields["Unique id of the delivery response"]] == a_message().id
    assert sent[fields["Delivery status"]] == fields["Success values"]
    assert fields["Failure reason"] in sent
    # And it is what the local stack's administrator typed.
    assert fields[SENT_ID] == DELIVERY_TRACKING.sent_unique_id
    assert (fields["Success values"],) == DELIVERY_TRACKING.success_values


def test_the_token_shows_only_when_asked_for(deployed: Deployed) -> None:
    assert MOENGAGE_TOKEN not in deployed.shown("settings")
    assert MOENGAGE_TOKEN not in deployed.shown("settings", "--json")
    assert f"Bearer {MOENGAGE_TOKEN}" in deployed.shown("settings", "--show-tokens")


def test_each_sub_account_has_its_url_and_kind(deployed: Deployed) -> None:
    sections = deployed.json_of("settings")

    kinds = {
        fields["API URL"].split("/")[-2]: fields["Sender type"]
        for name, fields in sections.items()
        if name.startswith("Sender")
    }
    assert kinds == {TRANSACTIONAL: "Transactional", PROMOTIONAL: "Promotional"}


def test_without_a_default_sender_id_the_form_says_what_belongs_there(deployed: Deployed) -> None:
    deployed.environment["DEFAULT_SENDER_ID"] = ""

    [transactional, *_] = deployed.json_of("settings").values()

    names = ("Sender name", "Body sender")
    assert {transactional[name] for name in names} == {"your sender ID with 8x8"}
