"""How numbers are compared, shown and limited."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.phone_number import NUMBER, digits_of, is_in_countries, keyed_hash, masked


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+6591234567", "65*****567"),
        ("6591234567", "65*****567"),
        ("+123456789012345", "12**********345"),
        ("12345678", "12***678"),
        ("1234567", "*******"),
        ("12345", "*****"),
        ("+", ""),
        ("", ""),
    ],
)
def test_the_middle_of_a_number_is_hidden(number: str, shown: str) -> None:
    assert masked(number) == shown


@given(st.text(max_size=30))
def test_no_more_than_five_characters_show_and_three_or_more_are_hidden(number: str) -> None:
    digits = digits_of(number)
    shown = masked(number)

    assert len(shown) == len(digits)
    visible = [place for place, mark in enumerate(shown) if mark != "*"]
    assert set(visible) <= {0, 1, *range(len(digits) - 3, len(digits))}
    assert shown.count("*") >= min(3, len(digits))


def test_the_hash_is_that_of_the_person_however_the_number_is_written() -> None:
    assert keyed_hash("+6591234567", "key") == keyed_hash("6591234567", "key")


def test_the_hash_needs_the_key_and_tells_people_apart() -> None:
    hashes = {
        keyed_hash("+6591234567", "key"),
        keyed_hash("+6591234567", "another key"),
        keyed_hash("+6591234568", "key"),
    }

    assert len(hashes) == 3
    assert all(len(one) == 16 and "91234567" not in one for one in hashes)


@pytest.mark.parametrize(
    ("number", "is_one"),
    [
        ("1234567", True),
        ("+1234567", True),
        ("123456789012345", True),
        ("123456", False),
        ("1234567890123456", False),
        ("0234567", False),
        ("++1234567", False),
        ("00651234567", False),
        ("+65 9123 4567", False),
        ("६५९१२३४५६७", False),
        ("1234567\n", False),
    ],
)
def test_what_8x8_takes_as_a_number(number: str, is_one: bool) -> None:
    assert (NUMBER.fullmatch(number) is not None) is is_one


@pytest.mark.parametrize(
    ("number", "codes", "is_in"),
    [
        ("+6591234567", ["65"], True),
        ("6591234567", ["65"], True),
        ("+4915112345678", ["65", "49"], True),
        ("+6591234567", ["49"], False),
        ("+1659123456", ["65"], False),
    ],
)
def test_countries_are_told_by_their_calling_code(
    number: str, codes: list[str], is_in: bool
) -> None:
    assert is_in_countries(number, codes) is is_in
