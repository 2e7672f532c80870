"""Who does not want to be texted any more."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum

Person = tuple[str, str]
"""Somebody who gets messages: the sub-account that sends them, and the hash of the number."""


class OptRequest(StrEnum):
    """What a person asked for by an SMS."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


class Keyword(StrEnum):
    STOP = "stop"
    START = "start"
    HELP = "help"

    @property
    def opt_request(self) -> OptRequest | None:
        """What it asks for; nothing changes for who asks for help."""
        return {Keyword.STOP: OptRequest.OPT_OUT, Keyword.START: OptRequest.OPT_IN}.get(self)


Keywords = Mapping[Keyword, frozenset[str]]
"""The words that count as each keyword, in the form in which they are compared."""


class OptOutScope(StrEnum):
    """Whose messages people no longer get: all, or those of the sub-account that they wrote to."""

    STACK = "stack"
    SUB_ACCOUNT = "sub-account"


EVERY_SUB_ACCOUNT = "*"
"""8x8 gives none this name."""


class Identifier(StrEnum):
    """How MoEngage's Data API identifies a person."""

    MOE_MOBILE = "moe_mobile"  # the mobile number, with identity resolution
    CUSTOMER_ID = "customer_id"  # the customer id is the number's digits
    CUSTOMER_ID_WITH_PLUS = "customer_id_with_plus"  # the same, with a plus in front


# No keyword is longer. What is longer is not looked at: normalizing costs time.
_MAX_CHARACTERS = 200

# Marks without which a word stays the same word: accents, which fall away in capitals and on many
# keyboards; Hebrew points; Arabic vowel marks, hamzas and the stroke that lengthens a word; what
# makes a symbol an emoji or a keycap, and skin tones. Marks of other scripts (Hindi, Thai) are
# letters.
_MARKS = (
    "[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c2\u05c4-\u05c7\u0640\u064b-\u0655\u20e3"
    "\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]"
)


def keywords_of(stop: Iterable[str], start: Iterable[str], help_: Iterable[str] = ()) -> Keywords:
    words = (frozenset(map(_comparable, some)) - {""} for some in (stop, start, help_))
    return dict(zip(Keyword, words, strict=True))


def keyword_of(text: str, keywords: Keywords) -> Keyword | None:
    """Return which keyword is all of an inbound text; one that also opts out opts out."""
    if len(text) > _MAX_CHARACTERS:
        return None
    word = _comparable(text)
    return next((keyword for keyword, words in keywords.items() if word in words), None)


def _comparable(text: str) -> str:
    """Return a text in the form that all spellings of it share.

    Case, width, accents, joiners and what stands around, between or within the words make no
    difference, nor does saying them again. A text without words is its symbols.
    """
    # Taken apart, so that accents stand alone; casefold may put new ones there (Turkish İ).
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    text = re.sub(_MARKS, "", text).replace("\N{LATIN SMALL LETTER DOTLESS I}", "i")
    # Joiners and soft hyphens, which nobody sees.
    text = "".join(one for one in text if unicodedata.category(one) != "Cf")
    text = unicodedata.normalize("NFKC", text)
    # Blanks, punctuation, symbols and control characters stand between words.
    between = ("Z", "P", "S", "Cc")
    parts = (" " if unicodedata.category(one).startswith(between) else one for one in text)
    words = "".join(parts).split()
    return "".join(dict.fromkeys(words or text.replace(" ", "")))
