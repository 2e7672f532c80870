"""Signature Version 4, for AWS's JSON APIs: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from time import gmtime, strftime

from sms_bridge.values import value

_ALGORITHM = "AWS4-HMAC-SHA256"


@value()
class Credentials:
    """What a function's role signs with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def signed_headers(
    headers: Mapping[str, str],
    content: bytes,
    *,
    path: str,
    credentials: Credentials,
    region: str,
    service: str,
    now: float,
) -> dict[str, str]:
    """Return the headers of a POST with those that sign it.

    Parameters
    ----------
    headers
        All are signed; ``host`` must be among them. Names in lower case.
    now
        Seconds since the epoch.
    """
    moment = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
    day = moment[:8]
    signed = {**headers, "x-amz-date": moment}
    if credentials.session_token:
        signed["x-amz-security-token"] = credentials.session_token
    names = sorted(signed)
    listed = ";".join(names)
    lines = "".join([f"{name}:{signed[name]}\n" for name in names])
    canonical = f"POST\n{path}\n\n{lines}\n{listed}\n{hashlib.sha256(content).hexdigest()}"
    scope = f"{day}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashed}"
    key = _signing_key(credentials.secret_access_key, day, region, service)
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={listed}, Signature={signature}"
    )
    return signed


@lru_cache(maxsize=8)
def _signing_key(secret: str, *scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
