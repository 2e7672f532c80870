"""Who may send, call back and look up; and the URL that carries a token."""

import hmac
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from sms_bridge.api.errors import Reason, RefusedError
from sms_bridge.api.request import HttpRequest

if TYPE_CHECKING:
    from sms_bridge.storage.secret import Secret, SecretSource

Networks = tuple[IPv4Network | IPv6Network, ...]


def require_sender(request: HttpRequest, secrets: "SecretSource") -> "Secret":
    """Let only those pass who may send, and only once there is a key to send with."""

    def check(secret: "Secret") -> None:
        require_token(request, secret.moengage_tokens)
        if not secret.eightx8_api_key:
            raise RefusedError(Reason.NOT_CONFIGURED, "The secret does not hold 8x8's API key yet.")

    return _secret_that_allows(secrets, check)


def require_reader(request: HttpRequest, secrets: "SecretSource") -> None:
    """Let only those read one message, masked, who may send or look up."""

    def check(secret: "Secret") -> None:
        lists = (secret.moengage_tokens, secret.look_up_tokens, secret.full_number_tokens)
        require_token(request, (token for tokens in lists for token in tokens))

    _secret_that_allows(secrets, check)


def require_8x8(
    request: HttpRequest, secrets: "SecretSource", networks: Networks, *, in_url: bool
) -> "Secret":
    """Let only 8x8's callbacks pass, and only from the listed networks, if any are.

    8x8 sends the ``Authorization`` value that was registered with the webhook. Whether it sends
    it to a message's own callback URL, too, is not documented, so such a URL has the token in its
    query. That counts, too, beside any header, where the stack has such URLs (``in_url``).
    """
    if networks:
        address = ip_address(request.source_address)
        if not any(address in network for network in networks):
            raise RefusedError(
                Reason.ADDRESS_NOT_ALLOWED, "Callbacks from this address are refused."
            )
    in_query = parse_qs(request.query_string).get("token", []) if in_url else []
    tokens = (_bearer_token(request), *in_query)

    def check(secret: "Secret") -> None:
        if not any(is_one_of(token, secret.callback_tokens) for token in tokens):
            raise _unauthorized("The callback has no valid token.")

    return _secret_that_allows(secrets, check)


def _secret_that_allows(secrets: "SecretSource", check: Callable[["Secret"], None]) -> "Secret":
    """Return the secret by which a request may pass; read anew if a token is not in it yet."""
    secret = secrets.get()
    try:
        check(secret)
    except RefusedError:
        secret = secrets.get_newer(secret)
        check(secret)
    return secret


def _bearer_token(request: HttpRequest) -> str:
    """Return the token of ``Authorization: Bearer ...``, empty where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def is_one_of(token: str, valid: Iterable[str]) -> bool:
    """Compare with every valid token, in a time that does not depend on them.

    Several are valid at once while one is replaced by the next.
    """
    given = token.encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(given, other.encode()) for other in valid if other]
    return any(matches)


def require_token(request: HttpRequest, valid: Iterable[str]) -> None:
    token = _bearer_token(request)
    if not token:
        raise _unauthorized("The header Authorization: Bearer <token> is missing.")
    if not is_one_of(token, valid):
        raise _unauthorized("The bearer token is not valid.")


def require_look_up(
    request: HttpRequest, look_up_tokens: tuple[str, ...], full_number_tokens: tuple[str, ...]
) -> bool:
    """Let only those pass who may look up, and return whether to show whole numbers.

    ``?numbers=full`` needs a token of its own kind.
    """
    require_token(request, (*look_up_tokens, *full_number_tokens))
    if request.query("numbers") != "full":
        return False
    if not is_one_of(_bearer_token(request), full_number_tokens):
        raise RefusedError(
            Reason.FULL_NUMBERS_NOT_ALLOWED, "This token may only see masked numbers."
        )
    return True


def _unauthorized(message: str) -> RefusedError:
    return RefusedError(Reason.UNAUTHORIZED, message, headers={"www-authenticate": "Bearer"})


def read_networks(text: str) -> Networks:
    """Read addresses and networks in CIDR notation, separated by commas, or raise ValueError."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part)


def callback_url(base_url: str, tokens: tuple[str, ...]) -> str:
    """Return the URL at which one message's receipts arrive, empty without a base URL.

    It carries a token, because it is not documented whether 8x8 sends the account's
    ``Authorization`` value to such a URL.
    """
    if not base_url or not tokens:
        return ""
    return f"{base_url}/callbacks/8x8?token={quote(tokens[0], safe='')}"
