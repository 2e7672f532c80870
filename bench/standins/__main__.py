"""All stand-ins in one process, over HTTP and over TLS: `python -m bench.standins`.

Writes the two ports as a line of JSON and ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import gc
import json
import ssl
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.standins.dynamodb import Charges, Indexes, Table
from bench.standins.services import EightX8, Queues, moengage, naked, secrets_manager
from bench.standins.wire import Connection, Exchange, Reply, Request, json_reply
from tests.chaos.expressions import Item

_CONTROL = "/_standins/"


@dataclass
class StandIns:
    """What the process holds."""

    table: Table
    queues: Queues = field(default_factory=Queues)
    eightx8: EightX8 = field(default_factory=EightX8)
    exchanges: list[Exchange] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    keeps_exchanges: bool = True
    delay: float = 0.0
    saved: dict[str, dict[str, Item]] = field(default_factory=dict)

    def heard(self, exchange: Exchange) -> None:
        """Count an exchange."""
        self.counts[exchange.name] += 1
        if self.keeps_exchanges:
            self.exchanges.append(exchange)

    def answer(self, request: Request) -> Reply:
        """Find who is meant, and have it answer."""
        target = request.headers.get("x-amz-target", "")
        if target.startswith("DynamoDB_"):
            return self.table.answer(request)
        if target.startswith("AmazonSQS."):
            return self.queues.answer(request)
        if target.startswith("secretsmanager."):
            return secrets_manager(request)
        if request.path.startswith("/api/v1/subaccounts/"):
            return self.eightx8.answer(request)
        if request.path.startswith("/sms/dlr/"):
            return moengage(request)
        if request.path == "/naked":
            return naked(request)
        if request.path.startswith(_CONTROL):
            return self._control(request.path.removeprefix(_CONTROL), request)
        # Whatever else a function does while it starts has to be seen.
        return json_reply(f"unknown {request.method} {request.path}", {}, 404)

    def _control(self, what: str, request: Request) -> Reply:
        wanted: dict[str, Any] = request.content if request.body else {}
        match what:
            case "clear":
                self.table.charges = Charges()
                self.exchanges.clear()
                self.counts.clear()
                self.eightx8.taken.clear()
                self.queues.bodies.clear()
                if wanted.get("table"):
                    self.table.items.clear()
            case "keep":
                self.keeps_exchanges = wanted["exchanges"]
            case "take":
                return json_reply("", self.queues.take(wanted["queue_url"], wanted["most"]))
            case "counted":
                taken = self.eightx8.taken
                counted = {
                    "exchanges": self.counts,
                    "messages_taken": len(taken),
                    "messages_taken_twice": sum(times > 1 for times in taken.values()),
                    "waiting": {url: len(bodies) for url, bodies in self.queues.bodies.items()},
                }
                return json_reply("", counted)
            case "delay":
                self.delay = wanted["seconds"]
            case "save":
                self.saved[wanted["name"]] = copy.deepcopy(self.table.items)
            case "restore":
                self.table.items = copy.deepcopy(self.saved[wanted["name"]])
            case "seen":
                return json_reply(
                    "",
                    {
                        "exchanges": [asdict(one) for one in self.exchanges],
                        "charges": asdict(self.table.charges),
                        "queues": self.queues.bodies,
                        "stored_bytes": self.table.stored_bytes,
                    },
                )
            case _:
                return json_reply("", {}, 404)
        return json_reply("", {})


async def serve(indexes: Indexes, certificate: str, key: str) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    standins = StandIns(Table(indexes))

    def connection() -> Connection:
        return Connection(standins.answer, standins.heard, lambda: standins.delay)

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    plain = await loop.create_server(connection, "127.0.0.1", 0, backlog=1024)
    secure = await loop.create_server(connection, "127.0.0.1", 0, ssl=tls, backlog=1024)
    ports = [server.sockets[0].getsockname()[1] for server in (plain, secure)]
    print(json.dumps(ports), flush=True)
    gc.freeze()
    async with plain, secure:
        await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.standins", description=__doc__)
    parser.add_argument(
        "--indexes", required=True, help="JSON: {name: [partition, sort, projection]}"
    )
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    arguments = parser.parse_args()
    given = {name: tuple(keys) for name, keys in json.loads(arguments.indexes).items()}
    asyncio.run(serve(given, arguments.certificate, arguments.key))
