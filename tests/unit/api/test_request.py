"""How a request is taken from API Gateway's event."""

import base64
import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.api.request import MAX_BODY_BYTES, HttpRequest, Reason
from tests.builders import NUMBER, an_http_request, refusal_of


def an_event(**changes: Any) -> dict[str, Any]:
    """Return an event of payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "POST /callbacks/8x8",
        "rawPath": "/callbacks/8x8",
        "rawQueryString": "token=a%2Fb&numbers=full",
        "headers": {"Content-Type": "Application/JSON; charset=utf-8", "Authorization": "Bearer t"},
        "requestContext": {
            "http": {"method": "POST", "sourceIp": "203.0.113.7"},
            "requestId": "request-1",
            "timeEpoch": 1_795_000_000_125,
        },
        "pathParameters": {"subAccountId": "acme"},
        "body": "{}",
        "isBase64Encoded": False,
    } | changes


class TestEvents:
    def test_everything_is_read(self) -> None:
        request = HttpRequest(an_event())

        assert request.path == "/callbacks/8x8"
        assert request.source_address == "203.0.113.7"
        assert request.arrived_at == 1_795_000_000.125
        assert request.headers["authorization"] == "Bearer t"
        assert request.media_type == "application/json"
        assert request.path_parameters == {"subAccountId": "acme"}
        assert (request.query("token"), request.query("numbers")) == ("a/b", "full")
        assert request.text() == "{}"

    def test_what_an_event_may_lack_is_empty(self) -> None:
        event = {"rawPath": "/", "requestContext": {"http": {"method": "GET"}}}

        request = HttpRequest(event)

        assert (request.source_address, request.arrived_at, request.headers) == ("", 0, {})
        assert (request.media_type, request.query("token"), request.body) == ("", "", "")

    def test_a_repr_holds_no_part_that_may_be_secret(self) -> None:
        event = an_event(body=f'{{"to": "{NUMBER}"}}', rawQueryString="token=secret")

        shown = repr(HttpRequest(event))

        assert not any(part in shown for part in (NUMBER, "secret", "Bearer"))


class TestText:
    @given(st.text(min_size=1, max_size=200))
    def test_a_body_in_base64_is_the_text_that_was_sent(self, text: str) -> None:
        assert an_http_request(text.encode()).text() == text

    @pytest.mark.parametrize("size", [1, MAX_BODY_BYTES])
    def test_64_kib_are_taken(self, size: int) -> None:
        for body in ("a" * size, b"a" * size):
            assert len(an_http_request(body).text()) == size

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("", Reason.BODY_MISSING),
            ("a" * (MAX_BODY_BYTES + 1), Reason.BODY_TOO_LARGE),
            (b"a" * (MAX_BODY_BYTES + 1), Reason.BODY_TOO_LARGE),
            # It is bytes that count, not characters.
            ("я" * (MAX_BODY_BYTES // 2 + 1), Reason.BODY_TOO_LARGE),
            (b"\xff", Reason.BODY_NOT_UTF8),
            ("Gr\u00fc\u00dfe".encode("latin-1"), Reason.BODY_NOT_UTF8),
            (b"\xed\xa0\x80", Reason.BODY_NOT_UTF8),
            ("\ud800", Reason.BODY_NOT_UTF8),
            ("damaged \ufffd", Reason.BODY_NOT_UTF8),
        ],
        ids=lambda value: repr(value)[:30],
    )
    def test_what_cannot_be_sent_unharmed_is_refused(self, body: str | bytes, code: Reason) -> None:
        assert refusal_of(an_http_request(body).text).reason is code

    @pytest.mark.parametrize(
        "request_",
        [
            *(an_http_request(one, body_is_base64=True) for one in ("%%%", "YQ=", "YQ==\n", "ÄÖ")),
            # A packed one that lacks its end.
            *(an_http_request(gzip.compress(b"to=6591234567")[:kept]) for kept in (5, 20, -1)),
        ],
    )
    def test_a_broken_body_is_refused(self, request_: HttpRequest) -> None:
        assert refusal_of(request_.text).reason is Reason.BODY_INVALID

    def test_a_packed_body_is_measured_when_it_is_unpacked(self) -> None:
        headers = {"content-encoding": "gzip"}
        fits, bomb = (gzip.compress(b"a" * size) for size in (MAX_BODY_BYTES, 50_000_000))

        assert len(an_http_request(fits, headers=headers).text()) == MAX_BODY_BYTES
        refusal = refusal_of(an_http_request(bomb, headers=headers).text)
        assert refusal.reason is Reason.BODY_TOO_LARGE

    def test_a_replacement_character_that_was_really_sent_is_kept(self) -> None:
        assert an_http_request("\ufffd".encode()).text() == "\ufffd"


class TestAnyText:
    """A callback is never refused for its body: 8x8 would repeat it and then drop it."""

    @pytest.mark.parametrize(
        ("body", "text", "changes"),
        [
            *((one, one, {}) for one in ("", "{}", "damaged \ufffd", "a" * 200_000)),
            (b"{}", "{}", {}),
            *((one, "{}", {}) for one in ("\ufeff{}", "\ufeff{}".encode())),
            (b"damaged \xff", "damaged \ufffd", {}),
            ("half a pair \ud800", "half a pair \ufffd\ufffd\ufffd", {}),
            (gzip.compress(b"{}", mtime=0), "{}", {}),
            (gzip.compress(b"{}", mtime=0), "{}", {"headers": {"content-encoding": "gzip"}}),
            # What cannot be unpacked or decoded is taken as it is.
            (b"\x1f\x8b", "H4s=", {}),
            ("%%%", "%%%", {"body_is_base64": True}),
        ],
        ids=lambda value: repr(value)[:30],
    )
    def test_whatever_came_is_text(
        self, body: str | bytes, text: str, changes: dict[str, Any]
    ) -> None:
        assert an_http_request(body, **changes).any_text() == text

    @given(st.binary(), st.booleans())
    def test_no_bytes_are_refused(self, body: bytes, is_base64: bool) -> None:
        content = base64.b64encode(body).decode() if is_base64 else body.decode("latin-1")

        an_http_request(content, body_is_base64=is_base64).any_text().encode()
