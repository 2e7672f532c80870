"""How fast the send queue is worked off."""


def seconds_for(messages: int, *, rate: float, at_once: int) -> float:
    """Return how long one function has to take for its messages, so that all keep under the rate.

    Parameters
    ----------
    messages
        How many it sends.
    rate
        Messages a second that may be sent to a sub-account; 0 for no limit.
    at_once
        How many functions may run at once (the event source's maximum concurrency).
    """
    return messages * at_once / rate if rate else 0.0
