"""Who may send, call back and look up; and the URL that carries a token."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest

from sms_bridge.api.authentication import (
    admit,
    callback_url,
    check_8x8,
    check_full_numbers,
    check_look_up,
    check_network,
    check_reader,
    check_sender,
)
from sms_bridge.api.request import HttpRequest, Reason
from sms_bridge.storage.secret import Secret
from tests.builders import an_http_request, refusal_of

TOKEN = "token/of+callbacks"
IN_URL = "token=token/of%2Bcallbacks"
LOOK, FULL = "token-to-look-up", "token-for-whole-numbers"
SEND = "token-of-moengage"
NETWORKS = [
    ip_network(one) for one in ("203.0.113.7", "198.51.100.0/24", "192.0.2.0/28", "2001:db8::/32")
]
TOKENS = {"moengageTokens": [SEND], "lookUpTokens": [LOOK], "fullNumberTokens": [FULL]}


def a_secret(**values: Any) -> Secret:
    return Secret.from_values({"hashKey": "k", "eightx8ApiKey": "key", **values})


def a_call(authorization: str | None = None, *, query: str = "") -> HttpRequest:
    headers = {} if authorization is None else {"authorization": authorization}
    return an_http_request(headers=headers, query_string=query)


class TestTokens:
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    @pytest.mark.parametrize("token", [f"{SEND}-old", f"{SEND}-new "])
    def test_promise_7_two_tokens_are_valid_at_once(self, scheme: str, token: str) -> None:
        secret = a_secret(moengageTokens=[f"{SEND}-new", f"{SEND}-old"])

        check_sender(a_call(f"{scheme}  {token}"), secret)

    @pytest.mark.parametrize(
        "authorization",
        [
            *(None, "", "Bearer", "Bearer ", SEND, f"Basic {SEND}", "Bearer \ud800"),
            *("Bearer Token-of-moengage", f"Bearer {SEND[:-1]}", f"Bearer {SEND}s"),
            *(f"Bearer {SEND} {SEND}", "Bearer tökén-of-moengage"),
        ],
    )
    @pytest.mark.parametrize("tokens", [[SEND], []], ids=["a token is valid", "none is"])
    def test_promise_7_nobody_without_a_token_comes_in(
        self, authorization: str | None, tokens: list[str]
    ) -> None:
        call, secret = a_call(authorization, query=f"token={SEND}"), a_secret(moengageTokens=tokens)

        refusal = refusal_of(check_sender, call, secret)

        assert (refusal.reason, refusal.status) == (Reason.UNAUTHORIZED, 401)
        assert refusal.headers == {"www-authenticate": "Bearer"}

    @pytest.mark.parametrize(
        ("check", "let_in"),
        [
            (check_sender, {SEND}),
            (check_reader, {SEND, LOOK, FULL}),
            (check_look_up, {LOOK, FULL}),
            (check_full_numbers, {FULL}),
        ],
    )
    def test_promise_7_each_token_opens_what_it_is_for(
        self, check: Callable[[HttpRequest, Secret], None], let_in: set[str]
    ) -> None:
        for token in (SEND, LOOK, FULL):
            call, secret = a_call(f"Bearer {token}"), a_secret(**TOKENS)

            if token in let_in:
                check(call, secret)
            else:
                assert refusal_of(check, call, secret).reason is Reason.UNAUTHORIZED

    def test_without_a_key_to_send_with_nothing_is_taken(self) -> None:
        secret = a_secret(**TOKENS, eightx8ApiKey="")

        assert refusal_of(check_sender, a_call(f"Bearer {SEND}"), secret).status == 503

    @pytest.mark.parametrize(
        ("token", "check"),
        [
            *((SEND, check_sender), (SEND, check_reader)),
            *((LOOK, check_look_up), (FULL, check_full_numbers)),
        ],
    )
    def test_a_token_that_was_just_added_counts_at_once(
        self, token: str, check: Callable[[HttpRequest, Secret], None]
    ) -> None:
        known, newer = a_secret(), a_secret(**TOKENS)
        secrets: Any = SimpleNamespace(get=lambda: known, get_newer=lambda: newer)

        assert admit(a_call(f"Bearer {token}"), secrets, check) is newer
        assert refusal_of(admit, a_call("Bearer wrong"), secrets, check).status == 401


CALLBACK_SECRET = a_secret(callbackTokens=[TOKEN, "token-of-tomorrow"])


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
        check_8x8(call, CALLBACK_SECRET, in_url=True)

    @pytest.mark.parametrize(
        "call",
        [a_call(), a_call("Bearer wrong"), a_call(query="token=wrong"), a_call(query=f"t={TOKEN}")],
        ids=["none", "wrong header", "wrong query", "another name"],
    )
    def test_promise_7_nobody_without_a_token_comes_in(self, call: HttpRequest) -> None:
        refusal = refusal_of(check_8x8, call, CALLBACK_SECRET, in_url=True)

        assert refusal.reason is Reason.UNAUTHORIZED

    def test_a_token_in_the_url_counts_only_where_the_stack_has_such_urls(self) -> None:
        refusal_of(check_8x8, a_call(query=IN_URL), CALLBACK_SECRET, in_url=False)
        check_8x8(a_call(f"Bearer {TOKEN}"), CALLBACK_SECRET, in_url=False)

    @pytest.mark.parametrize("valid", [(), ("",), ("", "")])
    def test_an_empty_token_is_none(self, valid: tuple[str, ...]) -> None:
        call, secret = a_call("Bearer ", query="token="), replace(a_secret(), callback_tokens=valid)

        assert refusal_of(check_8x8, call, secret, in_url=True).status == 401

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
        call = an_http_request(source_address=address)

        if is_listed:
            check_network(call, NETWORKS)
        else:
            assert refusal_of(check_network, call, NETWORKS).reason is Reason.ADDRESS_NOT_ALLOWED
        check_network(call, [])

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
