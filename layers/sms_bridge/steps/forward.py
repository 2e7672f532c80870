"""Tells MoEngage the outcome of a message."""

import random
import time
from collections.abc import Callable
from typing import Protocol

from sms_bridge.clock import Clock, timestamp
from sms_bridge.logs import logger
from sms_bridge.rules.forwarding import Hearing, Telling, seconds_before_next_try
from sms_bridge.rules.messages import Message, Outcome
from sms_bridge.storage.messages import MessageStore
from sms_bridge.storage.outcome_queue import DeadLetterQueue


class Listener(Protocol):
    """Hears outcomes, as :class:`sms_bridge.web.moengage.DeliveryTracking` does."""

    def tell(self, message: Message, outcome: Outcome) -> Telling:
        """Tell it one outcome, once."""


class ForwardOutcome:
    """Tells an outcome that is open.

    Parameters
    ----------
    listener
        ``None`` while no delivery-tracking URL is configured: MoEngage shows it only after the
        sender is saved. Outcomes stay open in the table until then.
    chance
        A number between 0 and 1, for the jitter.
    """

    def __init__(
        self,
        *,
        messages: MessageStore,
        listener: Listener | None,
        dead_letters: DeadLetterQueue,
        clock: Clock = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._messages = messages
        self._listener = listener
        self._dead_letters = dead_letters
        self._clock = clock
        self._chance = chance

    def __call__(self, message_id: str, tries: int) -> int | None:
        """Tell the outcome, unless MoEngage has heard it.

        Parameters
        ----------
        tries
            How often this was tried, this time included.

        Returns
        -------
        int or None
            After how many seconds to try again; ``None`` when there is nothing left to do.
        """
        message = self._messages.get(message_id)
        if message is None or message.outcome is None or not message.outcome_is_open:
            logger.info("no open outcome", message_id=message_id)
            return None
        if self._listener is None:
            logger.warning("no delivery-tracking URL is configured", message_id=message_id)
            return None
        telling = self._listener.tell(message, message.outcome)
        if telling.hearing is Hearing.HEARD:
            self._messages.record_told(message_id, timestamp(self._clock()))
        elif telling.hearing is Hearing.REFUSED:
            self._dead_letters.add(message_id, reason=f"moengage_{telling.http_status}")
            self._messages.record_refused(message_id, telling.http_status, timestamp(self._clock()))
        heard = telling.hearing is Hearing.HEARD
        log = logger.info if heard else logger.warning
        log(
            "outcome told" if heard else "outcome not taken",
            message_id=message_id,
            campaign_id=message.campaign_id,
            status=message.outcome.status,
            reason=message.outcome.reason,
            hearing=telling.hearing,
            http_status=telling.http_status,
            error=telling.error,
            tries=tries,
        )
        if telling.hearing is Hearing.AGAIN:
            return seconds_before_next_try(tries, self._chance(), telling.retry_after)
        return None
