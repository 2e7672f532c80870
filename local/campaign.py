"""A small campaign: one message for each thing that can become of one."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from local.connector import sub_account_of
from local.moengage import CampaignMessage, Sender
from local.stack import SENDER_ID, LocalStack

# The bridge holds an outcome back for six seconds, 8x8's receipts take a moment, and MiniStack
# runs the functions one after the other on a small machine.
SECONDS_TO_SETTLE = 60
SECONDS_BETWEEN_LOOKS = 0.2

CAMPAIGN_ID_PREFIX = "demo-"

# 8x8's, at which people can reply.
VIRTUAL_NUMBER = "+6590001111"

GSM_7 = "Your order is on its way. Track it at https://acme.example/t/4711 [Acme]"
UNICODE = "¡Rebajas! 🎉 20 % en todo, sólo hoy. 特卖, até já"
LONG = "Dear customer, our summer sale begins. " * 12
QUOTED = 'Say "Acme20" & save 20%:\nhttps://acme.example/?a=1&b=2+3'


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What becomes of a message, from the webhook to the report.

    Attributes
    ----------
    answers
        The bridge's answers to the webhook: the HTTP status, with the code of a refusal.
    ids
        How many different message ids the answers gave.
    state, segments
        What a look-up shows at the end.
    sms
        How many SMS 8x8 has of it.
    as_written
        Whether each of those has the text, the number, the sender ID and the sub-account that was
        meant.
    belief, reason
        What MoEngage believes at the end.
    reports
        How many reports MoEngage got.
    """

    answers: tuple[str, ...] = ("200",)
    ids: int = 1
    state: str = "delivered"
    segments: int = 1
    sms: int = 1
    as_written: bool = True
    belief: str = "delivered"
    reason: str = ""
    reports: int = 1


