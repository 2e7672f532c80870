"""Who does not want to be texted any more."""

import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum

from sms_bridge.domain.send_result import SendResult, Verdict


class OptRequest(StrEnum):
    """What a person asked for by an SMS."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


Keywords = Mapping[OptRequest, frozenset[str]]
"""By which people opt out and in, in upper case, in any language."""


def keywords_of(stop: Iterable[str], start: Iterable[str]) -> Keywords:
    """Return keywords as they are compared."""
    return {
        OptRequest.OPT_OUT: frozenset(map(_comparable, stop)),
        OptRequest.OPT_IN: frozenset(map(_comparable, start)),
    }


class Identifier(StrEnum):
    """By what MoEngage's Data API knows a person."""

    MOE_MOBILE = "moe_mobile"
    """The mobile number, in a workspace with identity resolution."""
    CUSTOMER_ID = "customer_id"
    """The customer id, which is the number's digits with the country code."""
    CUSTOMER_ID_WITH_PLUS = "customer_id_with_plus"
    """The same, with a plus in front."""


OPTED_OUT = SendResult(
    verdict=Verdict.PERMANENT,
    reason="opted_out",
    description="The recipient asked not to be texted",
)

# Punctuation, symbols, separators and control characters (Unicode's general categories) at both
# ends of a keyword: "Stop." or "«STOP»" is as good as "STOP". Marks are part of a word in Hindi
# or Thai, but for the one that makes a symbol an emoji.
_AROUND = "PSZC"
_EMOJI = "\N{VARIATION SELECTOR-16}"


def opt_request_of(text: str, keywords: Keywords) -> OptRequest | None:
    """Return what an inbound text asks for; the keyword has to be all of it."""
    word = _comparable(text)
    return next((opt_request for opt_request, words in keywords.items() if word in words), None)


def _comparable(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    around = {one for one in text if unicodedata.category(one)[0] in _AROUND} | {_EMOJI}
    return text.strip("".join(around)).upper()
