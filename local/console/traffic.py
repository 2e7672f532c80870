"""A campaign of many messages with faults among them, at a steady rate."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Mapping
from typing import Any

from local.campaign import GSM_7, LONG, UNICODE
from local.eightx8 import Course, Instruction
from local.front_door import CALLS_AT_ONCE
from local.stack import LocalStack

MOST_MESSAGES = 2_000
# More than the emulator can take; MoEngage's own is 1,000 a second.
MOST_PER_SECOND = 50
# A few for each call that the front door lets through at once. MoEngage would not wait for the
# emulator; but then all that is seen on a busy machine is how its 5 seconds run out.
_UNDER_WAY = 3 * CALLS_AT_ONCE

# A campaign's numbers begin with this, so that none is like one that somebody types.
_PREFIX = "+659"


class Campaign:
    """One campaign of the console.

    Parameters
    ----------
    mix
        How many of a hundred messages take which course at 8x8; the others are delivered.
    number
        Of this run, to keep its recipients apart from an earlier one's.
    """

    def __init__(
        self,
        stack: LocalStack,
        *,
        messages: int,
        per_second: int,
        mix: Mapping[Course, int],
        number: int,
    ) -> None:
        self.id = f"console-{number}-{secrets.token_hex(2)}"
        self.messages = messages
        self.per_second = per_second
        self.mix = dict(mix)
        self.sent = 0
        self.ended_at = 0.0
        self.began_at = time.time()
        self._stack = stack
        self._number = number
        self._under_way = asyncio.Semaphore(_UNDER_WAY)

    def summary(self) -> dict[str, Any]:
        return {
            "campaignId": self.id,
            "messages": self.messages,
            "perSecond": self.per_second,
            "mix": self.mix,
            "sent": self.sent,
            "seconds": round((self.ended_at or time.time()) - self.began_at),
            "running": not self.ended_at,
        }

    async def run(self) -> None:
        """Send all of it; ends early when it is cancelled."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        try:
            async with asyncio.TaskGroup() as sending:
                for place, course in enumerate(self._courses()):
                    await asyncio.sleep(max(0.0, begin + place / self.per_second - loop.time()))
                    await self._under_way.acquire()
                    sending.create_task(self._send(place, course))
        finally:
            self.ended_at = time.time()

    def _courses(self) -> list[Course]:
        courses = [
            course
            for course, percent in self.mix.items()
            for _ in range(round(self.messages * percent / 100))
        ][: self.messages]
        courses += [Course.DELIVER] * (self.messages - len(courses))
        random.Random(self.id).shuffle(courses)  # noqa: S311 - no secret  # nosec B311
        return courses

    async def _send(self, place: int, course: Course) -> None:
        number = f"{_PREFIX}{self._number % 1000:03d}{place:04d}"
        # By the whole number: instructions for the next messages are not for these.
        self._stack.eightx8.scenarios[number.removeprefix("+")] = Instruction(
            course=course
        ).scenario
        senders = self._stack.senders
        try:
            await self._stack.moengage.send(
                senders.transactional if place % 2 else senders.promotional,
                destination=number,
                text=(GSM_7, GSM_7, UNICODE, LONG)[place % 4],
                campaign_id=self.id,
            )
        finally:
            self.sent += 1
            self._under_way.release()
