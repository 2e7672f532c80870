"""A campaign's messages through the built functions, each step fed by the one before."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import artifact
from bench.events import TEXT, naked_body, receipt_events, send_events, sqs_events
from bench.runs import take_times
from bench.standins.running import StandIns
from bench.warm import Work
from sms_bridge.domain.duplicates import CLOCK_SKEW, seconds_a_window

_BODY_OF_A_MESSAGE = {
    "destination": "+6590000000",
    "text": TEXT.format(number=100_000),
    "source": "Acme",
    "clientMessageId": "0f6f2a4e-5f6c-4d5c-9c52-6f2d0b1d9a11",
}

# Longer than any run that sends.
_SECONDS_TO_SEND = 90


def wait_within_a_period(
    window: int,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait where claims cost more than usual: in the first of a period's 32 windows each message
    closes the chain of the period before, which is one more write.
    """
    period = seconds_a_window(window)
    since_it_began = clock() % period
    first = window + CLOCK_SKEW
    if since_it_began < first:
        sleep(first - since_it_began)
    elif since_it_began > period - _SECONDS_TO_SEND:
        sleep(period - since_it_began + first)


@dataclass(frozen=True)
class Scenario:
    """The stand-ins, and how many messages go through.

    Attributes
    ----------
    messages
        Of each kind.
    """

    standins: StandIns
    messages: int

    def naked(self, folder: Path = artifact.NAKED) -> Work:
        """One POST of the size of the one that 8x8 gets."""
        body = naked_body(len(json.dumps(_BODY_OF_A_MESSAGE)))
        function = artifact.plain(folder, self.standins)
        return Work(folder.name, function, [body] * self.messages, lambda: None)

    def send_as_people_write_it(self) -> Work:
        """The baseline's `send_sms`."""
        return Work(
            "send_sms as people write it",
            artifact.baseline("send_sms", self.standins),
            send_events(self.messages, "promotional"),
            lambda: self.standins.clear(table=True),
        )

    def send(self, kind: str) -> Work:
        """`send_sms` in direct mode."""
        return Work(
            f"send_sms, {kind}",
            artifact.function("send_sms", self.standins),
            send_events(self.messages, kind),
            self._begin_anew,
        )

    def receipts(self, state: str) -> Work:
        """`receive_callback` with one receipt of a state for each of the messages sent before."""
        answers = self._sent()
        if state == "delivered":
            self._receive(answers, "sent")
        name = f"receipts {state}"
        self.standins.save(name)
        return Work(
            f"receive_callback, {state}",
            artifact.function("receive_callback", self.standins),
            receipt_events(answers, state),
            lambda: self.standins.restore(name),
        )

    def outcomes(self, *, batch_size: int) -> Work:
        """`forward_outcome` with batches of what the final receipts put into its queue."""
        answers = self._sent()
        self.standins.clear()
        self._receive(answers, "delivered")
        (bodies,) = self.standins.seen().queues.values()
        self.standins.save("outcomes")
        return Work(
            "forward_outcome",
            artifact.function("forward_outcome", self.standins),
            sqs_events(bodies, "forward_outcome/outcome", batch_size=batch_size),
            lambda: self.standins.restore("outcomes"),
            units=batch_size,
        )

    def batches(self, kind: str, *, batch_size: int, batches: int) -> Work:
        """`dispatch_queue` with batches of what `send_sms` put into a send queue."""
        self.standins.clear(table=True)
        events = send_events(batch_size * batches, kind)
        queueing = artifact.function("send_sms", self.standins, DISPATCH_MODE="queued")
        take_times(queueing, events, most=len(events))
        (bodies,) = self.standins.seen().queues.values()
        self.standins.save(f"queued {kind}")
        return Work(
            f"dispatch_queue, {kind}",
            # Pacing costs nothing but time.
            artifact.function("dispatch_queue", self.standins, SEND_RATE_LIMIT="0"),
            sqs_events(bodies, "dispatch_queue/one", batch_size=batch_size),
            lambda: self.standins.restore(f"queued {kind}"),
            units=batch_size,
        )

    def _begin_anew(self) -> None:
        wait_within_a_period(artifact.default_of("DuplicateWindowSeconds"))
        self.standins.clear(table=True)

    def _sent(self) -> list[dict[str, Any]]:
        work = self.send("promotional")
        work.prepare()
        answers = take_times(work.function, work.events, most=len(work.events)).answers
        wrong = [answer for answer in answers if "QUEUED" not in answer["body"]]
        if wrong:
            raise RuntimeError(f"a message was not sent: {wrong[0]['body']}")
        return answers

    def _receive(self, answers: list[dict[str, Any]], state: str) -> None:
        events = receipt_events(answers, state)
        function = artifact.function("receive_callback", self.standins)
        for answer in take_times(function, events, most=len(events)).answers:
            if answer["statusCode"] != 200:
                raise RuntimeError(f"a receipt was not taken: {answer['body']}")
