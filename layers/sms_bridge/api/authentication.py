"""Who may send, call back and look up; and the URL that carries a token."""

import hmac
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from sms_bridge.api.request import HttpRequest, Reason, RefusedError

if TYPE_CHECKING:
    from sms_bridge.storage.secret import Secret, SecretSource


def admit(
    request: HttpRequest, secrets: "SecretSource", check: Callable[[HttpRequest, "Secret"], None]
) -> "Secret":
    """Return the secret by which a request may pass; read anew if a token is not in it yet."""
    secret = secrets.get()
    try:
        check(request, secret)
    except RefusedError:
        secret = secrets.get_newer()
        check(request, secret)
    return secret


def check_sender(request: HttpRequest, secret: "Secret") -> None:
    """Let only those pass who may send, and only once there is a key to send with."""
    _check_token(request, secret.moengage_tokens)
    if not secret.eightx8_api_key:
        raise RefusedError(Reason.NOT_CONFIGURED, "The secret does not hold 8x8's API key yet.")


def check_reader(request: HttpRequest, secret: "Secret") -> None:
    """Let only those read one message, masked, who may send or look up."""
    _check_token(
        request, secret.moengage_tokens + secret.look_up_tokens + secret.full_number_tokens
    )


def check_look_up(request: HttpRequest, secret: "Secret") -> None:
    """Let only those pass who may look up."""
    _check_token(request, secret.look_up_tokens + secret.full_number_tokens)


def check_full_numbers(request: HttpRequest, secret: "Secret") -> None:
    """Let only those see whole numbers who have a token of that kind."""
    _check_token(request, secret.full_number_tokens)


def check_8x8(request: HttpRequest, secret: "Secret", *, in_url: bool) -> None:
    """Let only 8x8's callbacks pass.

    8x8 sends the ``Authorization`` value that was registered with the webhook. Whether it sends
    it to a message's own callback URL, too, is not documented, so such a URL has the token in its
    query. That counts, too, beside any header, where the stack has such URLs (``in_url``).
    """
    in_query = parse_qs(request.query_string).get("token", []) if in_url else []
    _check_token(request, secret.callback_tokens, *in_query)


def check_network(request: HttpRequest, networks: list[IPv4Network | IPv6Network]) -> None:
    """Let only callbacks from the listed networks pass, if any are."""
    if networks and not any(ip_address(request.source_address) in one for one in networks):
        raise RefusedError(Reason.ADDRESS_NOT_ALLOWED, "Callbacks from this address are refused.")


def _check_token(request: HttpRequest, valid: tuple[str, ...], *others: str) -> None:
    """Let only those pass who have a valid token in the header, or among the others.

    Each is compared with all valid ones, in a time that does not depend on them. Several are valid
    at once while one is replaced by the next.
    """
    scheme, _, in_header = request.headers.get("authorization", "").partition(" ")
    given = [in_header.strip() if scheme.lower() == "bearer" else "", *others]
    tokens = [token.encode("utf-8", "surrogatepass") for token in given if token]
    matches = [hmac.compare_digest(token, one.encode()) for token in tokens for one in valid]
    if not any(matches):
        missing = "The header Authorization: Bearer <token> is missing."
        words = "The bearer token is not valid here." if tokens else missing
        raise RefusedError(Reason.UNAUTHORIZED, words, headers={"www-authenticate": "Bearer"})


def callback_url(base_url: str, tokens: tuple[str, ...]) -> str:
    """Return the URL at which one message's receipts arrive, empty without a base URL."""
    if not base_url or not tokens:
        return ""
    return f"{base_url}/callbacks/8x8?token={quote(tokens[0], safe='')}"
