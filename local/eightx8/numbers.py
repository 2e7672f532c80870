"""National and international numbers, as far as the simulator has to know."""

from __future__ import annotations

from typing import NamedTuple


class _Country(NamedTuple):
    calling_code: str
    shortest: int
    longest: int


# Lengths of mobile numbers without the calling code. A number of another country is believed.
_COUNTRIES = {
    "AE": _Country("971", 9, 9),
    "AU": _Country("61", 9, 9),
    "BD": _Country("880", 10, 10),
    "BR": _Country("55", 10, 11),
    "CN": _Country("86", 11, 11),
    "DE": _Country("49", 10, 11),
    "EG": _Country("20", 10, 10),
    "ES": _Country("34", 9, 9),
    "FR": _Country("33", 9, 9),
    "GB": _Country("44", 10, 10),
    "HK": _Country("852", 8, 8),
    "ID": _Country("62", 9, 12),
    "IN": _Country("91", 10, 10),
    "IT": _Country("39", 9, 10),
    "JP": _Country("81", 10, 10),
    "KR": _Country("82", 9, 10),
    "MX": _Country("52", 10, 10),
    "MY": _Country("60", 9, 10),
    "NL": _Country("31", 9, 9),
    "PH": _Country("63", 10, 10),
    "SA": _Country("966", 9, 9),
    "SG": _Country("65", 8, 8),
    "TH": _Country("66", 9, 9),
    "TW": _Country("886", 9, 9),
    "US": _Country("1", 10, 10),
    "VN": _Country("84", 9, 10),
}


class Number(NamedTuple):
    e164: str
    country: str


def international(destination: str, country: str = "") -> Number | None:
    """Return a number in international form."""
    country = country.upper()
    digits = destination.removeprefix("+")
    home = _COUNTRIES.get(country)
    if home and not destination.startswith("+") and home.shortest <= len(digits) <= home.longest:
        return Number(f"+{home.calling_code}{digits}", country)
    for name, known in _COUNTRIES.items():
        if digits.startswith(known.calling_code):
            fits = known.shortest <= len(digits) - len(known.calling_code) <= known.longest
            return Number(f"+{digits}", name) if fits or destination.startswith("+") else None
    return Number(f"+{digits}", country)


def masked(number: str) -> str:
    """Return a number as 8x8 shows it in reports: ``+63922110xxxx``."""
    return number[:-4] + "xxxx"
