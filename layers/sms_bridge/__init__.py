"""The SMS bridge between MoEngage and 8x8.

``rules``
    What a message is, what is a duplicate, which state follows which, what is an outcome. Plain
    Python that knows neither AWS nor HTTP.
``web``
    What arrives and leaves over HTTP: requests, answers, 8x8's client, MoEngage's.
``storage``
    DynamoDB, SQS and Secrets Manager behind small interfaces.
``steps``
    What each function does: the three floors above put together.
"""

__version__ = "0.1.0"
