"""What goes wrong, and what to do about it."""

import traceback

from botocore import exceptions as aws

from sms_bridge.errors import UnreadableItemError

UNEXPECTED = "unexpected-error"


class BridgeError(Exception):
    """Something failed: what, for the operator and without secrets; its stable id; a remedy."""

    def __init__(self, what: str, *, id: str = "failed", remedy: str = "", status: int = 1) -> None:
        super().__init__(what)
        self.what, self.id, self.remedy, self.exit_status = what, id, remedy, status

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}" if self.remedy else self.what


# By id: classes of exceptions and codes of AWS, what it is, and what to do.
_KNOWN: dict[str, tuple[tuple[type | str, ...], str, str]] = {
    "aws-region-missing": (
        (aws.NoRegionError,),
        "no AWS region is set",
        "add --region REGION, or set AWS_REGION or the profile's region",
    ),
    "aws-profile-unknown": (
        (aws.ProfileNotFound,),
        "there is no such AWS profile",
        "aws configure list-profiles shows those of this machine; then --profile NAME",
    ),
    "aws-credentials-missing": (
        (
            *(aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError),
            *(aws.SSOError, aws.TokenRetrievalError),
        ),
        "there are no AWS credentials",
        "log in (aws sso login, or aws configure), or add --profile NAME",
    ),
    "aws-unreachable": (
        (aws.HTTPClientError, aws.ConnectionError),
        "AWS does not answer",
        "see whether this machine is online, whether --region is right and what AWS_ENDPOINT_URL "
        "says",
    ),
    "aws-credentials-expired": (
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        "the AWS credentials have expired",
        "log in again (aws sso login)",
    ),
    "aws-credentials-invalid": (
        (
            *("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"),
            "AuthFailure",
        ),
        "AWS does not know these credentials",
        "aws sts get-caller-identity shows whose they are; log in again, or add --profile NAME",
    ),
}


def failure_of(error: BaseException) -> BridgeError:
    """Return what an exception means.

    The text of an unexpected exception is never shown: it may quote what was being read.
    """
    if isinstance(error, BridgeError):
        return error
    if isinstance(error, UnreadableItemError):
        return BridgeError(
            f"the item of {error.item_id} cannot be read: {error.reason}",
            id="item-unreadable",
            remedy="a newer version of the bridge may have written it, which then shows it",
        )
    refusal = error.response.get("Error", {}) if isinstance(error, aws.ClientError) else {}
    code = refusal.get("Code", "an error")
    for id, (kinds, what, remedy) in _KNOWN.items():
        if not {code, *type(error).__mro__}.isdisjoint(kinds):
            return BridgeError(what, id=id, remedy=remedy)
    if not isinstance(error, aws.ClientError):
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
        return BridgeError(
            f"unexpected {type(error).__name__} at {place}",
            id=UNEXPECTED,
            remedy="look whether the stack was changed by hand; else report this line as a fault "
            "of the tool",
        )
    operation = error.operation_name
    if "AccessDenied" in code or "NotAuthorized" in code:
        return BridgeError(
            f"AWS does not let you do {operation}",
            id="aws-access-denied",
            remedy="use a role that may (docs/security.md), with --profile NAME",
        )
    # AWS's words quote what they refuse, which here may be the secret.
    words = "" if "Secret" in operation else f" {refusal.get('Message', '')}"
    return BridgeError(f"AWS refused {operation}: {code}{words}".rstrip(), id="aws-refused")
