"""Every file of events/, given to its function."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pytest

from local.event_files import (
    EVENTS,
    NEVER_SENT,
    NUMBER,
    OUTCOME_STUCK,
    TO_ASK_8X8,
    TOKENS,
    EventFile,
    event_files,
    in_short,
    message_id,
    put_messages,
    umid,
)
from tests.functions import ENVIRONMENT
from tests.handlers.conftest import API_KEY, DATA_API_KEY, HASH_KEY, Bridge

FILES = event_files()
DEAD_LETTERS = ("SEND_DEAD_LETTER_QUEUE_URL", "OUTCOME_DEAD_LETTER_QUEUE_URL")


@dataclass(frozen=True)
class Effects:
    """What an event brings about, beside its answer."""

    written: tuple[str, ...] = ()
    """Which items of the table changed: what they are, and the state of those that have one."""
    sent: tuple[dict[str, str], ...] = ()
    """What 8x8 was asked to send."""
    queued: tuple[int | str, ...] = ()
    """For the outcome queue: numbers of messages, or what is to be done of an inbound one."""
    reported: tuple[int | str, ...] = ()
    """To MoEngage: numbers of messages, what a profile is set to, or an event."""
    dead_lettered: tuple[str, ...] = ()
    """The reasons."""
    shows: tuple[str, ...] = ()
    """What the answer's body holds."""


def sms(text: str, destination: str = NUMBER, source: str = "Acme", **options: str) -> Any:
    return {"destination": destination, "text": text, "source": source, **options}


def sends(*words: str, **options: str) -> Effects:
    return Effects(("message sending",), (sms(*words, **options),), shows=('"umid":',))


def queues(messages: int, *shows: str) -> Effects:
    """Expect messages to wait in the send queue."""
    return Effects(("message waiting",) * messages, shows=shows)


def dispatches(*orders: int) -> Effects:
    sent = tuple(sms(f"Your order {order} has shipped") for order in orders)
    return Effects(("message sending",) * len(orders), sent)


def inbound(number: int, *written: str, changes: bool = False) -> Effects:
    """Expect it to be kept, and to be passed on to MoEngage, with what it asks for."""
    works = ("subscription", "event") if changes else ("event",)
    queued = tuple(f"{work} of inbound {umid(number)}" for work in works)
    return Effects(tuple(sorted(("inbound", *written))), queued=queued)


def receipt(state: str, *queued: int) -> Effects:
    return Effects((f"message {state}",), queued=queued)


def refuses(*shows: str) -> Effects:
    return Effects(shows=('"errorId":', '"timestamp":', *shows))


