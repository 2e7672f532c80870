"""AWS, 8x8 and MoEngage on loopback, over HTTP and TLS, with every request counted.

8x8 and MoEngage are the project's simulators, AWS is moto; one front before them sees what passes.
All run in a thread of this process, which otherwise waits for the function that is measured.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

import tests.fakes.aws  # noqa: F401 - teaches moto the conditions of PartiQL
from bench.authority import make_certificates
from bench.dynamodb import Charges, Index, Item, size_of, stored_bytes
from local.connector import DELIVERY_TRACKING, SERVICE_PROVIDER, senders
from local.eightx8 import EightX8Simulator
from local.event_files import TOKENS
from local.moengage import MoEngageSimulator

ACCOUNT, REGION = "123456789012", "eu-central-1"
API_KEY = "key-of-the-bench"
CONNECTOR = "local-connector"
_SECRET = {
    "eightx8ApiKey": API_KEY,
    "moengageDataApiKey": "data-key-of-the-bench",
    **{name: [token] for name, token in TOKENS.items()},
    "hashKey": "0123456789abcdef0123456789abcdef0123456789abcdef",
}
_SIGNED = "AWS4-HMAC-SHA256 Credential"
_SERVICES = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs"}
# What the naked POST is answered: as long as 8x8's answer.
_NAKED = {
    "umid": "0" * 36,
    "clientMessageId": "0" * 36,
    "destination": "+6591234567",
    "encoding": "GSM7",
    "status": {"code": "QUEUED", "description": "SMS is accepted and being processed"},
}


@dataclass(frozen=True)
class Exchange:
    """A request and its answer; times by the system's monotonic clock."""

    service: str
    began: float
    ended: float
    request_bytes: int


