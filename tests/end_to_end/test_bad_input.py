"""What the way in decides of bad input: routes, tokens, encodings, sizes.

Nothing is sent and nothing is written. What is wrong with a field: tests/unit/api.
"""

import json
from dataclasses import dataclass, field

import pytest

from local.stack import LocalStack
from tests.end_to_end.bridge import FORM, JSON, Bridge

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="session")]

NUMBER = "+6581112222"
GOOD = {"message": "Hello", "recipient": NUMBER}
SEND = "/api/v1/subaccounts/Acme_Transactional/messages"
ELSEWHERE = "/api/v1/subaccounts/Somebody_Else/messages"


@dataclass(frozen=True)
class Bad:
    """A request that must be refused."""

    status: int
    reason: str
    data: bytes | None = field(default=json.dumps(GOOD).encode(), repr=False)
    headers: dict[str, str] = field(default_factory=lambda: JSON)
    path: str = SEND
    method: str = "POST"
    token: str | None = None


def body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


BAD = {
    "no body": Bad(400, "body_missing", None),
    "deep": Bad(400, "body_invalid", b"[" * 30_000),
    "JSON as form": Bad(400, "body_invalid", headers=FORM),
    "XML": Bad(415, "content_type_unsupported", b"<sms/>", {"Content-Type": "text/xml"}),
    "1 MB": Bad(413, "body_too_large", body(message="a" * 1024 * 1024, recipient=NUMBER)),
    "bad UTF-8": Bad(400, "body_not_utf8", b'{"message": "H\xffllo", "recipient": "6581112222"}'),
    "bad UTF-8 form": Bad(400, "body_not_utf8", b"message=H%FFllo&recipient=6581112222", FORM),
    "trailing slash without text": Bad(
        400, "field_missing", body(recipient=NUMBER), path=f"{SEND}/"
    ),
    "callback with a trailing slash": Bad(401, "unauthorized", path="/callbacks/8x8/", token=""),
    "a batch of no message": Bad(400, "field_missing", body(messages=[]), path=f"{SEND}/batch"),
    "8x8's exports": Bad(404, "not_found", b"{}", path=f"{SEND}/exports"),
    "8x8's cancelling": Bad(404, "not_found", None, path=f"{SEND}/a", method="DELETE"),
    "unknown sub-account": Bad(403, "sub_account_not_allowed", path=ELSEWHERE),
    "wrong method": Bad(405, "method_not_allowed", method="PUT"),
    "GET": Bad(405, "method_not_allowed", None, method="GET"),
    "unknown path": Bad(404, "not_found", path="/api/v1/messages"),
    "root": Bad(404, "not_found", path="/"),
    "no token": Bad(401, "unauthorized", token=""),
    "wrong token": Bad(401, "unauthorized", token="not-the-token"),
    "callback without token": Bad(401, "unauthorized", path="/callbacks/8x8", token=""),
    "callback with MoEngage's token": Bad(401, "unauthorized", path="/callbacks/8x8"),
    "look-up without token": Bad(401, "unauthorized", None, {}, "/messages/a", "GET", ""),
    "look-up with MoEngage's token": Bad(401, "unauthorized", None, {}, "/messages/a", "GET"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_bad_input_is_refused(stack: LocalStack, bridge: Bridge, bad: Bad) -> None:
    before = await bridge.books()

    answer = await bridge.call(
        bad.method,
        stack.front_door_url + bad.path,
        token=stack.tokens.moengage if bad.token is None else bad.token,
        data=bad.data,
        headers=bad.headers,
    )

    assert (answer.status, answer.body["reason"]) == (bad.status, bad.reason)
    assert {"code", "message", "errorId", "timestamp"} <= set(answer.body)
    assert await bridge.books() == before


async def test_a_good_request_is_taken_and_written_down(stack: LocalStack, bridge: Bridge) -> None:
    before = await bridge.books()

    answer = await bridge.post(
        stack.front_door_url + SEND, {**GOOD, "recipient": bridge.number()}, stack.tokens.moengage
    )

    assert answer.status == 200
    assert await bridge.books() == {
        name: count + (name != "reports") for name, count in before.items()
    }
