"""What the bridge accepts, 8x8's OpenAPI file accepts."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.eightx8.contract import problems_of
from sms_bridge.api.request import RefusedError
from sms_bridge.providers.eightx8 import sms_of
from tests.builders import MESSAGE_ID, NUMBER, TEXT, a_form_request, a_json_request
from tests.unit.api.reading import read_one

ALMOST_TIMES = st.one_of(
    st.datetimes().map(str),
    st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
    st.datetimes().map(lambda at: f"{at.isoformat()}+08:00:30"),
    st.datetimes().map(lambda at: f"{at.strftime('%G-W%V-%u')}T09:30:00Z"),
    st.from_regex(
        r"\A2026-1?[0-9]-[0-3][0-9][Tt ][0-2][0-9]:?[0-6][0-9](:[0-6][0-9])?"
        r"([.,][0-9]{0,9})?([Zz]|[+-][0-9]{2}:?[0-9]{2}(:[0-9]{2})?)?\Z"
    ),
)
ALMOST_URLS = st.one_of(
    st.from_regex(r"\A(https?|HTTPS)://(caller|Caller)\.example(:[0-9]{0,6})?.{0,20}\Z"),
    st.text(max_size=10).map(lambda end: f"https://caller.example/{end}"),
)
ALMOST_SOURCES = st.one_of(
    st.integers(),
    st.from_regex(r"\A[ +-]?[A-Za-z0-9 .&-]{0,12}\Z"),
    st.from_regex(r"\A\+?[0-9]{0,18}\Z"),
    st.text(max_size=17),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "destination": st.just(NUMBER) | st.from_regex(r"\A\+?[0-9]{5,17}\Z") | st.integers(),
    "text": st.just(TEXT) | st.text(max_size=20),
    "source": ALMOST_SOURCES,
    "country": st.sampled_from(["SG", "sg", "Sg", "ßg", "S", "702"]) | st.text(max_size=3),
    "encoding": st.sampled_from(["AUTO", "Auto", "gsm7", "UCS-2", "ucs2", "ＵＣＳ２"]),  # noqa: RUF001
    "scheduled": ALMOST_TIMES,
    "expiry": ALMOST_TIMES,
    "dlrCallbackUrl": ALMOST_URLS,
    "clientIp": st.ip_addresses().map(str)
    | st.sampled_from(["fe80::1%eth0", "::ffff:1.2.3.4", "1.2.3", "01.2.3.4", "1.2.3.4/8"]),
    "track": st.sampled_from(["None", "none", "OUTCOME", "Outcome", "x"]),
    "clientMessageId": st.text(max_size=10) | st.integers(),
}
# Each alone beside what is right, so that no other field hides whether it is accepted.
ONE_FIELD = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda name: FIELDS[name].map(lambda value: {"destination": NUMBER, "text": TEXT, name: value})
)


@given(ONE_FIELD | st.fixed_dictionaries({}, optional=FIELDS))
def test_what_is_accepted_as_json_conforms_to_8x8s_file(fields: dict[str, Any]) -> None:
    assert_conforms_if_accepted(a_json_request(fields))


@given(ONE_FIELD)
def test_what_is_accepted_as_a_form_conforms_to_8x8s_file(fields: dict[str, Any]) -> None:
    texts = {name: str(value) for name, value in fields.items()}
    try:
        request = a_form_request(texts)
    except UnicodeEncodeError:
        return
    assert_conforms_if_accepted(request)


def assert_conforms_if_accepted(request: Any) -> None:
    try:
        read = read_one(request, caller_callback_hosts=("caller.example",))
    except RefusedError:
        return
    assert list(problems_of("SmsRequest", sms_of(read, MESSAGE_ID))) == []
