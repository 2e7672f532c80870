"""What goes out over HTTP: to 8x8 and to MoEngage.

``http`` raises urllib3's errors, which tell what has left:

.. code-block:: text

    HTTPError                       no answer
    |-- NewConnectionError, ...     no connection: nothing left
    |-- InvalidHeader               the key fits in no header: nothing left
    |-- OutOfTimeError              ours: it was too late to write the body, so nothing left
    '-- ReadTimeoutError, ...       ``Payload.left`` tells whether the body left
"""
