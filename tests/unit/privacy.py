"""What must stand in no line of the log, and how a test looks for it."""

import logging
from dataclasses import dataclass

import pytest

from tests.fakes.logs import WrittenLog

CODE = "Qz-4711-xW"
TEXT = f"Your-Distinctive-Code-is-{CODE}"
NUMBER = "+6598761234987"
API_KEY = "eightx8-distinctive-key"
TOKEN = "moengage-distinctive-token"
CALLBACK_TOKEN = "callback-distinctive-token"
HASH_KEY = "distinctive-hash-key"
CONNECTOR = "distinctive-connector"

# The middle of the number is enough to find a person. It is long enough to stand nowhere by chance.
SECRETS = (TEXT, CODE, NUMBER.strip("+"), "98761234", API_KEY, TOKEN, CALLBACK_TOKEN, HASH_KEY)


class SpeakingError(Exception):
    """An error as botocore raises them: its text quotes what it was given."""

    def __init__(self) -> None:
        super().__init__(" ".join(SECRETS))


@dataclass
class EveryLine:
    """All that any logger wrote, with its tracebacks."""

    written: WrittenLog
    captured: pytest.LogCaptureFixture

    def hold_no_secret(self) -> None:
        formatter = logging.Formatter()
        records = "\n".join(
            f"{formatter.format(record)} {vars(record)}" for record in self.captured.records
        )
        assert self.written.lines, "nothing was logged: the test proves nothing"
        for secret in SECRETS:
            assert secret not in self.written.text
            assert secret not in records


@pytest.fixture
def every_line(logged: WrittenLog, caplog: pytest.LogCaptureFixture) -> EveryLine:
    """All lines of all loggers, the debug lines of urllib3 and others included."""
    caplog.set_level(logging.DEBUG)
    return EveryLine(logged, caplog)
