"""MoEngage: asks for messages, sometimes more than once, and hears what became of them."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.faults import Faults
from tests.chaos.wire import Mishap, Reply
from tests.chaos.world import START, World

SECONDS_UNTIL_IT_GIVES_UP = 5.0
DUPLICATE_WINDOW = 120

PROMOTIONAL = "acme_news"
TRANSACTIONAL = "acme_codes"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to send, and what was answered.

    Attributes
    ----------
    status
        0 where no answer came in time.
    """

    at: float
    status: int
    message_id: str
    seconds: float


@dataclass
class Wanted:
    """A message that MoEngage wants sent.

    Attributes
    ----------
    client_message_id
        Empty when MoEngage names it not; if it does, it is one message whenever it is asked for.
    """

    number: int
    sub_account_id: str
    recipient: str
    text: str
    client_message_id: str = ""
    asks: list[Ask] = field(default_factory=list)

    @property
    def body(self) -> dict[str, str]:
        """What MoEngage posts."""
        body = {"recipient": self.recipient, "message": self.text, "campaignId": "autumn"}
        if self.client_message_id:
            body["clientMessageId"] = self.client_message_id
        return body


class MoEngage:
    """MoEngage's side.

    Parameters
    ----------
    spacing
        Seconds between two messages.
    post
        Posts to the bridge from within an activity: sub-account and body; returns the HTTP status
        and the answer.

    Attributes
    ----------
    wanted
        All messages of the campaign.
    told
        What it heard, by ``messageId``: each report that it took or read.
    refused
        The ids of reports that it answered with a 4xx.
    pending
        How many requests are still to come.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        *,
        messages: int,
        spacing: float,
        post: Callable[[str, dict[str, str]], tuple[int, dict[str, Any]]],
        heard: Callable[[str, str], None],
    ) -> None:
        self.wanted: list[Wanted] = []
        self.told: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.unsure: set[str] = set()
        self.pending = 0
        self._world = world
        self._faults = faults
        self._post = post
        self._heard = heard
        self._random = world.random("MoEngage")
        self._last_told = ""
        for number in range(messages):
            self._want(number, number * spacing)

    # ---------------------------------------------------------------------------------------- asks
    def _want(self, number: int, at: float) -> None:
        random = self._random
        is_transactional = random.random() < 0.3
        wanted = Wanted(
            number,
            TRANSACTIONAL if is_transactional else PROMOTIONAL,
            f"+65{80_000_000 + number}",
            f"Message {number}",
            f"caller-{number}" if random.random() < 0.1 else "",
        )
        self.wanted.append(wanted)
        at += random.uniform(0.0, 5.0)
        times = [at]
        if self._faults.strikes("simultaneous_repeats"):
            times += [at + random.uniform(0.0, 0.05) for _ in range(random.randint(1, 3))]
        if self._faults.strikes("retries"):
            times.append(at + SECONDS_UNTIL_IT_GIVES_UP + random.uniform(0.0, 5.0))
        if self._faults.strikes("late_repeats"):
            times += [at + random.uniform(15.0, 100.0), at + random.uniform(150.0, 2000.0)]
        for time in times:
            self._plan(wanted, time)

    def _plan(self, wanted: Wanted, delay: float, tries: int = 1) -> None:
        self.pending += 1
        self._world.spawn(lambda: self._ask(wanted, tries), delay=delay)

    def _ask(self, wanted: Wanted, tries: int) -> None:
        began = self._world.now
        self._world.wait(self._random.uniform(0.005, 0.04))
        status, answer = self._post(wanted.sub_account_id, wanted.body)
        self._world.wait(self._random.uniform(0.005, 0.04))
        seconds = self._world.now - began
        if seconds > SECONDS_UNTIL_IT_GIVES_UP:
            status, answer = 0, {}
        message_id = str(answer.get("messageId", "")) if status == 200 else ""
        wanted.asks.append(Ask(began, status, message_id, seconds))
        self._heard(message_id, f"message {wanted.number} asked for at {began - START:.2f}")
        self.pending -= 1
        if status != 200 and tries < 3:
            # In some workspaces it asks again after a failure.
            wait = 5.0 + max(0.0, SECONDS_UNTIL_IT_GIVES_UP - seconds) * (status == 0)
            self._plan(wanted, wait, tries + 1)

    # ----------------------------------------------------------------------------------- is told
    def mishap(self, path: str) -> Mishap:  # noqa: ARG002
        """Tell what goes wrong with the next report."""
        strikes, choice = self._faults.strikes, self._faults.choice
        if strikes("tracking_down"):
            kind = choice("tracking_down", "refused", "ignored", "503", "broken")
            return Mishap(
                is_refused=kind == "refused",
                is_ignored=kind == "ignored",
                is_unread=kind == "broken",
                instead=Reply(503),
            )
        if strikes("tracking_throttled"):
            after = choice("tracking_throttled", None, "1", "60", "7200", "later")
            return Mishap(instead=Reply(429, headers={"retry-after": after} if after else {}))
        if strikes("tracking_refused"):
            return Mishap(instead=Reply(choice("tracking_refused", 400, 403, 404, 413)))
        if strikes("tracking_lost") and choice("tracking_lost", True, False):
            is_refused = choice("tracking_lost", True, False)
            return Mishap(is_refused=is_refused, is_unread=not is_refused)
        if strikes("tracking_errors") and choice("tracking_errors", True, False):
            return Mishap(instead=Reply(choice("tracking_errors", 500, 502, 503, 504)))
        return Mishap()

    def hear(self, path: str, headers: dict[str, str], body: Any) -> Reply:  # noqa: ARG002
        """Hear a report."""
        assert isinstance(body, dict)
        assert len(json.dumps(body)) < 150_000
        message_id = body["messageId"]
        self.told[message_id].append(body)
        self._heard(message_id, f"MoEngage hears {body['status']} {body['reason']}")
        strikes, choice = self._faults.strikes, self._faults.choice
        reply = Reply(200, delay=self._random.uniform(0.02, 0.2))
        if strikes("tracking_slow"):
            reply = Reply(200, delay=choice("tracking_slow", 2.0, 10.0))
        elif strikes("tracking_lost"):
            reply = Reply(200, is_lost=True)
        elif strikes("tracking_errors"):
            reply = Reply(choice("tracking_errors", 500, 502, 503, 504))
        if reply.status != 200 or reply.is_lost or reply.delay > 4.0:
            self.unsure.add(message_id)
        return reply
