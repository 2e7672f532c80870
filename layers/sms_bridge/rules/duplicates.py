"""What counts as the same message, sent again."""

import hashlib
import hmac
import json
from dataclasses import dataclass

from sms_bridge.rules.messages import MessageRequest
from sms_bridge.rules.phone_numbers import digits_of


@dataclass(frozen=True, slots=True)
class ClaimKey:
    """The right to send a message, which only one request can have.

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
    canonical = json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")
    value = hmac.new(hash_key.encode(), canonical, hashlib.sha256).hexdigest()
    return ClaimKey(value, None if named else window_seconds)
