"""The SMS bridge between MoEngage and 8x8.

``domain``
    What a message is, what is a duplicate, which state follows which, what is an outcome. Plain
    Python that knows neither AWS nor HTTP nor a wire format.
``api``
    What comes in over HTTP: requests, answers, authentication.
``providers``
    What goes out over HTTP: 8x8 and MoEngage.
``storage``
    DynamoDB, SQS and Secrets Manager behind the interfaces that services name.
``services``
    One file a use case: send, dispatch, receive, forward, reconcile, look up.
"""

__version__ = "0.1.0"
