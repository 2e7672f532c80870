"""Starts the stand-ins in a process of their own, and asks it what it saw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import urllib3

from bench.authority import make_certificates
from bench.standins.dynamodb import Charges, Indexes
from bench.standins.wire import Exchange

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Seen:
    """What came to the stand-ins since they were cleared."""

    exchanges: list[Exchange]
    charges: Charges
    queues: Mapping[str, list[str]]
    stored_bytes: int

    def count(self, name: str) -> int:
        """Count the exchanges whose name begins like this."""
        return sum(one.name.startswith(name) for one in self.exchanges)


class StandIns:
    """The running stand-ins.

    Attributes
    ----------
    url, tls_url
        Where they answer.
    authority
        The certificate that their own is to be checked with.
    """

    def __init__(self, ports: tuple[int, int], authority: Path) -> None:
        self.url = f"http://127.0.0.1:{ports[0]}"
        self.tls_url = f"https://127.0.0.1:{ports[1]}"
        self.authority = authority
        self._http = urllib3.PoolManager(timeout=60.0, retries=False)

    def clear(self, *, table: bool = False) -> None:
        """Forget what was seen, and with ``table`` what was written."""
        self._ask("clear", table=table)

    def delay_answers(self, seconds: float) -> None:
        """Hold back every answer from now on."""
        self._ask("delay", seconds=seconds)

    def save(self, name: str) -> None:
        """Remember the table as it is."""
        self._ask("save", name=name)

    def restore(self, name: str) -> None:
        """Put the table back to what was remembered."""
        self._ask("restore", name=name)

    def count_only(self) -> None:
        """Keep no list of exchanges from now on: there will be very many."""
        self._ask("keep", exchanges=False)

    def counted(self) -> dict[str, Any]:
        """Tell how many exchanges of each kind there were, and what 8x8 and the queues hold."""
        counted: dict[str, Any] = self._ask("counted")
        return counted

    def take(self, queue_url: str, most: int) -> list[str]:
        """Take records out of a queue, the oldest first."""
        records: list[str] = self._ask("take", queue_url=queue_url, most=most)
        return records

    def seen(self) -> Seen:
        """Tell what came since the last :meth:`clear`."""
        seen = self._ask("seen")
        return Seen(
            [Exchange(**one) for one in seen["exchanges"]],
            Charges(**seen["charges"]),
            seen["queues"],
            seen["stored_bytes"],
        )

    def _ask(self, what: str, **content: Any) -> Any:
        answer = self._http.request("POST", f"{self.url}/_standins/{what}", json=content)
        if answer.status != 200:
            raise RuntimeError(f"the stand-ins cannot {what}: {answer.status}")
        return answer.json()


@contextmanager
def running_standins(indexes: Indexes, folder: Path) -> Iterator[StandIns]:
    """Run them within the context.

    Parameters
    ----------
    indexes
        Of the table.
    folder
        For the certificates.
    """
    authority, certificate, key = make_certificates(folder)
    command = [
        *(sys.executable, "-m", "bench.standins", "--indexes", json.dumps(indexes)),
        *("--certificate", str(certificate), "--key", str(key)),
    ]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "layers")},
    )
    try:
        plain, secure = json.loads(_pipe(process.stdout).readline())
        yield StandIns((plain, secure), authority)
    finally:
        _pipe(process.stdin).close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _pipe(process.stdout).close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 - Popen was asked for it
    return stream
