"""Takes a batch of messages: claims each like a single one, and puts it into the send queue."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING

from sms_bridge import background
from sms_bridge.domain.duplicates import ClaimKey, claim_all, claim_key, claiming
from sms_bridge.domain.message import Message, MessageRequest, State
from sms_bridge.observability import Metric, log_failure, logger, metric_fields
from sms_bridge.services import steps
from sms_bridge.services.deadline import AnswerTime

if TYPE_CHECKING:
    from sms_bridge.services.send import SendMessage

# Messages that are claimed and queued together: one call of PartiQL, and two full ones of SQS.
_TOGETHER = 20

# boto3 keeps ten connections to a service.
_SIDE_BY_SIDE = 8

# In less time nothing is begun: what is claimed and not queued is reported as expired.
_SECONDS_TO_TAKE_SOME = 0.4

Taken = list[Message | None]
"""The messages of a batch in their order; ``None`` for one that was not taken."""

_Promise = Callable[[Mapping[int, Message | None]], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class _Asked:
    """A message that is asked for, at one place of the batch or at several."""

    request: MessageRequest
    message: Message
    """As it is claimed. A claim that is repeated because its answer was lost is the same one."""
    key: ClaimKey | None
    places: list[int]


@dataclass(eq=False, repr=False)
class SendBatch:
    """Takes the messages of a batch, unless they repeat others; the dispatcher sends them."""

    single: "SendMessage"
    """With whose settings, messages and queue it works."""

    def __call__(
        self, requests: Sequence[MessageRequest], *, hash_key: str, answer_time: AnswerTime[Taken]
    ) -> Taken:
        """Take as many messages as there is time for, and return what is known of each then.

        A few at a time go through the steps of a single one in ``queued`` mode:

        .. code-block:: text

            claim ------------- promise ------------- queue ------------- answer
            not taken if it fails  |  taken, unless the queue says that it has not got it
            or the time is over    |

        One that is not taken is not sent, unless it is asked for again.
        """
        taken: Taken = [None] * len(requests)
        lock = threading.Lock()

        def promise(some: Mapping[int, Message | None]) -> None:
            """Promise these at their places; after ``OutOfTimeError`` the answer stays."""
            nonlocal taken
            with lock:
                now = [some.get(place, known) for place, known in enumerate(taken)]
                answer_time.promise(now)
                taken = now

        def take(parts: Iterable[Sequence[_Asked]]) -> None:
            failed = [one for part in parts for one in self._take(part, answer_time, promise)]
            # boto3 repeats a call that DynamoDB throttles, but not the statements of a call.
            for part in batched(failed, _TOGETHER):
                self._take(part, answer_time, promise)

        distinct = self._distinct(requests, hash_key)
        parts = list(batched(distinct, _TOGETHER))
        shares = (parts[first::_SIDE_BY_SIDE] for first in range(_SIDE_BY_SIDE))
        tasks = [background.start(partial(take, share)) for share in shares if share]
        wait(tasks)
        if distinct:
            _log(distinct, taken)
        for task in tasks:
            task.result()
        return taken

    def _distinct(self, requests: Sequence[MessageRequest], hash_key: str) -> list[_Asked]:
        """Return what is asked for; a message that the batch holds twice repeats itself."""
        settings, now = self.single.settings, self.single.clock()
        window = settings.duplicate_window_seconds
        distinct: dict[str, _Asked] = {}
        for place, request in enumerate(requests):
            key = claim_key(request, window_seconds=window, hash_key=hash_key)
            to_live = settings.seconds_to_live(request.message_type)
            message = steps.new_message(request, hash_key, to_live, is_queued=True, now=now)
            asked = _Asked(request=request, message=message, key=key, places=[])
            distinct.setdefault(key.value if key else message.id, asked).places.append(place)
        return list(distinct.values())

    def _take(
        self, part: Sequence[_Asked], answer_time: AnswerTime[Taken], promise: _Promise
    ) -> list[_Asked]:
        """Take some messages, if there is time; returns those that could not be claimed."""
        if answer_time.left() < _SECONDS_TO_TAKE_SOME:
            return []
        to_claim = [claiming(one.message, one.key, one.message.accepted_at) for one in part]
        claims = claim_all(to_claim, self.single.messages.create_all)
        answered = list(zip(part, claims, strict=True))
        failed = [(asked, error) for asked, error in answered if isinstance(error, Exception)]
        if failed:
            log_failure("messages not claimed", failed[0][1], messages=len(failed))
        taken: dict[int, Message] = {}
        to_queue = []
        for asked, claimed in answered:
            if isinstance(claimed, Exception):
                continue
            message, delay = claimed.message, 0
            if not claimed.won:
                message = steps.with_recipient(message, asked.message)
                delay = steps.SECONDS_BEHIND_THE_FIRST
            taken |= dict.fromkeys(asked.places, message)
            if message.state is State.WAITING:
                to_queue.append((message, asked.request, delay))
        promise(taken)
        refused = self.single.send_queue.add_all(to_queue)
        # A repeat that is not queued may have been before.
        if lost := {one.id for one, _, delay in to_queue if not delay} & refused:
            promise({place: None for place, one in taken.items() if one.id in lost})
        return [asked for asked, _ in failed]


def _log(distinct: Sequence[_Asked], answer: Taken) -> None:
    """Log the batch in one line, which counts its messages."""
    taken = [message for message in answer if message]
    own = {asked.message.claimed_by for asked in distinct}
    new = {message.id: message for message in taken if message.claimed_by in own}
    figures: steps.Figures = {
        Metric.ACCEPTED: len(new),
        Metric.ESTIMATED_SEGMENTS: sum(message.segments for message in new.values()),
    }
    if repeats := len(taken) - len(new):
        figures[Metric.DUPLICATES] = repeats
    logger.info(
        "batch queued",
        sub_account_id=distinct[0].request.sub_account_id,
        messages=len(answer),
        not_taken=len(answer) - len(taken) or None,
        **metric_fields(figures),
    )
