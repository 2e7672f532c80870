"""What a person asks for by an SMS."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.clock import seconds_of
from sms_bridge.domain.opt_out import Keyword, OptRequest, keyword_of, keywords_of
from tests.builders import an_inbound

STOP = [
    "STOP",
    "stopall",
    "STOP ALL",
    "Unsubscribe",
    "OPT OUT",
    "OPTOUT",
    "END",
    "ARRÊT",
    "арестовать",
    "退订",
    "توقف",
    "बन्द",
    "หยุด",
    "DỪNG",
    "İPTAL",
    "ΔΙΑΚΟΠΉ",
    "STRASSE",
    "그만",
    "הסר",
    "إيقاف",
    "🛑",
]
START = ["START", "UNSTOP", "हाँ", "👍"]
KEYWORDS = keywords_of(STOP, START)


@pytest.mark.parametrize("word", [*STOP, *START])
def test_each_keyword_opts_out_or_in_in_capitals_or_not(word: str) -> None:
    spellings = (word, word.lower(), word.upper(), word.title(), word.casefold())
    keyword = Keyword.STOP if word in STOP else Keyword.START

    assert {keyword_of(text, KEYWORDS) for text in spellings} == {keyword}


def test_a_word_that_asks_for_help_asks_for_nothing_else() -> None:
    keywords = keywords_of(["STOP"], ["START", "INFO"], ["HELP", "INFO", "stop"])

    for text, keyword, opt_request in (
        ("help?", Keyword.HELP, None),
        ("info", Keyword.START, OptRequest.OPT_IN),
        ("Stop", Keyword.STOP, OptRequest.OPT_OUT),
    ):
        assert keyword_of(text, keywords) is keyword
        assert keyword.opt_request is opt_request


SPELLINGS = {
    "full width": "ＳＴＯＰ",  # noqa: RUF001
    "circled": "ⓢⓣⓞⓟ",
    "ligature": "unsub﻿scribe",
    "joiner inside": "बन्\u200dद",
    "non-joiner inside": "ST\u200cOP",
    "soft hyphen": "UN\u00adSUB\u00adSCRIBE",
    "mark of direction": "\u200fتوقف\u200e",
    "lengthened": "توقـــف",
    "vowel marks": "تَوَقُّف",
    "two blanks": "STOP  ALL",
    "no-break blank": "STOP\u00a0ALL",
    "line break": "Stop\r\nall",
    "hyphen": "opt-out",
    "no-break hyphen": "OPT\u2011OUT",
    "dash": "opt – out",  # noqa: RUF001
    "underscore": "stop_all",
    "full stop between words": "Stop. All.",
    "accent that falls away": "ARRET",
    "accents taken apart": "arre\u0302t",
    "Vietnamese without accents": "dung",
    "Turkish, small": "iptal",
    "Turkish, dotless": "IPTAL",
    "Turkish, dotless and small": "ıptal",  # noqa: RUF001
    "Greek without accent": "ΔΙΑΚΟΠΗ",
    "sharp s": "straße",
    "Hangul in parts": "\u1100\u1173\u1106\u1161\u11ab",
    "emoji around": "❤️ stop ❤️",
    "thanks": "stop 🙏🏽",
    "quoted": "«Stop»",
    "Spanish marks": "¡stop!",
    "blank lines": "\n\tstop\r\n",
    "byte order mark": "\ufeffstop",
    "emoji with and without its variation": "🛑\ufe0f",
    "symbol said twice": "🛑 🛑",
    "word said again": "STOP stop\nSTOP",
    "spelled out": "S.T.O.P.",
    "hyphen within": "un-subscribe",
    "blank within": "退 订",
    "Hebrew points": "הַסֵּר",
    "hamza above and below": "أيقاف",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_other_spellings_are_the_same_word(text: str) -> None:
    assert keyword_of(text, KEYWORDS) is Keyword.STOP


def test_a_keycap_is_its_digit_and_a_skin_tone_makes_no_difference() -> None:
    keywords = keywords_of(["1"], ["👍"])

    assert keyword_of("1\ufe0f\u20e3", keywords) is Keyword.STOP
    assert keyword_of("👍🏽", keywords) is Keyword.START


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "...", "?", "👎", "❤️", "🛑👍", "\u200d", "\ufe0f"),
        *("please stop", "stop it", "nonstop", "stopp", "stop start", "I can't stop", "1"),
        "stop" + "\u0301" * 300,
        "stop" + " " * 300,
    ],
)
def test_the_keyword_has_to_be_all_of_it(text: str) -> None:
    assert keyword_of(text, KEYWORDS) is None


@pytest.mark.parametrize("keyword", ["", " ", "\u200d", "\ufe0f", "\u0301"])
def test_a_keyword_of_nothing_matches_nothing(keyword: str) -> None:
    keywords = keywords_of([keyword], [keyword])

    assert {keyword_of(text, keywords) for text in ("", " ", "?", "👍", keyword)} == {None}


@given(st.text(max_size=10))
def test_any_text_can_be_read(text: str) -> None:
    assert keyword_of(text, KEYWORDS) in (None, Keyword.STOP, Keyword.START)
    assert keyword_of(text, keywords_of([], [])) is None


@given(st.text(max_size=10))
def test_every_keyword_is_found_as_it_was_typed(word: str) -> None:
    found = keyword_of(word, keywords_of([word], []))

    assert found is Keyword.STOP or keywords_of([word], [])[Keyword.STOP] == frozenset()


@pytest.mark.parametrize("character", ["\u0301", "\u200d", "ﷺ", "a", "🙂"])
def test_a_text_of_any_length_is_read_at_once(character: str) -> None:
    began = time.process_time()

    keyword_of(character * 500_000, KEYWORDS)

    assert time.process_time() - began < 0.5


RECEIVED_AT = seconds_of("2026-11-24T09:30:04.000Z")


@pytest.mark.parametrize(
    ("opt_request", "sent_at", "moment"),
    [
        (OptRequest.OPT_OUT, RECEIVED_AT - 0.88, RECEIVED_AT - 0.88),
        (OptRequest.OPT_IN, RECEIVED_AT - 0.88, RECEIVED_AT - 0.88),
        (OptRequest.OPT_OUT, 0.0, RECEIVED_AT),
        (OptRequest.OPT_IN, 0.0, RECEIVED_AT - 300),
    ],
)
def test_a_request_counts_from_when_it_was_sent_and_a_stop_in_doubt_wins(
    opt_request: OptRequest, sent_at: float, moment: float
) -> None:
    inbound = an_inbound(sent_at=sent_at, received_at=RECEIVED_AT)

    assert inbound.requested_at(opt_request) == moment
