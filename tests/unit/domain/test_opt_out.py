"""What a person asks for by an SMS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.domain.opt_out import OptRequest, keywords_of, opt_request_of

STOP = [
    "STOP",
    "stopall",
    "Unsubscribe",
    "CANCEL",
    "END",
    "QUIT",
    "арестовать",
    "退订",
    "توقف",
    "DUR",
]
START = ["START", "yes", "हाँ"]
KEYWORDS = keywords_of(STOP, START)


@pytest.mark.parametrize("word", STOP)
def test_each_keyword_opts_out(word: str) -> None:
    assert {opt_request_of(text, KEYWORDS) for text in (word, word.lower(), word.upper())} == {
        OptRequest.OPT_OUT
    }


@pytest.mark.parametrize("word", START)
def test_each_keyword_opts_in(word: str) -> None:
    assert {opt_request_of(text, KEYWORDS) for text in (word, word.lower(), word.upper())} == {
        OptRequest.OPT_IN
    }


@pytest.mark.parametrize(
    "text",
    [
        "Stop.",
        " stop ",
        "STOP!!!",
        '"stop"',
        "«Stop»",
        "\n\tstop\r\n",
        "(stop)",
        "¡stop!",
        "stop 🙏",
        "❤️ stop ❤️",
    ],
)
def test_what_stands_around_a_keyword_makes_no_difference(text: str) -> None:
    assert opt_request_of(text, KEYWORDS) is OptRequest.OPT_OUT


@pytest.mark.parametrize(
    "text",
    ["", " ", "...", "please stop", "stop it", "nonstop", "stopp", "s t o p", "I can't stop", "1"],
)
def test_the_keyword_has_to_be_all_of_it(text: str) -> None:
    assert opt_request_of(text, KEYWORDS) is None


@given(st.text(max_size=10))
def test_any_text_can_be_read(text: str) -> None:
    assert opt_request_of(text, KEYWORDS) in (None, OptRequest.OPT_OUT, OptRequest.OPT_IN)
    assert opt_request_of(text, keywords_of([], [])) is None
