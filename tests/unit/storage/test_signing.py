"""Signatures are those that botocore makes."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from sms_bridge.storage.signing import Credentials, signed_headers

words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)


@given(
    target=words,
    content=st.binary(max_size=200),
    token=st.just("") | words,
    secret=words,
    region=st.sampled_from(("eu-west-1", "us-east-1", "cn-north-1")),
    service=st.sampled_from(("dynamodb", "sqs", "secretsmanager")),
    now=st.integers(1_700_000_000, 2_000_000_000),
)
def test_a_request_is_signed_as_botocore_signs_it(
    target: str, content: bytes, token: str, secret: str, region: str, service: str, now: int
) -> None:
    host = f"{service}.{region}.amazonaws.com"
    headers = {"content-type": "application/x-amz-json-1.0", "host": host, "x-amz-target": target}
    request: Any = AWSRequest("POST", f"https://{host}/", headers=headers, data=content)
    credentials = BotocoreCredentials("AKID", secret, token or None)
    moment = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    with patch.object(auth, "get_current_datetime", lambda: moment):
        auth.SigV4Auth(credentials, service, region).add_auth(request)

    ours = signed_headers(
        headers,
        content,
        path="/",
        credentials=Credentials("AKID", secret, token),
        region=region,
        service=service,
        now=now,
    )

    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]
    assert ours.get("x-amz-security-token") == request.headers.get("X-Amz-Security-Token")


def test_no_secret_shows() -> None:
    assert repr(Credentials("AKID", "secret", "token")) == "Credentials(access_key_id='AKID')"