EFFECTS = {
    **{file.name: refuses() for file in FILES if file.answer.startswith("4")},
    "send_sms/single": sends("Your order 1001 has shipped"),
    "send_sms/eightx8_names": sends("Your order 1002 has shipped", encoding="AUTO"),
    "send_sms/campaign": sends("Your order 1003 has shipped"),
    "send_sms/form": sends("Your order 1004 has shipped & is near"),
    "send_sms/form_plus_not_escaped": sends("Your order 1005 has shipped", "6591234567"),
    "send_sms/unicode": sends("您的订单 1006 已发货 🚚 – grüße"),  # noqa: RUF001
    "send_sms/number_as_integer": sends("Your order 1007 has shipped", "6591234567"),
    "send_sms/number_in_list": sends("Your order 1008 has shipped", "6591234567"),
    "send_sms/raw_body": sends("Your order 1009 has shipped"),
    "send_sms/no_content_type": sends("Your order 1010 has shipped"),
    "send_sms/no_sender": sends(
        "Your order 1011 has shipped", source=ENVIRONMENT["SendSms"]["DEFAULT_SENDER_ID"]
    ),
    "send_sms/gzip": sends("Your order 1013 has shipped"),
    "send_sms/form_not_escaped": refuses("%26"),
    "send_sms/callers_callback_url": refuses('"field":"dlrCallbackUrl"'),
    "send_sms/promotional": sends("Your order 1012 has shipped"),
    "send_sms/missing_field": refuses('"field":"destination"'),
    "send_sms/doubled_field": refuses("message and text"),
    "send_sms/bad_number": refuses('"field":"recipient"'),
    "send_sms/two_numbers": refuses("exactly one recipient"),
    "send_sms/unfilled_macro": refuses("MoEngage did not fill it in"),
    "send_sms/swapped_fields": refuses("Moesms_destination and Moesms_message"),
    "send_sms/text_too_long": refuses('"field":"message"'),
    "send_sms/batch": queues(2, '"clientBatchId":"shipped-1"', '"clientMessageId":"order-1021"'),
    "send_sms/batch_of_one": queues(1, '"batchId":'),
    "send_sms/batch_to_destinations": queues(2),
    "send_sms/batch_partly_rejected": queues(1, '"code":"REJECTED"', "must be a phone number"),
    "send_sms/batch_without_messages": refuses('"code":3012', '"field":"messages"'),
    "dispatch_queue/one": dispatches(1120),
    "dispatch_queue/batch": dispatches(1121, 1122, 1123),
    "dispatch_queue/promotional": dispatches(1124),
    "dispatch_queue/expired": Effects(("message failed",), queued=(25,)),
    "dispatch_queue/unreadable": Effects(dead_lettered=("unreadable",)),
    "dispatch_queue/message_not_found": Effects(dead_lettered=("message_not_found",)),
    "dispatch_queue/redelivered": Effects(),
    "dispatch_queue/being_sent": Effects(),
    "receive_callback/receipt_queued": receipt("queued"),
    "receive_callback/receipt_sent": receipt("sent"),
    "receive_callback/receipt_delivered": receipt("delivered", 3),
    "receive_callback/receipt_undelivered": receipt("undelivered", 4),
    "receive_callback/receipt_deferred": receipt("deferred"),
    "receive_callback/receipt_rejected": receipt("rejected", 6),
    "receive_callback/receipt_read": receipt("read", 7),
    "receive_callback/receipt_of_unknown_state": receipt("queued"),
    "receive_callback/receipt_not_ours": Effects(("umid delivered",)),
    "receive_callback/inbound": inbound(10),
    # An item for the sub-account and one for all. The reply waits in the send queue.
    "receive_callback/inbound_stop": inbound(
        41, "opt-out", "opt-out", "replies", "message waiting", changes=True
    ),
    "receive_callback/inbound_start": inbound(42, "opt-out", "opt-out", changes=True),
    "receive_callback/inbound_help": inbound(43, "replies", "message waiting"),
    "receive_callback/inbound_stop_elsewhere": Effects(
        ("inbound", "opt-out"), queued=(f"subscription of inbound {umid(44)}",)
    ),
    "receive_callback/several_events": Effects(("message delivered", "message sent"), queued=(51,)),
    # Of no message that the bridge sent.
    "receive_callback/click": Effects(),
    "receive_callback/xml": Effects(("event",)),
    "receive_callback/unknown_event": Effects(("event",)),
    "receive_callback/other_product": Effects(),
    "receive_callback/not_json": Effects(("event",)),
    "receive_callback/no_body": Effects(("event",)),
    "receive_callback/token_in_url": receipt("delivered", 13),
    "forward_outcome/outcome": Effects(("message delivered",), reported=(16,)),
    "forward_outcome/nothing_open": Effects(),
    "forward_outcome/batch_with_a_broken_record": Effects(
        ("message delivered", "message delivered"), reported=(18, 19), dead_lettered=("unreadable",)
    ),
    "forward_outcome/opt_in": Effects(reported=("OPTIN",)),
    "forward_outcome/inbound_event": Effects(("inbound",), reported=("SMS Reply: START",)),
    "reconcile/every_five_minutes": Effects(
        # The last is noted as one of which the log did not say what became of it.
        ("message delivered", "message failed", "message sending"),
        queued=(OUTCOME_STUCK, NEVER_SENT, TO_ASK_8X8),
    ),
    "look_up_message/masked": Effects(
        shows=('"destination":"65*****567"', "receipt delivered", "reported to MoEngage: ")
    ),
    "look_up_message/full_number": Effects(shows=(f'"destination":"{NUMBER}"',)),
    "look_up_message/by_campaign": Effects(shows=('"campaignId":"autumn"', "65*****567")),
    "look_up_message/by_number": Effects(shows=('"messages":[]',)),
    "look_up_message/by_two_ways": refuses("exactly one"),
    "look_up_message/details": Effects(
        shows=('"msisdn":"65*****567"', '"detail":"delivered_to_recipient"', '"smsCount":1')
    ),
    "look_up_message/details_of_another_sub_account": refuses('"code":1300'),
    "look_up_message/details_of_no_id": refuses('"code":1300'),
    "refuse_request/cancel": refuses("ask 8x8 itself"),
    "refuse_request/wrong_method": refuses("takes POST"),
    "fill_secret/create": Effects(),
    "fill_secret/delete": Effects(),
    "fill_secret/settings": Effects(),
}

_SECRETS = (*TOKENS.values(), API_KEY, DATA_API_KEY, HASH_KEY, "not-a-token-of-ours")
_NUMBERS = (NUMBER.removeprefix("+"), "6598765432")
_TEXTS = ("Your order", "Never sent", "您的订单", "STOP please", "state=delivered")
NEVER_LOGGED = (*_SECRETS, *_NUMBERS, *_TEXTS)


