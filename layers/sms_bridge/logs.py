"""The one logger, and how an exception is written down.

No line holds a message text, a whole phone number, a token or a key. An exception's own text may
hold any of them (botocore quotes the values it refuses), so it is never logged.
"""

import logging
import os
import time
import traceback
from collections.abc import Iterable
from typing import Any

from aws_lambda_powertools import Logger

from sms_bridge.clock import timestamp
from sms_bridge.json_text import json_text
from sms_bridge.metrics import DIRECTIVES

_NOT_WRITTEN = ("level", "location", "message", "timestamp")


class LineLogger(Logger):
    """Powertools' logger, whose lines are written in a third of the time.

    Level, service, the request's keys and where the lines go are Powertools'. There are no log
    records, no place in the code, no formats: a line is its keys, and a key that says nothing
    (an empty text) is left out.
    """

    def info(self, msg: object, *_: object, **keys: Any) -> None:
        """Log a line."""
        self._write(logging.INFO, msg, [_text_of(keys)])

    def warning(self, msg: object, *_: object, **keys: Any) -> None:
        """Log a line about what somebody may have to look at."""
        self._write(logging.WARNING, msg, [_text_of(keys)])

    def error(self, msg: object, *_: object, **keys: Any) -> None:
        """Log a line about what went wrong."""
        self._write(logging.ERROR, msg, [_text_of(keys)])

    def info_many(self, message: str, texts: Iterable[str]) -> None:
        """Log many lines of one kind, in one go; of each its keys are given as a JSON object."""
        self._write(logging.INFO, message, texts)

    def _write(self, level: int, message: object, texts: Iterable[str]) -> None:
        if level < self.log_level:
            return
        handler: Any = self.registered_handler
        shared = {
            "level": logging.getLevelName(level),
            "message": message,
            "timestamp": timestamp(time.time()),
        }
        for name, value in handler.formatter.log_format.items():
            if value is not None and name not in _NOT_WRITTEN:
                shared[name] = value
        trace = os.environ.get("_X_AMZN_TRACE_ID", "")
        # Lambda gives every call an id; X-Ray knows those of the sample alone.
        if "Sampled=1" in trace:
            shared["xray_trace_id"] = trace.partition(";")[0].removeprefix("Root=")
        begins = json_text(shared)[:-1]
        lines = [f"{begins},{text[1:]}\n" if len(text) > 2 else f"{begins}}}\n" for text in texts]
        with handler.lock:
            handler.stream.write("".join(lines))
            handler.flush()


def _text_of(keys: dict[str, Any]) -> str:
    directives = keys.pop(DIRECTIVES, "")
    text = json_text({name: value for name, value in keys.items() if value != ""})
    if not directives:
        return text
    return f'{text[:-1]}{"," if len(text) > 2 else ""}"{DIRECTIVES}":{directives}}}'


logger = LineLogger(log_uncaught_exceptions=False)


def log_failure(message: str, error: BaseException, **facts: Any) -> None:
    """Log an exception by its type and the places it went through, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]
    logger.error(message, error=type(error).__name__, error_at=" > ".join(places), **facts)
