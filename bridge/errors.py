"""What goes wrong, in one line for the operator."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError


class BridgeError(Exception):
    """Something failed; the text says what, for the operator."""

    exit_status = 1


class NotToldError(BridgeError):
    """Whoever knows the answer did not give one."""

    exit_status = 3


FAILURES = (BridgeError, BotoCoreError, ClientError)
"""What a command may end with."""


def line_of(error: Exception) -> str:
    """Return what went wrong in one line."""
    if isinstance(error, ClientError):
        refusal = error.response.get("Error", {})
        code, message = refusal.get("Code", "an error"), refusal.get("Message", "")
        return f"AWS refused {error.operation_name}: {code} {message}".strip()
    return " ".join(str(error).split())
