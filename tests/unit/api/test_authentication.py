"""Who may send, call back and look up; and the URL that carries a token."""

import pytest

from sms_bridge.api.authentication import (
    callback_url,
    is_one_of,
    read_networks,
    require_8x8,
    require_look_up,
    require_token,
)
from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.request import HttpRequest
from tests.builders import a_secret_source, an_http_request, refusal_of

TOKEN = "token/of+callbacks"
IN_URL = "token=token/of%2Bcallbacks"


def a_call(authorization: str | None = None, *, query: str = "") -> HttpRequest:
    headers = {} if authorization is None else {"authorization": authorization}
    return an_http_request(headers=headers, query_string=query)


class TestTokens:
    @pytest.mark.parametrize("token", ["old", "new"])
    def test_promise_7_two_tokens_are_valid_at_once(self, token: str) -> None:
        require_token(a_call(f"Bearer {token}"), ("new", "old"))

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_the_case_of_the_scheme_does_not_matter(self, scheme: str) -> None:
        require_token(a_call(f"{scheme}  token "), ("token",))

    @pytest.mark.parametrize(
        "authorization",
        [
            *(None, "", "Bearer", "Bearer ", "token", "Basic token", "Bearer \ud800"),
            *("Bearer Token", "Bearer toke", "Bearer tokens", "Bearer token token", "Bearer tökén"),
        ],
    )
    def test_promise_7_nobody_without_a_token_comes_in(self, authorization: str | None) -> None:
        refusal = refusal_of(require_token, a_call(authorization, query="token=t"), ("token", "t"))

        assert (refusal.reason, refusal.status) == (Reason.UNAUTHORIZED, 401)
        assert refusal.headers == {"www-authenticate": "Bearer"}

    @pytest.mark.parametrize("valid", [(), ("",), ("", "")])
    @pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer token"])
    def test_without_valid_tokens_nobody_comes_in(
        self, valid: tuple[str, ...], authorization: str | None
    ) -> None:
        assert refusal_of(require_token, a_call(authorization), valid).status == 401
        assert not is_one_of("", ("", "token"))


def refused_callback(
    call: HttpRequest, networks: str = "", *, in_url: bool = True
) -> RefusedError | None:
    secrets = a_secret_source(callbackTokens=[TOKEN, "token-of-tomorrow"])
    try:
        require_8x8(call, secrets, read_networks(networks), in_url=in_url)
    except RefusedError as refusal:
        return refusal
    return None


class TestCallbacks:
    @pytest.mark.parametrize(
        "call",
        [
            a_call(f"Bearer {TOKEN}"),
            a_call(query=IN_URL),
            a_call(query=f"a=b&{IN_URL}"),
            a_call("Basic something", query=IN_URL),
            a_call("Bearer of-another-system", query=IN_URL),
            a_call(f"Bearer {TOKEN}", query="token=wrong"),
            a_call(query=f"token=wrong&{IN_URL}&token="),
        ],
        ids=[
            *("header", "query", "query with more", "query beside another scheme"),
            *("query beside another token", "header beside a wrong query", "one query of several"),
        ],
    )
    def test_a_token_may_come_in_the_header_or_the_url(self, call: HttpRequest) -> None:
        assert refused_callback(call) is None

    @pytest.mark.parametrize(
        "call",
        [a_call(), a_call("Bearer wrong"), a_call(query="token=wrong"), a_call(query=f"t={TOKEN}")],
        ids=["none", "wrong header", "wrong query", "another name"],
    )
    def test_promise_7_nobody_without_a_token_comes_in(self, call: HttpRequest) -> None:
        refusal = refused_callback(call)

        assert refusal is not None
        assert refusal.reason is Reason.UNAUTHORIZED

    def test_a_token_in_the_url_counts_only_where_the_stack_has_such_urls(self) -> None:
        assert refused_callback(a_call(query=IN_URL), in_url=False) is not None
        assert refused_callback(a_call(f"Bearer {TOKEN}"), in_url=False) is None

    def test_an_empty_token_in_the_url_is_none(self) -> None:
        call, secrets = a_call(query="token="), a_secret_source(callbackTokens=[""])

        assert refusal_of(require_8x8, call, secrets, (), in_url=True).status == 401

    @pytest.mark.parametrize(
        ("address", "is_listed"),
        [
            *((one, True) for one in ("203.0.113.7", "198.51.100.255", "192.0.2.1")),
            *((one, True) for one in ("2001:db8::1", "2001:0DB8:0:0::2")),
            *((one, False) for one in ("203.0.113.8", "198.51.101.1", "192.0.2.16", "2001:db9::1")),
        ],
    )
    def test_of_listed_networks_only_those_come_in_and_else_all(
        self, address: str, is_listed: bool
    ) -> None:
        headers = {"authorization": f"Bearer {TOKEN}"}
        call = an_http_request(source_address=address, headers=headers)

        refusal = refused_callback(call, "203.0.113.7, 198.51.100.0/24,192.0.2.9/28, 2001:db8::/32")

        assert (refusal and refusal.reason) == (None if is_listed else Reason.ADDRESS_NOT_ALLOWED)
        assert refused_callback(call) is None

    @pytest.mark.parametrize("text", ["203.0.113.0/33", ":::", "203.0.113", "here"])
    def test_what_is_no_network_is_found_at_the_start(self, text: str) -> None:
        with pytest.raises(ValueError, match="does not appear to be"):
            read_networks(f"203.0.113.7,{text}")

    @pytest.mark.parametrize(
        ("base", "tokens", "url"),
        [
            (
                "https://b.example",
                ("a/b+c=", "old"),
                "https://b.example/callbacks/8x8?token=a%2Fb%2Bc%3D",
            ),
            ("", ("t",), ""),
            ("https://b.example", (), ""),
        ],
        ids=["carries the first token", "none without a base URL", "none without a token"],
    )
    def test_a_messages_own_callback_url(
        self, base: str, tokens: tuple[str, ...], url: str
    ) -> None:
        assert callback_url(base, tokens) == url


@pytest.mark.parametrize(
    ("authorization", "query", "answer"),
    [
        ("Bearer look", "", "masked"),
        ("Bearer full", "", "masked"),
        ("Bearer full", "numbers=masked", "masked"),
        ("Bearer full", "numbers=full", "whole"),
        ("Bearer look", "numbers=full", Reason.FULL_NUMBERS_NOT_ALLOWED),
        ("Bearer wrong", "numbers=full", Reason.UNAUTHORIZED),
        (None, "numbers=full", Reason.UNAUTHORIZED),
    ],
)
def test_promise_7_whole_numbers_are_shown_to_those_who_may_and_ask(
    authorization: str | None, query: str, answer: str
) -> None:
    try:
        is_whole = require_look_up(a_call(authorization, query=query), ("look",), ("full",))
        shown = "whole" if is_whole else "masked"
    except RefusedError as refusal:
        shown = refusal.reason

    assert shown == answer