def test_every_file_has_its_answer_and_its_effects() -> None:
    written_down = {f"{file.name}.json" for file in FILES}
    there = {str(path.relative_to(EVENTS)) for path in EVENTS.glob("*/*.json")}

    assert there == written_down == {f"{name}.json" for name in EFFECTS}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_event(file: EventFile, bridge: Bridge) -> None:
    effects = EFFECTS[file.name]
    handler = bridge.handler(file.function)
    put_messages(bridge.messages, file.event)
    before = bridge.items()

    answer = handler(bridge.event_of(file))

    if file.function == "fill_secret":
        [answer] = bridge.cloudformation.bodies
    assert in_short(answer) == file.answer
    for words in effects.shows:
        assert words in answer["body"]
    assert changes(before, bridge.items()) == effects.written
    assert sent_to_8x8(bridge) == effects.sent
    assert queued_outcomes(bridge) == set(named(effects.queued))
    assert sorted(heard(body) for body in bridge.moengage.bodies) == named(effects.reported)
    assert reasons_of_letters(bridge) == effects.dead_lettered
    assert [word for word in NEVER_LOGGED if word in bridge.log.text] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_shape_is_that_of_aws(file: EventFile) -> None:
    event = file.event
    if "Records" in event:
        for record in event["Records"]:
            assert record["eventSource"] == "aws:sqs"
            content = record["body"].encode()
            assert record["md5OfBody"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
        return
    if "detail-type" in event:
        assert (event["source"], event["detail"]) == ("aws.events", {})
        return
    if "RequestType" in event:
        assert event["ResourceProperties"]["ServiceToken"] == event["ServiceToken"]
        return
    context = event["requestContext"]
    content = event.get("body", "").encode()
    if event["isBase64Encoded"]:
        content = base64.b64decode(content, validate=True)
    media_type = event["headers"].get("content-type", "").partition(";")[0]
    is_text = media_type == "application/json" or media_type.startswith("text/")

    assert event["version"] == "2.0"
    assert event["routeKey"] == context["routeKey"]
    assert event["rawPath"] == context["http"]["path"]
    assert context["routeKey"] in (
        "$default",
        f"{context['http']['method']} {route_of(event)}",
    )
    assert event["headers"]["x-forwarded-for"] == context["http"]["sourceIp"]
    assert [name for name in event["headers"] if name != name.lower()] == []
    assert event["headers"].get("content-length", "0") == str(len(content))
    # API Gateway passes JSON and text/* on as text, and everything else in base64.
    assert event["isBase64Encoded"] is (bool(content) and not is_text)


def sent_to_8x8(bridge: Bridge) -> tuple[dict[str, str], ...]:
    """Return the messages that 8x8 was asked to send, one by one or in batches."""
    bodies = [body for body in bridge.eightx8.bodies if "from" not in body]
    messages = [message for body in bodies for message in body.get("messages", [body])]
    return tuple(
        {name: value for name, value in message.items() if name != "clientMessageId"}
        for message in messages
    )


def named(what: tuple[int | str, ...]) -> list[str]:
    """Put ids in place of the numbers of messages."""
    return [message_id(one) if isinstance(one, int) else one for one in what]


def heard(body: dict[str, Any]) -> str:
    """Return the id of a report's message, what a user's profile is set to, or an event."""
    if body.get("type") == "event":
        [action] = body["actions"]
        return f"{action['action']}: {action['attributes']['text']}"
    return str(body.get("umid") or body["attributes"]["moe_sms_subscription"])


def reasons_of_letters(bridge: Bridge) -> tuple[str, ...]:
    letters = [letter for queue in DEAD_LETTERS for letter in bridge.queued(queue)]
    return tuple(letter["MessageAttributes"]["reason"]["StringValue"] for letter in letters)


def queued_outcomes(bridge: Bridge) -> set[str]:
    bodies = (json.loads(one["Body"]) for one in bridge.queued("OUTCOME_QUEUE_URL"))
    return {body.get("messageId") or f"{body['work']} of {body['inboundId']}" for body in bodies}


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """Name the items that are new or other than before.

    What closes a chain of claims is left out: one is written in the first minutes of a period.
    """
    return tuple(
        sorted(
            message_type(item)
            for key, item in after.items()
            if before.get(key) != item and "closes_window" not in item
        )
    )


def message_type(item: dict[str, Any]) -> str:
    what, is_prefixed, _ = item["id"]["S"].partition(" ")
    state = item.get("state", {}).get("S", "")
    return f"{what if is_prefixed else 'message'} {state}".strip()


def route_of(event: dict[str, Any]) -> str:
    """Put the names of the path's parameters back in place of their values."""
    path: str = event["rawPath"]
    for name, value in event.get("pathParameters", {}).items():
        path = path.replace(value, f"{{{name}}}")
    return path
