"""How 8x8 counts a text. Not the bridge's own count, which this one is there to contradict."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PARTS = 10
# 3GPP TS 23.038: default alphabet, row by row, and its extension table.
_DEFAULT = set(
    "@£$¥èéùìòÇ\nØø\rÅå" "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ" " !\"#¤%&'()*+,-./" "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO" "PQRSTUVWXYZÄÖÑÜ§" "¿abcdefghijklmno" "pqrstuvwxyzäöñüà"
)  # fmt: skip
_EXTENSION = set("\f^{}\\[~]|€")


@dataclass(frozen=True)
class Parts:
    """A text as it goes out.

    Attributes
    ----------
    cut_off
        Whether a part was left out: 8x8 sends ten at most, and says nothing.
    """

    encoding: str
    count: int
    cut_off: bool


def unicode_characters(text: str) -> list[str]:
    """Return the characters that force UCS-2 on a text, each once, in their order."""
    return list(dict.fromkeys(one for one in text if one not in _DEFAULT | _EXTENSION))


def parts_of(text: str, encoding: str = "AUTO") -> Parts:
    if encoding == "AUTO":
        encoding = "UCS2" if unicode_characters(text) else "GSM7"
    if encoding == "GSM7":
        count = _count([1 + (character in _EXTENSION) for character in text], 160, 153)
    else:
        count = _count([len(character.encode("utf-16-be")) // 2 for character in text], 70, 67)
    return Parts(encoding, min(count, MAX_PARTS), count > MAX_PARTS)


def _count(widths: list[int], alone: int, of_several: int) -> int:
    if sum(widths) <= alone:
        return 1
    count, free = 0, 0
    for width in widths:
        if width > free:
            count, free = count + 1, of_several
        free -= width
    return count
