"""Is the secret filled, does the API answer, and does it let those in who may?"""

from collections.abc import Iterator
from urllib.parse import quote

from bridge.calls import Answer, NoAnswerError, call
from bridge.checks import Finding, ok, problem, warning
from bridge.stack import Stack
from sms_bridge.domain.phone_number import keyed_hash
from sms_bridge.storage.secret import TOKEN_LISTS, tokens_in

_WRONG_TOKEN = "sms-bridge-doctor"  # noqa: S105 - it is meant to be wrong  # nosec B105
_NO_MESSAGE = "00000000-0000-0000-0000-000000000000"
# A receipt that changes nothing: no message has the id, and the second one is a repeat.
_RECEIPT = {
    "namespace": "SMS",
    "eventType": "outbound_message_status_changed",
    "description": "sms-bridge doctor",
    "payload": {
        "umid": _NO_MESSAGE,
        "status": {"state": "queued", "timestamp": "2026-01-01T00:00:00Z"},
    },
}
_CONFIGURE = "sms-bridge configure"
_LOG = "see the function's log in CloudWatch"
# Hashes of so many messages are compared.
_SAMPLE = 200


def check_secret(stack: Stack) -> Iterator[Finding]:
    values, secret = stack.secret_values, stack.secret()
    if not secret.eightx8_api_key:
        yield problem(
            "eightx8-key-missing",
            "8x8's API key is missing, or is no key: every message is refused (not_configured)",
            _CONFIGURE,
        )
    tokens = {name: tokens_in(values.get(name)) for name in TOKEN_LISTS}
    if missing := [name for name, usable in tokens.items() if not usable]:
        yield problem(
            "tokens-missing",
            f"there is no usable token in {', '.join(missing)}: nobody is let in there",
            f"{_CONFIGURE}, which makes those that are missing",
        )
    for name, usable in tokens.items():
        given = values.get(name)
        count = len(given) if isinstance(given, list) else 1
        if usable and len(usable) < count:
            yield warning(
                "tokens-unusable",
                f"{count - len(usable)} entries of {name} are no tokens: a token is a text of at "
                "least 16 characters, without blanks, quotes and commas",
                "remove them in Secrets Manager's console",
            )
    is_synced = stack.environment_of("ForwardOutcome").get("MOENGAGE_DATA_API_URL")
    if is_synced and not secret.moengage_data_api_key:
        yield problem(
            "data-api-key-missing",
            "opt-outs are to be passed on to MoEngage, but its Data API key is missing",
            f"{_CONFIGURE} --data-api-key",
        )
    yield from _check_hash_key(secret.hash_key, stack)
    yield ok("secret", "it can be read as the functions read it")


def _check_hash_key(hash_key: str, stack: Stack) -> Iterator[Finding]:
    """Compare the hashes that are stored to those that the key makes now."""
    items = stack.aws.client("dynamodb").scan(
        TableName=stack.table,
        Limit=_SAMPLE,
        FilterExpression="attribute_exists(destination) AND attribute_exists(recipient_hash)",
        ProjectionExpression="destination, recipient_hash",
    )["Items"]
    others = sum(
        keyed_hash(one["destination"]["S"], hash_key) != one["recipient_hash"]["S"] for one in items
    )
    # A number that was written in an odd way may differ.
    if others * 5 > len(items):
        yield problem(
            "hash-key-changed",
            "hashKey is not the one that the stored messages were written with: people who opted "
            "out are texted, and nobody finds their messages",
            "Secrets Manager's console: bring hashKey back from the secret's former version",
        )


def check_api(stack: Stack) -> Iterator[Finding]:
    """Call every entrance with a wrong token, which has to be refused, and with the right one.

    Nothing is sent. A receipt for a message that does not exist is written, always the same one.
    """
    secret = stack.secret()
    send = stack.send_url(stack.sub_account_ids[0])
    look_up = f"{stack.api_url}/messages/{_NO_MESSAGE}"
    senders = secret.moengage_tokens if secret.eightx8_api_key else ()
    doors = (
        ("POST", send, senders, None, "body_missing", "send"),
        ("GET", look_up, secret.look_up_tokens, None, "message_not_found", "look-up"),
        ("POST", stack.callback_url, secret.callback_tokens, _RECEIPT, None, "callback"),
    )
    try:
        for method, url, tokens, body, reason, name in doors:
            answer = call(method, url, token=_WRONG_TOKEN)
            if answer.code == "address_not_allowed":
                yield ok("api", f"{name}: it answers, and only to 8x8's addresses")
            elif answer.status != 401:
                yield problem(
                    "api-broken" if answer.status >= 500 or answer.status == 404 else "api-open",
                    f"{name}: a wrong token was answered {answer.status}, not 401",
                    f"{_LOG}, and whether API Gateway may call the function; is {url} this "
                    "stack's?",
                )
            elif tokens:
                answer = call(method, url, token=tokens[0], body=body)
                yield _with_its_token(answer, reason, name)
    except NoAnswerError as error:
        yield problem(
            "api-unreachable",
            f"{error.what}: neither MoEngage nor 8x8 reaches it either, unless only this machine "
            "cannot",
            "give the right URL with --api-url or BRIDGE_API_URL; else look at the HTTP API in "
            "API Gateway's console",
        )
    base_url = stack.sending.get("CALLBACK_BASE_URL")
    if base_url and secret.callback_tokens:
        yield _own_callback_url(base_url, secret.callback_tokens[0])


def _with_its_token(answer: Answer, reason: str | None, name: str) -> Finding:
    if answer.code == reason and (reason or answer.status == 200):
        return ok("api", f"{name}: it refuses a wrong token and accepts its own")
    if answer.status == 401:
        return warning(
            "token-refused",
            f"{name}: the secret's first token is not accepted",
            "after sms-bridge rotate or configure wait five minutes, until the functions have "
            "read the secret again",
        )
    words = f"{answer.status} {answer.code or ''}".rstrip()
    return problem("api-broken", f"{name}: with its token it was answered {words}", _LOG)


def _own_callback_url(base_url: str, token: str) -> Finding:
    remedy = (
        "sms-bridge parameters set CallbackBaseUrl=URL, with the https URL at which the bridge's "
        "API answers; empty, and 8x8's webhook is used"
    )
    url = f"{base_url}/callbacks/8x8?token={quote(token, safe='')}"
    try:
        answer = call("POST", url, body=_RECEIPT)
    except NoAnswerError as error:
        return problem("callback-url-wrong", f"CallbackBaseUrl: {error.what}", remedy)
    if answer.status == 200 or answer.code == "address_not_allowed":
        return ok("callback-url", "CallbackBaseUrl leads here")
    what = f"CallbackBaseUrl does not lead to this stack's callbacks (HTTP {answer.status})"
    return problem("callback-url-wrong", what, remedy)
