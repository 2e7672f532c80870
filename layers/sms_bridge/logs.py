"""The one logger, and how an exception is written down.

No line holds a message text, a whole phone number, a token or a key. An exception's own text may
hold any of them (botocore quotes the values it refuses), so it is never logged.
"""

import json
import logging
import os
import traceback
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from sms_bridge.clock import timestamp

# No line holds anything that holds itself.
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode

# As Python's logging HOWTO has it: nobody needs to find out where a line comes from, for none says.
logging._srcfile = None

_OF_EVERY_RECORD = frozenset(logging.makeLogRecord({}).__dict__)
_NOT_WRITTEN = ("level", "location", "message", "timestamp")


class LineFormatter(LambdaPowertoolsFormatter):
    """Powertools' lines, written in half the time: no place in the code, no formats, no guesses."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a line: what every line has, the request's keys, its own that say something."""
        line = {
            "level": record.levelname,
            "message": record.msg,
            "timestamp": timestamp(record.created),
        }
        for name, value in self.log_format.items():
            if value is not None and name not in _NOT_WRITTEN:
                line[name] = value
        trace = os.environ.get("_X_AMZN_TRACE_ID", "")
        # Lambda gives every call an id; X-Ray knows those of the sample alone.
        if "Sampled=1" in trace:
            line["xray_trace_id"] = trace.partition(";")[0].removeprefix("Root=")
        for name, value in record.__dict__.items():
            if value != "" and name not in _OF_EVERY_RECORD:
                line[name] = value
        return _encode(line)


logger = Logger(log_uncaught_exceptions=False, logger_formatter=LineFormatter())


def log_failure(message: str, error: BaseException, **facts: Any) -> None:
    """Log an exception by its type and the places it went through, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]
    logger.error(message, error=type(error).__name__, error_at=" > ".join(places), **facts)
