"""Who may send, call back and look up."""

import pytest

from sms_bridge.api.authentication import (
    is_one_of,
    read_networks,
    require_address,
    require_callback_token,
    require_look_up,
    require_token,
)
from sms_bridge.api.errors import Reason
from sms_bridge.api.request import HttpRequest
from tests.builders import an_http_request, refusal_of


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
            None,
            "",
            "Bearer",
            "Bearer ",
            "token",
            "Basic token",
            "Bearer Token",
            "Bearer toke",
            "Bearer tokens",
            "Bearer token token",
            "Bearer tökén",
            "Bearer \ud800",
        ],
    )
    def test_promise_7_nobody_without_a_token_comes_in(self, authorization: str | None) -> None:
        refusal = refusal_of(require_token, a_call(authorization), ("token", "other"))

        assert (refusal.reason, refusal.status) == (Reason.UNAUTHORIZED, 401)
        assert refusal.headers == {"www-authenticate": "Bearer"}

    @pytest.mark.parametrize("valid", [(), ("",), ("", "")])
    @pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer token"])
    def test_without_valid_tokens_nobody_comes_in(
        self, valid: tuple[str, ...], authorization: str | None
    ) -> None:
        call = a_call(authorization, query="token=")

        assert refusal_of(require_token, call, valid).status == 401
        assert refusal_of(require_callback_token, call, valid, in_url=True).status == 401

    def test_a_token_in_the_url_does_not_let_a_sender_in(self) -> None:
        assert refusal_of(require_token, a_call(query="token=t"), ("t",)).status == 401

    def test_an_empty_token_is_never_a_valid_one(self) -> None:
        assert not is_one_of("", ("", "token"))


class TestCallbacks:
    @pytest.mark.parametrize(
        "call",
        [
            a_call("Bearer t/1"),
            a_call(query="token=t%2F1"),
            a_call(query="a=b&token=t/1"),
            a_call("Basic something", query="token=t/1"),
            a_call("Bearer of-another-system", query="token=t/1"),
            a_call("Bearer t/1", query="token=wrong"),
            a_call(query="token=wrong&token=t/1&token="),
        ],
        ids=[
            "header",
            "query",
            "query with more",
            "query beside another scheme",
            "query beside another token",
            "header beside a wrong query",
            "one query of several",
        ],
    )
    def test_a_token_may_come_in_the_header_or_the_url(self, call: HttpRequest) -> None:
        require_callback_token(call, ("t/1", "other"), in_url=True)

    @pytest.mark.parametrize(
        "call",
        [a_call(), a_call("Bearer wrong"), a_call(query="token=wrong"), a_call(query="t=t/1")],
        ids=["none", "wrong header", "wrong query", "another name"],
    )
    def test_promise_7_nobody_without_a_token_comes_in(self, call: HttpRequest) -> None:
        refusal = refusal_of(require_callback_token, call, ("t/1",), in_url=True)

        assert refusal.reason is Reason.UNAUTHORIZED

    def test_a_token_in_the_url_counts_only_where_the_stack_has_such_urls(self) -> None:
        call = a_call(query="token=t/1")

        refusal = refusal_of(require_callback_token, call, ("t/1",), in_url=False)

        assert refusal.reason is Reason.UNAUTHORIZED
        require_callback_token(a_call("Bearer t/1"), ("t/1",), in_url=False)


class TestLookUps:
    @pytest.mark.parametrize(
        ("token", "query", "shows_whole_numbers"),
        [
            ("look", "", False),
            ("full", "", False),
            ("full", "numbers=full", True),
            ("full", "numbers=masked", False),
        ],
    )
    def test_whole_numbers_are_shown_to_those_who_may_and_ask(
        self, token: str, query: str, shows_whole_numbers: bool
    ) -> None:
        call = a_call(f"Bearer {token}", query=query)

        assert require_look_up(call, ("look",), ("full",)) is shows_whole_numbers

    @pytest.mark.parametrize(
        ("authorization", "code", "status"),
        [
            ("Bearer look", Reason.FULL_NUMBERS_NOT_ALLOWED, 403),
            ("Bearer wrong", Reason.UNAUTHORIZED, 401),
            (None, Reason.UNAUTHORIZED, 401),
        ],
    )
    def test_promise_7_nobody_else_sees_them(
        self, authorization: str | None, code: Reason, status: int
    ) -> None:
        call = a_call(authorization, query="numbers=full")

        refusal = refusal_of(require_look_up, call, ("look",), ("full",))

        assert (refusal.reason, refusal.status) == (code, status)


class TestAddresses:
    NETWORKS = read_networks("203.0.113.7, 198.51.100.0/24,192.0.2.9/28, 2001:db8::/32")

    @pytest.mark.parametrize(
        "address",
        ["203.0.113.7", "198.51.100.255", "192.0.2.1", "2001:db8::1", "2001:0DB8:0:0::2"],
    )
    def test_listed_networks_come_in(self, address: str) -> None:
        require_address(an_http_request(source_address=address), self.NETWORKS)

    @pytest.mark.parametrize(
        "address", ["203.0.113.8", "198.51.101.1", "192.0.2.16", "2001:db9::1"]
    )
    def test_all_others_are_refused(self, address: str) -> None:
        request = an_http_request(source_address=address)

        refusal = refusal_of(require_address, request, self.NETWORKS)

        assert (refusal.reason, refusal.status) == (Reason.ADDRESS_NOT_ALLOWED, 403)

    @pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::1", ""])
    def test_an_empty_list_lets_all_in(self, address: str) -> None:
        require_address(an_http_request(source_address=address), read_networks(""))

    @pytest.mark.parametrize("text", ["203.0.113.0/33", ":::", "203.0.113", "here"])
    def test_what_is_no_network_is_found_at_the_start(self, text: str) -> None:
        with pytest.raises(ValueError, match="does not appear to be"):
            read_networks(f"203.0.113.7,{text}")
