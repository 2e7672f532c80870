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


def test_the_same_message_to_the_same_number_is_a_repeat_within_the_window() -> None:
    assert plain(key_of(a_request())) == plain(key_of(a_request()))
    assert key_of(a_request()).seconds == 120


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
NOT_IN_THE_KEY = {"adds_callback_url"}


def test_every_field_of_a_request_is_decided_upon() -> None:
    assert {one.name for one in fields(MessageRequest)} == {*OTHER_VALUES, *NOT_IN_THE_KEY}


@pytest.mark.parametrize("field", OTHER_VALUES)
def test_any_other_message_is_no_repeat(field: str) -> None:
    other = a_request(**{field: OTHER_VALUES[field]})

    assert key_of(other).value != key_of(a_request()).value


OPTIONS = {
    "country": "SG",
    "encoding": "UCS2",
    "scheduled": "2026-11-25T00:00:00Z",
    "expiry": "2026-11-25T00:00:00Z",
    "clientIp": "203.0.113.7",
    "track": "Outcome",
    "dlrCallbackUrl": "https://caller.example/receipts",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_makes_another_message(option: str) -> None:
    plain, with_option = a_request(), a_request(options={option: OPTIONS[option]})
    other = a_request(options={option: OPTIONS[option] + "6"})

    assert len({key_of(one).value for one in (plain, with_option, other)}) == 3


def test_the_order_of_options_makes_no_difference() -> None:
    backwards = dict(reversed(OPTIONS.items()))

    assert plain(key_of(a_request(options=OPTIONS))) == plain(key_of(a_request(options=backwards)))


def test_the_bridges_own_callback_url_makes_no_difference() -> None:
    urls = ["https://bridge.example/callbacks/8x8?token=old", "https://bridge.example/?token=new"]
    old, new = (a_request(options={"dlrCallbackUrl": url}, adds_callback_url=True) for url in urls)

    assert plain(key_of(old)) == plain(key_of(new)) == plain(key_of(a_request()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+6591234567", "6591234567"),
        ("+4407911123456", "+447911123456"),
        ("+5215512345678", "+525512345678"),
        ("+5491123456789", "541123456789"),
    ],
)
def test_a_number_is_the_same_however_it_is_written(one: str, other: str) -> None:
    assert plain(key_of(a_request(destination=one))) == plain(key_of(a_request(destination=other)))


def test_a_national_number_is_the_same_as_the_international_one() -> None:
    written = ("91239002", "6591239002", "+6591239002")
    national, *others = (
        key_of(a_request(destination=one, options={"country": "SG"})) for one in written
    )

    assert {one.value for one in others} == {national.value}


def test_a_national_number_is_that_of_its_country() -> None:
    singapore, hong_kong = (
        a_request(destination="91239002", options={"country": country}) for country in ("SG", "HK")
    )

    assert key_of(singapore).value != key_of(hong_kong).value


def test_an_id_and_an_idempotency_key_with_the_same_value_are_two_things() -> None:
    named = key_of(a_request(client_message_id="theirs"))

    assert named.value != key_of(a_request(idempotency_key="theirs")).value


@pytest.mark.parametrize("window", [0, 120])
def test_with_an_idempotency_key_a_message_may_be_repeated_for_a_day(window: int) -> None:
    key = key_of(a_request(idempotency_key="theirs"), window_seconds=window)

    assert key.seconds == SECONDS_OF_AN_IDEMPOTENCY_KEY == 24 * 60 * 60


def test_a_client_message_id_makes_no_repeat_after_the_window() -> None:
    named = a_request(client_message_id="always the same")

    assert key_of(named).seconds == 120
    assert claim_key(named, window_seconds=0, hash_key="k") is None


def test_a_client_that_gives_all_its_messages_one_id_loses_none() -> None:
    first = key_of(a_request(client_message_id="always the same"))
    second = key_of(a_request(client_message_id="always the same", text="Another text"))

    assert first.value != second.value


def test_without_a_window_a_message_is_never_a_repeat() -> None:
    assert claim_key(a_request(), window_seconds=0, hash_key="k") is None


@pytest.mark.parametrize(
    "changes",
    [{"text": f"{TEXT} "}, {"text": TEXT.upper()}, {"source": "ACME"}, {"source": "Acme "}],
)
def test_texts_and_sender_ids_are_compared_letter_by_letter(changes: dict[str, str]) -> None:
    one, other = a_request(source="Acme"), a_request(**{"source": "Acme", **changes})

    assert key_of(other).value != key_of(one).value


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