def round_trips(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Return as many exchanges as possible of which each began after the one before had ended."""
    found: list[Exchange] = []
    for one in sorted(exchanges, key=lambda one: one.ended):
        if not found or one.began >= found[-1].ended:
            found.append(one)
    return found


class StandIns:
    """What a function meets; its tables are as a template describes them.

    Attributes
    ----------
    exchanges, charges, queued
        What came since :meth:`clear`; the bodies of queued records by queue.
    delay
        Seconds by which each answer is held back, so that calls made at once overlap.
    """

    url = tls_url = ""

    def __init__(
        self,
        folder: Path,
        sub_account_ids: Iterable[str],
        tables: Mapping[str, Mapping[str, Any]],
        queues: Iterable[str],
    ) -> None:
        self.authority, self._certificate, self._key = make_certificates(folder)
        self.eightx8 = EightX8Simulator(
            account_id="0f6f2a4e-5f6c-4d5c-9c52-6f2d0b1d9a11",
            sub_account_ids=sub_account_ids,
            api_keys=[API_KEY],
        )
        self.moengage = MoEngageSimulator()
        for sender in senders("https://bench.test/t", "https://bench.test/p", "token", "Acme"):
            self.moengage.save_sender(sender)
        self.moengage.save_delivery_tracking(SERVICE_PROVIDER, CONNECTOR, DELIVERY_TRACKING)
        self.delay = 0.0
        self._aws = Client(DomainDispatcherApplication(create_backend_app))
        self._indexes = {name: Index.all_of(table) for name, table in tables.items()}
        self._saved: dict[str, Any] = {}
        self._one_at_a_time = ThreadPoolExecutor(1)
        self._dynamodb: DynamoDBBackend = dynamodb_backends[ACCOUNT][REGION]
        for name in ("put_item", "update_item", "delete_item"):
            setattr(self._dynamodb, name, self._charged(getattr(self._dynamodb, name)))
        self.clear()
        known = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        for name, table in tables.items():
            wanted = {key: table[key] for key in known if key in table}
            self._call("DynamoDB_20120810.CreateTable", TableName=name, **wanted)
        for name in queues:
            self._call("AmazonSQS.CreateQueue", QueueName=name)
        secret = json.dumps(_SECRET)
        made = self._call("secretsmanager.CreateSecret", Name="BridgeSecret", SecretString=secret)
        self.secret_arn: str = made["ARN"]

    # -------------------------------------------------------------------------------- what it saw
    def clear(self, *, table: bool = False) -> None:
        """Forget what was seen, and with ``table`` what was written."""
        self.exchanges: list[Exchange] = []
        self.charges = Charges()
        self.queued: defaultdict[str, list[str]] = defaultdict(list)
        self.eightx8.messages.clear()
        self.eightx8.requests.clear()
        self.moengage.reports.clear()
        if table:
            for name in self._indexes:
                self._dynamodb.get_table(name).items.clear()

    def save(self, name: str) -> None:
        tables = ((one, self._dynamodb.get_table(one)) for one in self._indexes)
        self._saved[name] = {one: copy.deepcopy(table.items) for one, table in tables}

    def restore(self, name: str) -> None:
        self.clear()
        for table, items in self._saved[name].items():
            self._dynamodb.get_table(table).items = copy.deepcopy(items)

    def age(self, table: str, by: timedelta) -> None:
        """Make all that is written look as old as if it had been written so much earlier."""
        sort_keys = {index.sort for index in self._indexes[table].values()}
        items: Iterable[Any] = self._dynamodb.get_table(table).items.values()
        for item in items:
            for name in sort_keys & item.attrs.keys():
                then = datetime.fromisoformat(item.attrs[name].value) - by
                item.attrs[name].value = f"{then:%Y-%m-%dT%H:%M:%S.000}Z"

    def stored_bytes(self, table: str) -> int:
        items: Iterable[Any] = self._dynamodb.get_table(table).items.values()
        return sum(stored_bytes(one.to_json()["Attributes"], self._indexes[table]) for one in items)

    # -------------------------------------------------------------------------------- the services
    async def serve(self, until: asyncio.Event, is_ready: Callable[[], None]) -> None:
        application = self.eightx8.application()
        for route in self.moengage.application().router.routes():
            assert route.resource is not None  # noqa: S101 - all are paths
            application.router.add_route(route.method, route.resource.canonical, route.handler)
        application.router.add_post("/", self._aws_answer)
        application.router.add_post("/naked", _naked)
        application.middlewares.insert(0, self._seen)
        application.on_response_prepare.append(_without_date)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self._certificate, self._key)
        for context in (None, tls):
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        plain, secure = (address[1] for address in runner.addresses)
        self.url, self.tls_url = f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}"
        is_ready()
        await until.wait()
        await runner.cleanup()
        self._one_at_a_time.shutdown()

    @web.middleware
    async def _seen(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began, body = time.monotonic(), await request.read()
        if self.delay:
            await asyncio.sleep(self.delay)
        answer = await handler(request)
        target = request.headers.get("x-amz-target", "").partition(".")[0]
        service = _SERVICES.get(target, target)
        if not service:
            service = "moengage" if request.path.startswith("/sms/dlr/") else "8x8"
        self.exchanges.append(Exchange(service, began, time.monotonic(), len(body)))
        return answer

    async def _aws_answer(self, request: web.Request) -> web.Response:
        target, body = request.headers["x-amz-target"], await request.read()
        # In another thread, so that it is seen when the next request comes.
        answer = asyncio.get_running_loop().run_in_executor(
            self._one_at_a_time, self._moto, target, body
        )
        status, content = await answer
        sent = json.loads(body)
        for one in sent.get("Entries", [sent]):
            if "MessageBody" in one:
                self.queued[sent["QueueUrl"].rpartition("/")[2]].append(one["MessageBody"])
        headers = {
            "content-type": request.headers["content-type"],
            "x-amzn-requestid": "0f6f2a4e-5f6c-4d5c-9c52-6f2d0b1d9a11",
        }
        return web.Response(body=content, status=status, headers=headers)

    def _moto(self, target: str, body: bytes) -> tuple[int, bytes]:
        service, _, operation = target.partition(".")
        signer = _SERVICES.get(service, service)
        headers = {
            "X-Amz-Target": target,
            "Host": f"{signer}.{REGION}.amazonaws.com",
            "Authorization": f"{_SIGNED}=a/20260101/{REGION}/{signer}/aws4_request",
            "Content-Type": "application/x-amz-json-1.0",
        }
        answer = self._aws.post("/", data=body, headers=headers)
        if signer == "dynamodb" and answer.status_code == 200:
            self._charge_reads(operation, json.loads(body), json.loads(answer.data))
        return answer.status_code, answer.data

    def _call(self, target: str, **content: Any) -> dict[str, Any]:
        status, answer = self._moto(target, json.dumps(content).encode())
        if status != 200:
            raise RuntimeError(f"{target}: {answer.decode()}")
        found: dict[str, Any] = json.loads(answer or b"{}")
        return found

    # ------------------------------------------------------------------------------------- charges
    def _charged(self, write: Callable[..., Any]) -> Callable[..., Any]:
        """Return one of moto's writes, charged; a refused one is charged like any other."""
        signature = inspect.signature(write)

        def charged(*given: Any, **named: Any) -> Any:
            arguments = signature.bind(*given, **named).arguments
            table, item = arguments["table_name"], arguments.get("key") or arguments["item_attrs"]
            before = self._item(table, item)
            try:
                return write(*given, **named)
            finally:
                self.charges.write(before, self._item(table, item), self._indexes.get(table, {}))

        return charged

    def _charge_reads(self, operation: str, call: dict[str, Any], answer: dict[str, Any]) -> None:
        match operation:
            case "GetItem":
                consistent = call.get("ConsistentRead", False)
                self.charges.read(size_of(answer.get("Item")), consistent=consistent)
            case "BatchGetItem":
                for table, wanted in call["RequestItems"].items():
                    consistent = wanted.get("ConsistentRead", False)
                    for key in wanted["Keys"]:
                        self.charges.read(size_of(self._item(table, key)), consistent=consistent)
            case "Query" | "Scan":
                self.charges.read(sum(map(size_of, answer["Items"])), consistent=False)

    def _item(self, table: str, key: Item) -> Item | None:
        found = self._dynamodb.get_item(table, {"id": key["id"]})
        return None if found is None else copy.deepcopy(found.to_json()["Attributes"])


async def _naked(_: web.Request) -> web.Response:
    return web.json_response(_NAKED)


async def _without_date(_: web.Request, response: web.StreamResponse) -> None:
    """Leave out headers that only cost their reader time."""
    for name in ("Date", "Server"):
        response.headers.pop(name, None)


@contextmanager
def running(standins: StandIns) -> Iterator[StandIns]:
    loop, until, is_ready = asyncio.new_event_loop(), asyncio.Event(), Event()
    thread = Thread(
        target=lambda: loop.run_until_complete(standins.serve(until, is_ready.set)), daemon=True
    )
    thread.start()
    if not is_ready.wait(30):
        raise RuntimeError("the stand-ins do not start")
    try:
        yield standins
    finally:
        loop.call_soon_threadsafe(until.set)
        thread.join(5)
        loop.close()
