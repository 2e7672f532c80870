"""How many SMS a text is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.segments import ALWAYS_FITS, MAX_SEGMENTS, segments_of


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 1530, 10),
        ("a" * 1531, 11),
        ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", 1),
        ("€" * 80, 1),
        ("€" * 80 + "a", 2),
        ("a" * 158 + "€", 1),
        ("a" * 159 + "€", 2),
        # No pair is split: 152 places are used of each part's 153.
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("^{}\\[~]|\f" * 8, 1),
    ],
)
def test_a_text_of_the_gsm_alphabet_takes_so_many_segments(text: str, count: int) -> None:
    assert segments_of(text) == ("GSM7", count)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("я" * 670, 10),
        ("я" * 671, 11),
        ("a" * 69 + "я", 1),
        ("a" * 70 + "я", 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        # No pair is split: 66 places are used of each part's 67.
        ("😀" * 66, 2),
        ("😀" * 67, 3),
        *((character, 1) for character in "ç`\u2019\u00a0\x1b\t"),
    ],
)
def test_any_other_text_takes_so_many_segments(text: str, count: int) -> None:
    assert segments_of(text) == ("UCS2", count)


@pytest.mark.parametrize(
    ("text", "encoding", "count"),
    [("a" * 71, "UCS2", 2), ("a" * 70, "UCS2", 1), ("я" * 160, "GSM7", 1), ("😀" * 161, "GSM7", 2)],
)
def test_an_encoding_that_the_caller_names_is_kept(text: str, encoding: str, count: int) -> None:
    assert segments_of(text, encoding) == (encoding, count)


@given(st.text(max_size=700), st.text(max_size=60), st.sampled_from(["AUTO", "GSM7", "UCS2"]))
def test_a_longer_text_never_takes_fewer_segments(text: str, more: str, encoding: str) -> None:
    assert segments_of(text + more, encoding)[1] >= segments_of(text, encoding)[1]


@given(st.text(alphabet="aя€😀", max_size=800))
def test_the_parts_hold_the_text_and_not_a_whole_part_more(text: str) -> None:
    encoding, count = segments_of(text)
    if encoding == "UCS2":
        places, single, several = len(text.encode("utf-16-le")) // 2, 70, 67
    else:
        places, single, several = len(text) + text.count("€"), 160, 153

    if places <= single:
        assert count == 1
    else:
        assert count * several >= places
        # A part may stay one place short, never more.
        assert (count - 1) * (several - 1) < places


def test_so_few_characters_always_fit_and_one_more_may_be_too_many() -> None:
    # No character takes more places.
    assert segments_of("😀" * ALWAYS_FITS)[1] == MAX_SEGMENTS
    assert segments_of("😀" * (ALWAYS_FITS + 1))[1] > MAX_SEGMENTS