@dataclass(frozen=True, slots=True)
class Case:
    """One message of the campaign.

    Attributes
    ----------
    repeated
        Whether MoEngage makes the same request twice.
    opted_out
        Whether the person first texts STOP to the sub-account's number.
    """

    name: str
    sender: Literal["transactional", "promotional", "raw"]
    destination: str = field(repr=False)
    text: str
    repeated: bool = False
    opted_out: bool = False
    expected: Course = Course()

    def sender_of(self, stack: LocalStack) -> Sender:
        sender: Sender = getattr(stack.senders, self.sender)
        return sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one message.

    Attributes
    ----------
    receipts
        The states of 8x8's receipts, in the order in which the bridge got them.
    """

    case: Case
    message_id: str
    course: Course
    receipts: tuple[str, ...]

    @property
    def differences(self) -> tuple[str, ...]:
        pairs = (
            (part.name, getattr(self.course, part.name), getattr(self.case.expected, part.name))
            for part in fields(Course)
        )
        return tuple(
            f"{name} {actual!r} instead of {expected!r}"
            for name, actual, expected in pairs
            if actual != expected
        )

    @property
    def as_expected(self) -> bool:
        return not self.differences


# 8x8's simulator goes by the last four digits of a number.
CASES = (
    Case("GSM-7 text", "transactional", "+6581111111", GSM_7),
    Case("Unicode text", "transactional", "+6581111112", UNICODE),
    Case("long text", "transactional", "+6581111113", LONG, expected=Course(segments=4)),
    Case("number without +", "transactional", "6581111114", GSM_7),
    Case("form body", "promotional", "+6581111115", QUOTED),
    Case("Unicode in a form", "promotional", "+6581111116", UNICODE),
    Case("bare number in a list", "raw", "6581111117", QUOTED),
    Case(
        "sent twice by MoEngage",
        "transactional",
        "+6581111118",
        GSM_7,
        repeated=True,
        expected=Course(answers=("200", "200")),
    ),
    Case("receipts doubled and shuffled", "transactional", "+6581110006", GSM_7),
    Case("deferred, then delivered", "transactional", "+6581110005", GSM_7),
    Case("throttled for a second", "transactional", "+6581110009", GSM_7),
    Case("throttled for longer: queued", "transactional", "+6581110016", GSM_7),
    Case("accepted, answered 500", "promotional", "+6581110010", QUOTED),
    Case("accepted, never answered", "transactional", "+6581110012", GSM_7),
    Case(
        "an offer after STOP",
        "promotional",
        "+6581111121",
        QUOTED,
        opted_out=True,
        expected=Course(state="failed", sms=0, belief="failed", reason="opted_out"),
    ),
    Case("an order after STOP", "transactional", "+6581111122", GSM_7, opted_out=True),
    Case(
        "phone is off for good",
        "promotional",
        "+6581110001",
        QUOTED,
        expected=Course(state="undelivered", belief="failed", reason="eightx8_undelivered_1"),
    ),
    Case(
        "rejected by the operator",
        "promotional",
        "+6581110002",
        QUOTED,
        expected=Course(state="rejected", belief="failed", reason="eightx8_rejected_15"),
    ),
    Case(
        "rejected by 8x8 at once",
        "transactional",
        "+6581110003",
        GSM_7,
        expected=Course(state="rejected", sms=0, belief="failed", reason="eightx8_rejected"),
    ),
    Case(
        "number that 8x8 refuses",
        "transactional",
        "+6581110004",
        GSM_7,
        expected=Course(
            state="failed", sms=0, belief="failed", reason="eightx8_invalid_destination"
        ),
    ),
    Case(
        "wrong number",
        "transactional",
        "+65 8111 none",
        GSM_7,
        expected=Course(
            answers=("400 field_invalid",),
            ids=0,
            state="",
            segments=0,
            sms=0,
            belief="not sent",
            reason="field_invalid",
            reports=0,
        ),
    ),
)


async def play(stack: LocalStack) -> list[Result]:
    """Send the campaign through MoEngage's simulator and wait for all that comes of it.

    Each wait has an end: what has not come by then is missing in the results.
    """
    # A new one for each run: the same text to the same number is a repeat only within a campaign.
    campaign_id = f"{CAMPAIGN_ID_PREFIX}{secrets.token_hex(4)}"
    messages = []
    for case in CASES:
        if case.opted_out:
            await _opt_out(stack, case)
        message = await stack.moengage.send(
            case.sender_of(stack),
            destination=case.destination,
            text=case.text,
            campaign_id=campaign_id,
        )
        if case.repeated:
            await stack.moengage.send_again(message)
        messages.append(message)
    await _settle(stack, [message for message in messages if message.unique_id])
    pairs = zip(CASES, messages, strict=True)
    return [await _result(stack, case, message) for case, message in pairs]


async def _opt_out(stack: LocalStack, case: Case) -> None:
    """Text STOP to the sub-account's number, and wait until the bridge knows."""
    umid = await stack.eightx8.receive_inbound(
        sub_account_id=sub_account_of(case.sender_of(stack)),
        source=case.destination,
        destination=VIRTUAL_NUMBER,
        body="STOP",
    )
    async with asyncio.timeout(SECONDS_TO_SETTLE):
        while not any(
            attempt.status == 200 and attempt.event["payload"]["umid"] == umid
            for attempt in stack.eightx8.callbacks
        ):
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _settle(stack: LocalStack, messages: list[CampaignMessage]) -> None:
    def all_reported() -> bool:
        return all(message.reports for message in messages)

    try:
        async with asyncio.timeout(SECONDS_TO_SETTLE):
            await stack.moengage.until(all_reported, SECONDS_TO_SETTLE)
            await stack.eightx8.settled(SECONDS_TO_SETTLE)
            # A second SMS or report of the same message would come from here.
            while await asyncio.to_thread(stack.sends_under_way) + await asyncio.to_thread(
                stack.outcomes_under_way
            ):
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    except TimeoutError:
        return


async def _result(stack: LocalStack, case: Case, message: CampaignMessage) -> Result:
    found: dict[str, Any] = await stack.look_up(message.unique_id) if message.unique_id else {}
    e164 = f"+{case.destination.removeprefix('+')}"
    # The bridge's reply to a STOP is no message of the campaign.
    sms = [
        one
        for one in stack.eightx8.messages
        if one.destination == e164 and one.source != VIRTUAL_NUMBER
    ]
    course = Course(
        answers=tuple(f"{one.http_status} {one.error_code}".strip() for one in message.answers),
        ids=len({one.unique_id for one in message.answers if one.unique_id}),
        state=found.get("state", ""),
        segments=found.get("segments", 0),
        sms=len(sms),
        as_written=all(
            (one.request["text"], one.request["source"]) == (case.text, SENDER_ID)
            and one.sub_account_id == sub_account_of(message.sender)
            for one in sms
        ),
        belief=message.belief,
        reason=message.reason,
        reports=len(message.reports),
    )
    receipts = [one["event"].removeprefix("receipt ") for one in found.get("history", [])]
    return Result(
        case=case,
        message_id=message.unique_id,
        course=course,
        receipts=tuple(receipts),
    )
