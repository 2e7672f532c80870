"""How many SMS a text is, and in which alphabet: an estimate of what 8x8 will count.

8x8 detects the alphabet itself (``encoding: AUTO``), sends at most ten parts and cuts off the
rest without an error, so the bridge has to know before it sends.
"""

from collections.abc import Set
from math import ceil

# 3GPP TS 23.038, section 6.2.1: the default alphabet and its extension table. A character of the
# extension table takes two places.
_GSM7_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM7 = _GSM7_EXTENSION.union(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)

MAX_SEGMENTS = 10

ALWAYS_FITS = 330
"""So many characters never take more: two places each, of ten times 66."""


def segments_of(text: str, encoding: str = "AUTO") -> tuple[str, int]:
    """Return the alphabet of a text, and how many SMS it takes.

    ``AUTO`` picks GSM-7 where every character allows it. One part holds 160 GSM-7 or 70 UCS-2
    places, a part of several 153 or 67 (8x8's documentation). A character outside the basic plane
    takes two UCS-2 places. No character is split over two parts, so that a part may stay one place
    short.
    """
    if encoding == "GSM7" or (encoding == "AUTO" and _GSM7.issuperset(text)):
        wide = _GSM7_EXTENSION.intersection(text)
        return "GSM7", _parts(text, wide, single=160, several=153)
    wide = frozenset(character for character in text if character > "\uffff")
    return "UCS2", _parts(text, wide, single=70, several=67)


def _parts(text: str, wide: Set[str], *, single: int, several: int) -> int:
    total = len(text) + sum(map(text.count, wide))
    if total <= single:
        return 1
    if not wide:
        return ceil(total / several)
    parts, used = 1, 0
    for character in text:
        width = 2 if character in wide else 1
        if used + width > several:
            parts, used = parts + 1, 0
        used += width
    return parts
