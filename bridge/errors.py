"""What goes wrong, and what to do about it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError

from sms_bridge.errors import UnreadableItemError

UNEXPECTED = "unexpected-error"
"""Id of a failure that nobody foresaw."""


class BridgeError(Exception):
    """Something failed.

    Parameters
    ----------
    what
        For the operator. It holds no secret.
    id
        Stable name of the problem.
    remedy
        What to do about it.
    """

    exit_status = 1

    def __init__(self, what: str, *, id: str = "failed", remedy: str = "") -> None:
        super().__init__(what)
        self.id = id
        self.remedy = remedy


class NotKnownError(BridgeError):
    """8x8, which knows the answer, did not give it."""

    exit_status = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure in words: its stable id, what it is and what to do."""

    id: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}" if self.remedy else self.what


_REGION = Failure(
    "aws-region-missing",
    "no AWS region is set",
    "add --region REGION, or set AWS_REGION or the profile's region",
)
_CREDENTIALS = Failure(
    "aws-credentials-missing",
    "there are no AWS credentials",
    "log in (aws sso login, or aws configure), or add --profile NAME",
)
_PROFILE = Failure(
    "aws-profile-unknown",
    "there is no such AWS profile",
    "aws configure list-profiles shows those of this machine; then --profile NAME",
)
_EXPIRED = Failure(
    "aws-credentials-expired", "the AWS credentials have expired", "log in again (aws sso login)"
)
_INVALID = Failure(
    "aws-credentials-invalid",
    "AWS does not know these credentials",
    "aws sts get-caller-identity shows whose they are; log in again, or add --profile NAME",
)
_UNREACHABLE = Failure(
    "aws-unreachable",
    "AWS does not answer",
    "see whether this machine is online, whether --region is right and what AWS_ENDPOINT_URL says",
)

_BY_TYPE: tuple[tuple[tuple[type[BotoCoreError], ...], Failure], ...] = (
    ((aws.NoRegionError,), _REGION),
    ((aws.ProfileNotFound,), _PROFILE),
    ((aws.NoCredentialsError, aws.PartialCredentialsError), _CREDENTIALS),
    ((aws.CredentialRetrievalError, aws.SSOError, aws.TokenRetrievalError), _CREDENTIALS),
    ((aws.HTTPClientError, aws.ConnectionError), _UNREACHABLE),
)
_BY_CODE = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidClientTokenId": _INVALID,
    "UnrecognizedClientException": _INVALID,
    "SignatureDoesNotMatch": _INVALID,
    "AuthFailure": _INVALID,
}


def failure_of(error: BaseException) -> Failure:
    """Return what an exception means.

    The text of an unexpected exception is never shown: it may quote what was being read.
    """
    if isinstance(error, BridgeError):
        return Failure(error.id, str(error), error.remedy)
    if isinstance(error, UnreadableItemError):
        return Failure(
            "item-unreadable",
            f"the item of {error.item_id} cannot be read: {error.reason}",
            "a newer version of the bridge may have written it, which then shows it",
        )
    if isinstance(error, ClientError):
        return _refusal(error)
    for types, failure in _BY_TYPE:
        if isinstance(error, types):
            return failure
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
    return Failure(
        UNEXPECTED,
        f"unexpected {type(error).__name__} at {place}",
        "look whether the stack was changed by hand; else report this line as a fault of the tool",
    )


def _refusal(error: ClientError) -> Failure:
    refusal = error.response.get("Error", {})
    code, operation = refusal.get("Code", "an error"), error.operation_name
    if code in _BY_CODE:
        return _BY_CODE[code]
    if "AccessDenied" in code or "NotAuthorized" in code:
        return Failure(
            "aws-access-denied",
            f"AWS does not let you do {operation}",
            "use a role that may (docs/security.md), with --profile NAME",
        )
    # AWS's words quote what they refuse, which here may be the secret.
    words = "" if "Secret" in operation else f" {refusal.get('Message', '')}"
    return Failure("aws-refused", f"AWS refused {operation}: {code}{words}".rstrip())
