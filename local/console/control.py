"""The control API's actions: what can be done to the local stack, and what can be seen of it.

The page and the tests do the same through it; it holds no truth of its own but drafts and replies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from itertools import repeat
from typing import Any

from local.campaign import CASES, VIRTUAL_NUMBER
from local.console import forms, views
from local.console.bridge_watch import BridgeWatch
from local.console.counters import counters
from local.console.forms import FormError, number_of, text_of
from local.console.timeline import ON_THE_PHONE
from local.console.traces import Traces
from local.console.traffic import MOST_MESSAGES, MOST_PER_SECOND, Campaign
from local.eightx8 import Course
from local.eightx8.error_codes import ERROR_CODES
from local.eightx8.scenarios import endings
from local.moengage import DeliveryTracking, Fault, Macro
from local.stack import SUB_ACCOUNT_IDS, LocalStack

_MOST_INSTRUCTIONS = 100
_MOST_FAULTS = 100
_MOST_API_KEYS = 10
_RECENT_REQUESTS = 100


class NotThereError(Exception):
    """There is no such thing."""


class Control:
    """The desk from which the stack is driven."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.traces = Traces(stack.moengage, stack.eightx8)
        self.watch = BridgeWatch(stack)
        self.queues: dict[str, int] = {}
        self.campaign: Campaign | None = None
        self._campaigns = 0
        self._campaign_task: asyncio.Task[None] | None = None
        self._replies: list[dict[str, Any]] = []

    async def close(self) -> None:
        """Stop the campaign that is under way."""
        if self._campaign_task:
            self._campaign_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._campaign_task

    # ------------------------------------------------------------------------------- what is seen
    def settings(self) -> dict[str, Any]:
        """Show what does not change by itself: the forms, and what can be chosen."""
        stack = self.stack
        return {
            "senders": [forms.sender_form(sender) for sender in stack.moengage.senders],
            "thisStack": [forms.sender_form(sender) for sender in stack.senders],
            "tracking": forms.tracking_form(self.tracking) if self.tracking else None,
            "trackingUrl": f"https://api-0X.moengage.com/sms/dlr/custom/{stack.connector_id}",
            "macros": list(Macro),
            "methods": forms.METHODS,
            "errorCodes": [{"code": code, "text": text} for code, text in ERROR_CODES.items()],
            "endings": [{"ending": ending, "text": text} for ending, text in endings()],
            "subAccounts": SUB_ACCOUNT_IDS,
            "demo": {
                "messages": len(CASES),
                "fail": sum(case.expected.belief != "delivered" for case in CASES),
            },
            "urls": {
                "bridge": stack.front_door_url,
                "eightx8": stack.eightx8_url,
                "moengage": stack.moengage_url,
                "aws": stack.aws.endpoint,
            },
        }

    def situation(self) -> dict[str, Any]:
        """Show what changes: queues, instructions, the campaign and the numbers."""
        instructions, traces = self.stack.eightx8.instructions, self.traces.all()
        campaign = self.campaign
        of_campaign = [one for one in traces if campaign and one.message.campaign_id == campaign.id]
        standing = instructions.standing
        return {
            "queues": self.queues,
            "instructions": {
                "upcoming": [forms.as_form(one) for one in instructions.upcoming],
                "standing": forms.as_form(standing) if standing else None,
            },
            "reportFaults": len(self.stack.moengage.faults),
            "campaign": {**campaign.summary(), **counters(of_campaign)} if campaign else None,
            "run": counters(traces),
        }

    def rows(self) -> list[dict[str, Any]]:
        """List all messages: MoEngage's, the oldest first, then those of somebody else."""
        traces = [*self.traces.all(), *self.traces.others()]
        return [views.row(trace, self.tracking) for trace in traces]

    def last_requests(self) -> list[dict[str, Any]]:
        """List the last requests that 8x8 got, the oldest first."""
        return self.requests(max(0, len(self.stack.eightx8.requests) - _RECENT_REQUESTS))

    def counts(self) -> dict[str, int]:
        """Count what both simulators have recorded, and what 8x8 still has to do."""
        return {
            "requests": len(self.stack.eightx8.requests),
            "sms": len(self.stack.eightx8.messages),
            "callbacks": len(self.stack.eightx8.callbacks),
            "reports": len(self.stack.moengage.reports),
            "underWay": self.stack.eightx8.pending,
        }

    # These lists only ever grow; each is read from a place on.
    def requests(self, since: int) -> list[dict[str, Any]]:
        requests = self.stack.eightx8.requests[since:]
        return [views.eightx8_request(number, one) for number, one in enumerate(requests, since)]

    def sms(self, since: int) -> list[dict[str, Any]]:
        return [views.sms(one) for one in self.stack.eightx8.messages[since:]]

    def callbacks(self, since: int) -> list[dict[str, Any]]:
        return [asdict(one) for one in self.stack.eightx8.callbacks[since:]]

    def reports(self, since: int) -> list[dict[str, Any]]:
        """List the reports that MoEngage got; a lost one is about no message that it knows."""
        lost = {id(one) for one in self.stack.moengage.lost}
        reports = self.stack.moengage.reports[since:]
        return [{**views.report(one), "lost": id(one) in lost} for one in reports]

    def users(self) -> dict[str, Any]:
        data_api = self.stack.moengage.data_api
        return {
            "users": data_api.users,
            "events": [asdict(event) for event in data_api.events],
            "refused": data_api.refused,
        }

    def phone(self) -> list[dict[str, Any]]:
        """List what is on the recipients' phones, with their replies, in order."""
        received = [
            {"direction": "received", **views.on_phone(sms)}
            for sms in self.stack.eightx8.messages
            if sms.state in ON_THE_PHONE
        ]
        known = {
            attempt.event["payload"].get("umid")
            for attempt in self.stack.eightx8.callbacks
            if attempt.status == 200
        }
        replies = [{**one, "known": one["umid"] in known} for one in self._replies]
        return sorted([*received, *replies], key=lambda entry: entry["at"])

    def message(self, key: str) -> dict[str, Any]:
        """Show one message with all that is known of it now."""
        trace = self.traces.one(key)
        if trace is None:
            raise NotThereError
        return views.detail(trace, self.tracking)

    @property
    def tracking(self) -> DeliveryTracking | None:
        """How MoEngage reads reports now."""
        return self.stack.moengage.tracking_of(self._service_provider)

    def mapping_keys(self) -> dict[str, Any]:
        """Show what MoEngage's automatic mapping reads: the last answer and the last report."""
        answers = (
            answer.content
            for message in reversed(self.stack.moengage.messages)
            for answer in message.answers
            if answer.http_status == 200
        )
        reports = self.stack.moengage.reports
        return {
            "answer": _flat(next(answers, {})),
            "report": _flat(reports[-1].content if reports else {}),
        }

    # -------------------------------------------------------------------------------- MoEngage
    async def send_test(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """Send a test SMS with a sender's form as it is, saved or not."""
        sender = forms.sender_of(_part(form, "sender"))
        destination = text_of(form, "number", most=60)
        text = text_of(form, "text")
        message = await self.stack.moengage.send(sender, destination=destination, text=text)
        key = str(self.stack.moengage.messages.index(message) + 1)
        return self.message(key)

    def save_sender(self, form: Mapping[str, Any]) -> None:
        """Save a sender in place of another."""
        senders, place = self.stack.moengage.senders, int(form["place"])
        if place >= len(senders):
            raise NotThereError
        try:
            self.stack.moengage.save_sender(forms.sender_of(form), instead_of=senders[place])
        except ValueError as error:
            raise FormError("name", str(error)) from None

    def save_tracking(self, form: Mapping[str, Any]) -> None:
        tracking = forms.tracking_of(form)
        self.stack.moengage.save_delivery_tracking(
            self._service_provider, self.stack.connector_id, tracking
        )

    def refuse_reports(self, form: Mapping[str, Any]) -> None:
        """Have MoEngage answer the next reports with 503."""
        count = number_of(form, "reports", least=0, most=_MOST_FAULTS, default=1)
        self.stack.moengage.faults.clear()
        self.stack.moengage.faults.extend(repeat(Fault(http_status=503), count))

    def what_to_type(self, form: Mapping[str, Any]) -> list[dict[str, str]]:
        """Say what to type into the real MoEngage for a sender like this one."""
        return forms.what_to_type(forms.sender_of(form))

    # --------------------------------------------------------------------- 8x8 and the phone
    def instruct(self, form: Mapping[str, Any]) -> None:
        """Tell 8x8 what to do with the next messages; with ``messages`` 0, with all from now on."""
        instruction = forms.instruction_of(form)
        count = number_of(form, "messages", least=0, most=_MOST_INSTRUCTIONS, default=1)
        instructions = self.stack.eightx8.instructions
        instructions.clear()
        if count:
            instructions.upcoming.extend(repeat(instruction, count))
        else:
            instructions.standing = instruction

    def save_api_keys(self, form: Mapping[str, Any]) -> None:
        """Have 8x8 take these API keys and no others."""
        api_keys = forms.texts_of(form, "apiKeys", most=_MOST_API_KEYS)
        self.stack.eightx8.api_keys.clear()
        self.stack.eightx8.api_keys.update(api_keys)

    def withdraw_instructions(self) -> None:
        """Let the numbers decide again."""
        self.stack.eightx8.instructions.clear()

    async def reply(self, form: Mapping[str, Any]) -> dict[str, str]:
        """Let a person send an SMS to a sub-account's virtual number; gives its umid."""
        number, body = text_of(form, "number", most=20), text_of(form, "text")
        sub_account_id = form.get("subAccountId")
        if sub_account_id not in SUB_ACCOUNT_IDS:
            raise FormError("subAccountId", f"must be one of {', '.join(SUB_ACCOUNT_IDS)}")
        digits = number.removeprefix("+")
        if not digits.isascii() or not digits.isdecimal():
            raise FormError("number", "must be a phone number with its country code")
        umid = await self.stack.eightx8.receive_inbound(
            sub_account_id=sub_account_id,
            source=f"+{digits}",
            destination=VIRTUAL_NUMBER,
            body=body,
        )
        self._replies.append(
            {
                "direction": "sent",
                "umid": umid,
                "number": f"+{digits}",
                "to": VIRTUAL_NUMBER,
                "subAccountId": sub_account_id,
                "text": body,
                "at": self.stack.eightx8.clock(),
            }
        )
        return {"umid": umid}

    def click(self, form: Mapping[str, Any]) -> None:
        try:
            self.stack.eightx8.click(text_of(form, "umid", most=40))
        except ValueError as error:
            raise FormError("umid", str(error)) from None

    # ------------------------------------------------------------------------------- the campaign
    def start_campaign(self, form: Mapping[str, Any]) -> dict[str, Any]:
        if self._campaign_task and not self._campaign_task.done():
            raise FormError("messages", "a campaign is under way: stop it first")
        mix = {}
        for name in _part(form, "mix"):
            course = forms.choice_of({"mix": name}, "mix", Course)
            mix[course] = number_of(_part(form, "mix"), name, least=0, most=100, default=0)
        if sum(mix.values()) > 100:
            raise FormError("mix", "must not be more than 100 percent")
        self._campaigns += 1
        self.campaign = Campaign(
            self.stack,
            messages=number_of(form, "messages", least=1, most=MOST_MESSAGES, default=500),
            per_second=number_of(form, "perSecond", least=1, most=MOST_PER_SECOND, default=5),
            mix=mix,
            number=self._campaigns,
        )
        self._campaign_task = asyncio.create_task(self.campaign.run())
        return self.campaign.summary()

    def stop_campaign(self) -> None:
        """Send no more of it; what is under way goes on."""
        if self._campaign_task:
            self._campaign_task.cancel()

    async def reconcile(self) -> dict[str, int]:
        return await asyncio.to_thread(self.stack.reconcile)

    @property
    def _service_provider(self) -> str:
        return self.stack.moengage.senders[0].service_provider


def _part(form: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    part = form.get(field, {})
    if not isinstance(part, dict):
        raise FormError(field, "must be an object")
    return part


def _flat(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the top-level keys that a mapping can be made to, with their values."""
    return {
        key: str(value)
        for key, value in content.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }
