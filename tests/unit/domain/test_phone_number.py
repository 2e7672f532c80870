"""How numbers are compared, shown and limited."""

import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.phone_number import (
    NUMBER,
    digits_of,
    e164,
    international,
    keyed_hash,
    masked,
)


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


ONE_PERSON = {
    "without a plus": ("+6591234567", "", "6591234567", ""),
    "national number": ("+6590000007", "", "90000007", "SG"),
    "no such country": ("+90000007", "", "90000007", "XX"),
    "international number with its country": ("+6590000007", "", "6590000007", "SG"),
    "international number with another country": ("+6590000007", "", "+6590000007", "HK"),
    "trunk zero, two digits": ("+447911123456", "", "+4407911123456", ""),
    "trunk zero, three digits": ("+971501234567", "", "9710501234567", ""),
    "trunk zero, national": ("+447911123456", "", "07911123456", "GB"),
    "blanks around": ("+6590000007", "", " 6590000007 ", ""),
    "Mexico": ("+525512345678", "", "+5215512345678", ""),
    "Mexico, national": ("+525512345678", "", "5512345678", "MX"),
    "Argentina": ("+541123456789", "", "+5491123456789", ""),
}


@pytest.mark.parametrize(
    ("one", "its_country", "other", "country"), ONE_PERSON.values(), ids=ONE_PERSON
)
def test_a_person_has_one_hash(one: str, its_country: str, other: str, country: str) -> None:
    assert e164(one, its_country) == e164(other, country)
    assert keyed_hash(one, "key", its_country) == keyed_hash(other, "key", country)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+6591234567", "+6591234568"),
        ("+390612345678", "+39612345678"),  # in Italy the zero is part of the number
        ("+2250701234567", "+225701234567"),  # and in Ivory Coast
        ("+12025550288", "+120255502880"),
        ("+5215512345678", "+5225512345678"),
        ("+521551234567", "+52551234567"),
    ],
)
def test_other_people_have_another_hash_which_needs_the_key(one: str, other: str) -> None:
    hashes = {keyed_hash(one, "key"), keyed_hash(other, "key"), keyed_hash(one, "another key")}

    assert len(hashes) == 3
    assert all(len(hashed) == 16 and one[3:] not in hashed for hashed in hashes)


def test_every_countrys_numbers_are_what_the_library_says() -> None:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS - {"AR"}):
        example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        if example is None:
            continue
        full = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        national = phonenumbers.national_significant_number(example)
        with_zero = f"+{example.country_code}0{national}"

        assert e164(full) == full
        assert e164(national, region) == full
        if phonenumbers.is_valid_number(read := phonenumbers.parse(with_zero)):
            expected = phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164)
            assert e164(with_zero) == expected


@pytest.mark.parametrize(
    ("number", "country", "written"),
    [
        ("+6591234567", "", "+6591234567"),
        ("6591234567", "", "6591234567"),
        ("+6591234567", "HK", "+6591234567"),
        ("91239002", "SG", "+6591239002"),
        ("91239002", "HK", "+85291239002"),
        ("1234567", "SG", "1234567"),
        ("4915112345678", "SG", "4915112345678"),
    ],
)
def test_only_national_numbers_are_written_anew(number: str, country: str, written: str) -> None:
    assert international(number, country) == written


@given(st.text(max_size=30), st.sampled_from(["", "SG", "XX", "MX"]))
def test_any_text_has_a_hash(text: str, country: str) -> None:
    assert len(keyed_hash(text, "key", country)) == 16


def test_the_library_is_not_loaded_for_ordinary_numbers() -> None:
    code = (
        "import sys; from sms_bridge.domain.phone_number import keyed_hash\n"
        "for one in ('+6591234567', '447911123456', '+5215512345678', '+12025550288'):\n"
        "    keyed_hash(one, 'k')\n"
        "sys.exit('phonenumbers' in sys.modules)"
    )

    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], check=False, env=environment)  # noqa: S603

    assert done.returncode == 0


def test_what_8x8_takes_as_a_number() -> None:
    for number in ("1234567", "+1234567", "123456789012345"):
        assert NUMBER.fullmatch(number)
    for other in (
        *("123456", "1234567890123456", "0234567", "++1234567", "00651234567"),
        *("+65 9123 4567", "६५९१२३४५६७", "1234567\n"),
    ):
        assert not NUMBER.fullmatch(other)
