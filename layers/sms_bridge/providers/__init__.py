"""What goes out over HTTP: to 8x8 and to MoEngage.

.. code-block:: text

    Exception
    |-- ProviderError               a question that 8x8 did not answer; text and reason are stable
    |   |-- DetailsFailedError      it did not say whether it has a message
    |   '-- ExportFailedError       there is no export of its log yet, or it cannot be read now
    |       '-- NoExportError       there will be none: another one has to be asked for
    '-- urllib3's HTTPError         no answer (raised by ``http`` only)
        |-- NewConnectionError, ...     no connection: nothing left
        |-- InvalidHeader               the key fits in no header: nothing left
        |-- OutOfTimeError              ours: it was too late to write the body, so nothing left
        '-- ReadTimeoutError, ...       ``Payload.left`` tells whether the body left

What sending a message, or a report to MoEngage, came to is no exception but a value
(``SendResult``, ``ReportResult``): every one of them has to be dealt with.
"""


class ProviderError(Exception):
    """A provider did not answer a question; the text is safe to show and to log."""
