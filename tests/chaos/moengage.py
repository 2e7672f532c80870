"""MoEngage in virtual time: the simulator of the local stack, and what it is told to do."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

from local.connector import DELIVERY_TRACKING, SERVICE_PROVIDER, senders
from local.moengage import CampaignMessage, Fault, MoEngageSimulator, Report, Sender, WebhookAnswer
from local.moengage.configuration import WebhookRequest
from local.moengage.simulator import RETRIES
from tests.chaos.faults import Faults
from tests.chaos.wire import Mishap, Reply, Request
from tests.chaos.world import World
from tests.chaos.world_loop import Server, WorldLoop

DUPLICATE_WINDOW = 120

PROMOTIONAL = "acme_news"
TRANSACTIONAL = "acme_codes"
TRACKING_PATH = "/sms/dlr/custom/connector"

_SECONDS_THAT_THE_BRIDGE_WAITS = 4.0
_API_URL = "https://bridge.invalid/api/v1/subaccounts/{}/messages"


@dataclass
class Wanted:
    """A message that MoEngage wants sent.

    Attributes
    ----------
    client_message_id
        Empty when MoEngage names it not; if it does, it is one message whenever it is asked for.
    message
        What MoEngage has of it, once it has asked for it.
    """

    number: int
    sub_account_id: str
    recipient: str
    client_message_id: str = ""
    message: CampaignMessage | None = None

    @property
    def asks(self) -> list[WebhookAnswer]:
        """What came of each request."""
        return self.message.answers if self.message else []

    @property
    def reports(self) -> list[Report]:
        """The reports that MoEngage has counted."""
        return self.message.reports if self.message else []


class MoEngage:
    """MoEngage, and the way to it.

    Parameters
    ----------
    spacing
        Seconds between two messages.
    token
        The bridge's, for MoEngage.
    post
        Posts to the bridge from within an activity; returns the HTTP status and the answer.
    heard
        Is told what happens to each message, by id.

    Attributes
    ----------
    simulator
        MoEngage itself.
    wanted
        All messages of the campaign.
    unsure
        The ids of reports of which the bridge cannot know that MoEngage heard them.
    pending
        How many requests are still to come.
    """

    def __init__(
        self,
        world: World,
        loop: WorldLoop,
        faults: Faults,
        *,
        messages: int,
        spacing: float,
        token: str,
        post: Callable[[WebhookRequest], tuple[int, bytes]],
        heard: Callable[[str, str], None],
    ) -> None:
        self.wanted: list[Wanted] = []
        self.unsure: set[str] = set()
        self.pending = 0
        self._world = world
        self._loop = loop
        self._faults = faults
        self._post = post
        self._heard = heard
        self._random = world.random("MoEngage")
        self._told: defaultdict[str, list[Report]] = defaultdict(list)
        self._sorted = 0
        self.simulator = MoEngageSimulator(retries=RETRIES, clock=loop.time)
        self.simulator.exchange = self._exchange
        self._senders = senders(
            _API_URL.format(TRANSACTIONAL), _API_URL.format(PROMOTIONAL), token, "Acme"
        )
        for sender in self._senders:
            self.simulator.save_sender(sender)
        self.simulator.save_delivery_tracking(
            SERVICE_PROVIDER, TRACKING_PATH.rpartition("/")[2], DELIVERY_TRACKING
        )
        self._server = Server(loop, world, self.simulator.application(), address="203.0.113.7")
        for number in range(messages):
            self._want(number, number * spacing)

    def reported(self, message_id: str) -> list[Report]:
        """Return the reports of a message that were answered 200, in order."""
        reports = self.simulator.reports
        for report in reports[self._sorted :]:
            if report.http_status == 200:
                self._told[report.unique_id].append(report)
        self._sorted = len(reports)
        return self._told[message_id]

    # ---------------------------------------------------------------------------------------- asks
    def _want(self, number: int, at: float) -> None:
        random = self._random
        is_transactional = random.random() < 0.3
        wanted = Wanted(
            number,
            TRANSACTIONAL if is_transactional else PROMOTIONAL,
            f"+65{80_000_000 + number}",
            f"caller-{number}" if random.random() < 0.1 else "",
        )
        self.wanted.append(wanted)
        at += random.uniform(0.0, 5.0)
        times = [at]
        if self._faults.strikes("simultaneous_repeats"):
            times += [at + random.uniform(0.0, 0.05) for _ in range(random.randint(1, 3))]
        if self._faults.strikes("retries"):
            times.append(at + self.simulator.seconds_to_answer + random.uniform(0.0, 5.0))
        if self._faults.strikes("late_repeats"):
            times += [at + random.uniform(15.0, 100.0), at + random.uniform(150.0, 2000.0)]
        for time in times:
            self.pending += 1
            self._world.call_later(time, lambda: self._loop.begin(self._ask(wanted)))

    async def _ask(self, wanted: Wanted) -> None:
        if wanted.message is None:
            wanted.message = self.simulator.add(
                self._sender_of(wanted),
                destination=wanted.recipient,
                text=f"Message {wanted.number}",
                campaign_id="autumn",
            )
        await self.simulator.run(wanted.message)
        self.pending -= 1

    def _sender_of(self, wanted: Wanted) -> Sender:
        is_transactional = wanted.sub_account_id == TRANSACTIONAL
        sender = self._senders.transactional if is_transactional else self._senders.promotional
        if not wanted.client_message_id:
            return sender
        assert not isinstance(sender.body, str)
        return replace(sender, body={**sender.body, "clientMessageId": wanted.client_message_id})

    async def _exchange(self, request: WebhookRequest) -> tuple[int, bytes]:
        def post() -> tuple[int, bytes]:
            self._world.wait(self._random.uniform(0.005, 0.04))
            answer = self._post(request)
            self._world.wait(self._random.uniform(0.005, 0.04))
            return answer

        async with asyncio.timeout(self.simulator.seconds_to_answer):
            return await self._loop.in_an_activity(post)

    # ----------------------------------------------------------------------------------- is told
    def mishap(self, path: str) -> Mishap[Fault]:  # noqa: ARG002
        """Tell what goes wrong with the next report."""
        strikes, choice = self._faults.strikes, self._faults.choice
        if strikes("tracking_down"):
            message_type = choice("tracking_down", "refused", "ignored", "503", "broken")
            return Mishap(
                is_refused=message_type == "refused",
                is_ignored=message_type == "ignored",
                is_unread=message_type == "broken",
                order=Fault(http_status=503),
            )
        if strikes("tracking_throttled"):
            after = choice("tracking_throttled", None, "1", "60", "7200", "later")
            headers = {"Retry-After": after} if after else {}
            return Mishap(order=Fault(http_status=429, headers=headers))
        if strikes("tracking_refused"):
            return Mishap(order=Fault(http_status=choice("tracking_refused", 400, 403, 404, 413)))
        if strikes("tracking_lost") and choice("tracking_lost", True, False):
            is_refused = choice("tracking_lost", True, False)
            return Mishap(is_refused=is_refused, is_unread=not is_refused)
        if strikes("tracking_errors") and choice("tracking_errors", True, False):
            status = choice("tracking_errors", 500, 502, 503, 504)
            return Mishap(order=Fault(http_status=status))
        if strikes("tracking_slow"):
            return Mishap(order=Fault(seconds=choice("tracking_slow", 2.0, 10.0)))
        return Mishap(order=Fault())

    async def answer(self, request: Request, order: Fault | None) -> Reply:
        """Answer a request."""
        assert order is not None
        report = json.loads(request.content)
        message_id = report["messageId"]
        self.simulator.faults.append(order)
        reply = await self._server.ask(request)
        reported = f"{report['status']} {report['reason']}"
        self._heard(message_id, f"MoEngage hears {reported}, answers {reply.status}")
        if order.seconds > _SECONDS_THAT_THE_BRIDGE_WAITS:
            self.unsure.add(message_id)
        await asyncio.sleep(self._random.uniform(0.02, 0.2))
        if reply.status != 200:
            return reply
        if self._faults.strikes("tracking_lost"):
            self.unsure.add(message_id)
            raise ConnectionResetError
        if self._faults.strikes("tracking_errors"):
            self.unsure.add(message_id)
            return Reply(self._faults.choice("tracking_errors", 500, 502, 503, 504))
        return reply
