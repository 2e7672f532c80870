"""What counts as the same message, sent again."""

from typing import Any

import pytest

from sms_bridge.domain.duplicates import ClaimKey, claim_key
from sms_bridge.domain.message import MessageRequest
from tests.builders import NUMBER, TEXT, a_request


def key_of(request: MessageRequest, *, window_seconds: int = 120, hash_key: str = "k") -> ClaimKey:
    key = claim_key(request, window_seconds=window_seconds, hash_key=hash_key)
    assert key is not None
    return key


def test_the_same_message_to_the_same_number_is_a_repeat_within_the_window() -> None:
    assert key_of(a_request()) == key_of(a_request())
    assert key_of(a_request()).seconds == 120


def test_a_plus_before_the_number_makes_no_difference() -> None:
    assert key_of(a_request(destination="+6591234567")) == key_of(
        a_request(destination="6591234567")
    )


DIFFERENCES: list[dict[str, Any]] = [
    {"destination": "+6591234568"},
    {"text": TEXT + "."},
    {"text": TEXT.upper()},
    {"source": "Acme"},
    {"sub_account_id": "another"},
    {"campaign_id": "c-1"},
    {"client_message_id": "theirs"},
    {"idempotency_key": "theirs"},
]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=str)
def test_any_other_message_is_no_repeat(difference: dict[str, Any]) -> None:
    assert key_of(a_request(**difference)).value != key_of(a_request()).value


def test_an_id_and_an_idempotency_key_with_the_same_value_are_two_things() -> None:
    named = key_of(a_request(client_message_id="theirs"))

    assert named.value != key_of(a_request(idempotency_key="theirs")).value


@pytest.mark.parametrize("name", ["client_message_id", "idempotency_key"])
@pytest.mark.parametrize("window", [0, 120])
def test_a_caller_that_names_its_messages_may_repeat_one_at_any_time(
    name: str, window: int
) -> None:
    assert key_of(a_request(**{name: "theirs"}), window_seconds=window).seconds is None


def test_a_client_that_gives_all_its_messages_one_id_loses_none() -> None:
    first = key_of(a_request(client_message_id="always the same"))
    second = key_of(a_request(client_message_id="always the same", text="Another text"))

    assert first.value != second.value


def test_without_a_window_a_message_without_a_name_is_never_a_repeat() -> None:
    assert claim_key(a_request(), window_seconds=0, hash_key="k") is None


def test_the_key_does_not_tell_who_got_which_text() -> None:
    value = key_of(a_request()).value

    assert NUMBER.strip("+") not in value
    assert value != key_of(a_request(), hash_key="another key").value


def test_a_text_of_any_characters_has_a_key() -> None:
    assert key_of(a_request(text="\ud800 🙂")).value
