"""What counts as the same message, sent again."""

from dataclasses import fields
from typing import Any

import pytest

from sms_bridge.domain.duplicates import SECONDS_OF_AN_IDEMPOTENCY_KEY, ClaimKey, claim_key
from sms_bridge.domain.message import MessageRequest, MessageType
from tests.builders import NUMBER, TEXT, a_request, plain


def key_of(request: MessageRequest, *, window_seconds: int = 120, hash_key: str = "k") -> ClaimKey:
    key = claim_key(request, window_seconds=window_seconds, hash_key=hash_key)
    assert key is not None
    return key


# A value other than that of `a_request`, for each field that belongs to the key. A new field has
# to be decided upon: what changes what 8x8 would do belongs to it.
OTHER_VALUES: dict[str, Any] = {
    "sub_account_id": "another",
    "destination": "+6591234568",
    "text": TEXT + ".",
    "message_type": MessageType.TRANSACTIONAL,
    "source": "Acme",
    "options": {"encoding": "UCS2"},
    "client_message_id": "theirs",
    "idempotency_key": "theirs",
    "campaign_id": "c-1",
    "dlt_template_id": "1107",
}
NOT_IN_THE_KEY = {"callback_url"}


def test_every_field_of_a_request_is_decided_upon() -> None:
    assert {one.name for one in fields(MessageRequest)} == {*OTHER_VALUES, *NOT_IN_THE_KEY}


OPTIONS = {
    "country": "SG",
    "encoding": "UCS2",
    "scheduled": "2026-11-25T00:00:00Z",
    "expiry": "2026-11-25T00:00:00Z",
    "clientIp": "203.0.113.7",
    "track": "Outcome",
    "dlrCallbackUrl": "https://caller.example/receipts",
}
NATIONAL = {"destination": "91239002", "options": {"country": "SG"}}
BRIDGES_URL = "https://bridge.example/callbacks/8x8?token="

DIFFERENT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(({}, {name: value}) for name, value in OTHER_VALUES.items()),
    *(({}, {"options": {name: value}}) for name, value in OPTIONS.items()),
    *(
        ({"options": {name: value}}, {"options": {name: value + "6"}})
        for name, value in OPTIONS.items()
    ),
    (NATIONAL, {"destination": "91239002", "options": {"country": "HK"}}),
    # An id and an idempotency key with the same value are two things.
    ({"client_message_id": "theirs"}, {"idempotency_key": "theirs"}),
    # A client that gives all its messages one id loses none.
    ({"client_message_id": "always"}, {"client_message_id": "always", "text": "Another text"}),
    # Texts and sender ids are compared letter by letter.
    ({}, {"text": f"{TEXT} "}),
    ({}, {"text": TEXT.upper()}),
    ({"source": "Acme"}, {"source": "ACME"}),
    ({"source": "Acme"}, {"source": "Acme "}),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=str)
def test_any_other_message_is_no_repeat(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key_of(a_request(**one)).value != key_of(a_request(**other)).value


SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(
        ({"destination": one}, {"destination": other})
        for one, other in (
            ("+6591234567", "6591234567"),
            ("+4407911123456", "+447911123456"),
            ("+5215512345678", "+525512345678"),
            ("+5491123456789", "541123456789"),
        )
    ),
    *((NATIONAL, NATIONAL | {"destination": one}) for one in ("6591239002", "+6591239002")),
    ({"options": OPTIONS}, {"options": dict(reversed(OPTIONS.items()))}),
    # The bridge's own callback URL makes no difference.
    *(({}, {"callback_url": BRIDGES_URL + token}) for token in ("old", "new")),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=str)
def test_a_message_is_the_same_however_it_is_written(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert plain(key_of(a_request(**one))) == plain(key_of(a_request(**other)))


@pytest.mark.parametrize("window", [0, 120])
def test_with_an_idempotency_key_a_message_may_be_repeated_for_a_day(window: int) -> None:
    key = key_of(a_request(idempotency_key="theirs"), window_seconds=window)

    assert key.seconds == SECONDS_OF_AN_IDEMPOTENCY_KEY == 24 * 60 * 60


@pytest.mark.parametrize("client_message_id", [None, "always the same"])
def test_without_a_window_a_message_is_never_a_repeat(client_message_id: str | None) -> None:
    request = a_request(client_message_id=client_message_id)

    assert key_of(request).seconds == 120
    assert claim_key(request, window_seconds=0, hash_key="k") is None


def test_versions_that_run_side_by_side_make_the_same_key() -> None:
    # While a deployment shifts traffic, a repeat may meet another version than the first request.
    # Where the key is changed on purpose, this value is, too.
    request = a_request(**OTHER_VALUES)

    assert (
        key_of(request).value == "ca62ca681fdf9e65b32e48ddf0fb63866866714b92d72603c4f944babde8c171"
    )


def test_the_key_does_not_tell_who_got_which_text() -> None:
    value = key_of(a_request()).value

    assert NUMBER.strip("+") not in value
    assert value != key_of(a_request(), hash_key="another key").value


def test_a_text_of_any_characters_has_a_key() -> None:
    assert key_of(a_request(text="\ud800 🙂")).value
