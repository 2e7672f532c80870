"""The answer to a request to send: 8x8's own shape, and the id that MoEngage maps."""

from typing import Any

from sms_bridge.rules.life_cycle import State
from sms_bridge.rules.messages import Message

_REFUSED = (State.FAILED, State.REJECTED)
_PENDING = "The message was taken; what becomes of it is reported later"


def send_answer(message: Message) -> dict[str, Any]:
    """Return the body of the answer, flat but for 8x8's ``status``.

    A message that was refused answers with 200 as well: 8x8 answers so, MoEngage has its id, and
    the outcome is reported like any other.

    Returns
    -------
    dict
        8x8's ``SmsResponse`` (``umid`` once 8x8 gave one), plus ``messageId`` and, where it
        applies, ``reason``.
    """
    refused = message.state in _REFUSED
    answer: dict[str, Any] = {
        "messageId": message.id,
        "clientMessageId": message.client_message_id or message.id,
        "destination": message.destination,
        "encoding": message.encoding,
        "status": {
            "code": "REJECTED" if refused else "QUEUED",
            "description": message.description or _PENDING,
        },
    }
    if message.umid:
        answer["umid"] = message.umid
    if message.reason:
        answer["reason"] = message.reason
    return answer
