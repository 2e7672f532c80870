"""What makes two requests the same message, and how one request of many gets to send it."""

import hashlib
import hmac
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import NamedTuple

from sms_bridge.domain.message import Message, MessageRequest, id_of
from sms_bridge.domain.phone_number import e164

# Two functions' clocks may differ by this many seconds.
CLOCK_SKEW = 5

# As long as Stripe keeps one. People repeat a request by hand, hours later.
SECONDS_OF_AN_IDEMPOTENCY_KEY = 86_400

# A window holds the repeats of this many duplicate windows, so that few slots are looked through.
_DUPLICATE_WINDOWS = 32
_MIN_WINDOW = 600
# Records live for three days at least, and must outlive their window and the one after it.
_MAX_WINDOW = 86_400

Create = Callable[[Message], Message | None]
"""Creates a message unless its id is taken; returns the other message that has the id then."""


class ClaimKey(NamedTuple):
    """What requests for the same message have in common."""

    value: str
    """A keyed hash: the table must not tell who got which text."""
    seconds: int
    """For how long a request with the same key is a repeat."""

    def message_id(self, window: int, slot: int) -> str:
        """Return the id of a slot in a window."""
        return id_of(hashlib.sha256(f"{self.value} {window} {slot}".encode()).hexdigest())


class Claim(NamedTuple):
    """The answer to a claim."""

    won: bool
    """Whether the message is this request's to send. If not, the request is a repeat."""
    message: Message
    """The new message, or the one that is repeated."""


def claim_key(request: MessageRequest, *, window_seconds: int, hash_key: str) -> ClaimKey | None:
    """Return what a request has to claim before it is sent, ``None`` if it is never a repeat.

    Everything that is asked for belongs to the key: two requests that differ in anything are two
    messages. That holds with an ``Idempotency-Key``, too, which only makes a repeat one for a day.
    ``clientMessageId`` makes no repeat by itself: 8x8 does not promise that, and programs send a
    constant one. A duplicate window of 0 seconds turns repeats off.
    """
    seconds = SECONDS_OF_AN_IDEMPOTENCY_KEY if request.idempotency_key else window_seconds
    if seconds == 0:
        return None
    asked_for = [
        request.sub_account_id,
        e164(request.destination, request.country),
        request.text,
        request.message_type,
        request.source,
        sorted(request.options.items()),
        request.client_message_id,
        request.idempotency_key,
        request.campaign_id,
        request.dlt_template_id,
    ]
    digest = hmac.digest(hash_key.encode(), json.dumps(asked_for).encode(), "sha256")
    return ClaimKey(digest.hex(), seconds)


Claiming = Generator[Message | Claim, Message | None]
"""The steps of a claim: messages to create, each is sent what `Create` returns; then the claim."""


def claim(message: Message, key: ClaimKey | None, now: float, create: Create) -> Claim:
    """Create the message, unless it repeats another one. Of simultaneous claims, one wins."""
    steps = claiming(message, key, now)
    step = next(steps)
    while not isinstance(step, Claim):
        step = steps.send(create(step))
    return step


def claim_all(
    claims: Sequence[Claiming],
    create_all: Callable[[Sequence[Message]], Sequence[Message | Exception | None]],
) -> list[Claim | Exception]:
    """Claim many messages side by side, no two with the same key.

    Returns for each its claim, or why it is not known whether it was made.
    """
    steps: list[Message | Claim | Exception] = [next(one) for one in claims]
    while new := {place: one for place, one in enumerate(steps) if isinstance(one, Message)}:
        for place, answer in zip(new, create_all(list(new.values())), strict=True):
            steps[place] = answer if isinstance(answer, Exception) else claims[place].send(answer)
    return [step for step in steps if not isinstance(step, Message)]


def claiming(message: Message, key: ClaimKey | None, now: float) -> Claiming:
    """Give the steps of a claim.

    The ids make it atomic: time is cut into windows, a window has slots, and a slot's id follows
    from the key. The same message asks for the same ids in the same order, each can be taken once.

    .. code-block:: text

        window 17:  [0] 09:00:10  [1] 09:07:44  [2] closed    same message, sent anew after the
        window 18:  [0] 10:04:30  [1]                         duplicate window; takes the next slot

    Just after a new window has begun, a repeat may belong to the last one. So the first to come
    then closes it: its next free slot is taken by a record that holds nothing of the message.

    The message's ``claimed_by`` tells this claim from all others. Only one without a key, which
    repeats nothing, has an id.
    """
    if key is None:
        yield message
        yield Claim(won=True, message=message)
        return
    length = seconds_a_window(key.seconds)
    current = int(now // length)
    window, slot = int((now - key.seconds - CLOCK_SKEW) // length), 0
    claimed = None
    while claimed is None:
        new = replace(message, id=key.message_id(window, slot))
        is_past = window < current
        if is_past:
            new = Message(
                id=new.id,
                state=new.state,
                claimed_by=new.claimed_by,
                accepted_at=new.accepted_at,
                closes_window=True,
            )
        taken = yield new
        if taken is None and not is_past:
            claimed = Claim(won=True, message=new)
        elif taken is None or taken.closes_window:
            window, slot = window + 1, 0
        elif taken.accepted_at + key.seconds > now:
            claimed = Claim(won=False, message=taken)
        else:
            slot += 1
    yield claimed


def seconds_a_window(duplicate_window: int) -> int:
    """Return the length of the windows into which a duplicate window's claims are put."""
    return min(max(_DUPLICATE_WINDOWS * duplicate_window, _MIN_WINDOW), _MAX_WINDOW)
