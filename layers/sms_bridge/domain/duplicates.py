"""What counts as the same message, sent again, and how one request of many gets to send it."""

import hashlib
import hmac
from collections.abc import Callable

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.message import Message, MessageRequest, id_of
from sms_bridge.domain.phone_number import digits_of
from sms_bridge.json_text import json_text
from sms_bridge.values import changed, value

# Two functions' clocks may differ by this many seconds.
CLOCK_SKEW = 5

# A period spans this many duplicate windows, so that no chain (see `claim`) grows longer.
_WINDOWS_A_PERIOD = 32
_MIN_PERIOD = 600
# Records live for three days at least, and must outlive their period and one window.
_MAX_PERIOD = 86_400

Create = Callable[[Message], Message | None]
"""Creates a message unless its id is taken; returns the message that has the id then."""


@value()
class ClaimKey:
    """What requests for the same message have in common.

    Attributes
    ----------
    value
        A keyed hash: the table must not tell who got which text.
    seconds
        For how long a request with the same key is a repeat; ``None`` for as long as the record
        is kept.
    """

    value: str
    seconds: int | None

    def message_id(self, period: int, place: int) -> str:
        """Return the id at a place of a period's chain, in the form of a UUID."""
        digest = hashlib.sha256(f"{self.value} {period} {place}".encode()).hexdigest()
        return id_of(digest)


@value()
class Claim:
    """The answer to a claim.

    Attributes
    ----------
    won
        Whether the message is this request's to send. If not, the request is a repeat.
    message
        The new message, or the one that is repeated.
    """

    won: bool
    message: Message


def claim_key(request: MessageRequest, *, window_seconds: int, hash_key: str) -> ClaimKey | None:
    """Return what a request has to claim before it is sent.

    A caller that names its messages (``clientMessageId`` or ``Idempotency-Key``) may repeat one
    at any time. Otherwise the same message to the same recipient is a repeat within the window.
    Recipient and text belong to the key in both cases: 8x8 does not ask for unique client ids,
    and a client that gives all its messages the same one must not lose any.

    Parameters
    ----------
    window_seconds
        The duplicate window; 0 turns it off.

    Returns
    -------
    ClaimKey or None
        ``None`` when the request can never be a repeat.
    """
    named = request.idempotency_key or request.client_message_id
    if not named and window_seconds == 0:
        return None
    parts = [
        request.sub_account_id,
        digits_of(request.destination),
        request.text,
        request.source,
        request.campaign_id,
        request.idempotency_key,
        request.client_message_id,
    ]
    canonical = json_text(parts).encode("utf-8", "surrogatepass")
    value = hmac.digest(hash_key.encode(), canonical, "sha256").hex()
    return ClaimKey(value, None if named else window_seconds)


def claim(message: Message, key: ClaimKey, now: float, create: Create) -> Claim:
    """Create the message, unless it repeats another one. Of simultaneous claims, one wins.

    The ids are what makes it atomic: the same message always asks for the same ids, in the same
    order, and an id can be taken once.

    .. code-block:: text

        period 17:  [0] 09:00:10  [1] 09:07:44  [2] end       same message, sent anew after the
        period 18:  [0] 10:04:30  [1]                         window; each takes the next place

    Just after a new period has begun a repeat may belong to the last one. So whoever comes then
    first puts an end to that chain, behind which nobody can take a place any more.

    Parameters
    ----------
    message
        Without an id; ``claimed_by`` tells this claim from all others.
    now
        Seconds since the epoch.
    """
    if key.seconds is None:
        return _take(changed(message, id=key.message_id(0, 0)), create)
    length = seconds_a_period(key.seconds)
    current = int(now // length)
    period, place = int((now - key.seconds - CLOCK_SKEW) // length), 0
    while True:
        ends_a_chain = period < current
        message_id = key.message_id(period, place)
        claimed = _take(
            end_of_a_chain(message, message_id)
            if ends_a_chain
            else changed(message, id=message_id),
            create,
        )
        if claimed.message.ends_a_chain:
            period, place = period + 1, 0
        elif claimed.won or seconds_of(claimed.message.accepted_at) + key.seconds > now:
            return claimed
        else:
            place += 1


def seconds_a_period(window: int) -> int:
    """Return how long the periods are into which a duplicate window's claims are put."""
    return min(max(_WINDOWS_A_PERIOD * window, _MIN_PERIOD), _MAX_PERIOD)


def end_of_a_chain(message: Message, message_id: str) -> Message:
    """Return what closes a chain on behalf of a message, of which it holds nothing."""
    return Message(
        id=message_id,
        state=message.state,
        claimed_by=message.claimed_by,
        accepted_at=message.accepted_at,
        ends_a_chain=True,
    )


def _take(message: Message, create: Create) -> Claim:
    taken = create(message)
    # Its own: an earlier try of the call got through and only the answer was lost.
    if taken is None or taken.claimed_by == message.claimed_by:
        return Claim(won=True, message=message)
    return Claim(won=False, message=taken)
