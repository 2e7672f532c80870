"""The one logger, and how an exception is written down.

No line holds a message text, a whole phone number, a token or a key. An exception's own text may
hold any of them (botocore quotes the values it refuses), so it is never logged.
"""

import traceback
from typing import Any

from aws_lambda_powertools import Logger

logger = Logger(log_uncaught_exceptions=False)


def log_failure(message: str, error: BaseException, **facts: Any) -> None:
    """Log an exception by its type and the places it went through, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]
    logger.error(message, error=type(error).__name__, error_at=" > ".join(places), **facts)
