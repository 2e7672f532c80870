"""The bridge's own exceptions. Their texts are safe to log and to show.

.. code-block:: text

    BridgeError
    |-- SettingsError               environment variables are missing or wrong (``settings``)
    |-- InvalidSecretError          the secret is not usable (``storage.secret``)
    |-- RefusedError                a request is answered with an error (``api.request``)
    |-- OutOfTimeError              no answer was promised in time (``services.deadline``)
    |-- UnreadableItemError         an item holds what this version does not know; it quotes nothing
    |-- NotQueuedError              SQS refused a record at once: it is certainly not queued
    |-- DetailsFailedError          8x8 did not say whether it has a message
    '-- ExportFailedError           there is no export of its log yet, or it cannot be read now
        '-- NoExportError           there will be none: another one has to be asked for

What sending a message, or a report to MoEngage, came to is no exception but a value
(``SendResult``, ``ReportResult``): every one of them has to be dealt with. Errors of AWS are
botocore's.
"""

from collections.abc import Callable


class BridgeError(Exception):
    """Base of the bridge's exceptions."""


class UnreadableItemError(BridgeError):
    def __init__(self, item_id: str, reason: str) -> None:
        super().__init__(f"{item_id}: {reason}")
        self.item_id = item_id
        self.reason = reason


OnUnreadable = Callable[[UnreadableItemError], None]
"""Told of an item that is left out of a list."""


class NotQueuedError(BridgeError):
    """SQS refused a record at once: it is certainly not in the queue."""


class DetailsFailedError(BridgeError):
    """8x8 did not say whether it has a message; the text is the cause in words."""

    def __init__(self, cause: str, words: str) -> None:
        super().__init__(words)
        self.reason = f"eightx8_{cause}"


class ExportFailedError(BridgeError):
    """There is no export yet, or it cannot be read now; the text is a stable code."""


class NoExportError(ExportFailedError):
    """There will be none: another one has to be asked for."""
