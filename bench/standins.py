"""AWS, 8x8 and MoEngage on loopback, over HTTP and TLS, with every request counted.

8x8 and MoEngage are the project's simulators, AWS is moto; one front before them sees what passes.
All run in a thread of this process, which otherwise waits for the function that is measured.
"""

import asyncio
import json
import re
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import boto3
from aiohttp import web
from aiohttp.typedefs import Handler
from anyio.from_thread import start_blocking_portal
from moto.dynamodb.models import dynamodb_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

import tests.fakes.aws  # noqa: F401 - teaches moto the conditions of PartiQL
from bench.authority import make_certificates
from bench.dynamodb import Charges, Item
from bench.template import Stack
from local.aws import CONFIG
from local.connector import DELIVERY_TRACKING, SERVICE_PROVIDER, senders
from local.eightx8 import EightX8Simulator
from local.event_files import TOKENS
from local.moengage import MoEngageSimulator
from sms_bridge.domain.clock import timestamp
from tests.functions import ENVIRONMENT
from tests.template.conftest import PROJECT

ACCOUNT, REGION = "123456789012", "eu-central-1"
CONNECTOR = "local-connector"
BASELINE = PROJECT / "bench/baseline"
# Where messages are: the bridge's, and as people write it.
TABLE, THEIR_TABLE = "sms-bridge-MessagesTable", "MessagesTable"
_API_KEY = "key-of-the-bench"
_SECRET = {
    "eightx8ApiKey": _API_KEY,
    "moengageDataApiKey": "data-key-of-the-bench",
    **{name: [token] for name, token in TOKENS.items()},
    "hashKey": "0123456789abcdef0123456789abcdef0123456789abcdef",
}
_OF_A_TABLE = {"AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"}
# What the naked POST is answered: as long as 8x8's answer.
_NAKED = "x" * 239


class Exchange(NamedTuple):
    """A request and its answer; times by the system's monotonic clock."""

    service: str
    began: float
    ended: float
    sent_bytes: int  # out of AWS


def round_trips(exchanges: Iterable[Exchange], began: float, ended: float) -> Counter[str]:
    """Count the exchanges of a time by service: as many as can be with each after another."""
    found: Counter[str] = Counter()
    for one in sorted(exchanges, key=lambda one: one.ended):
        if began <= one.began <= ended:
            found[one.service] += 1
            began = one.ended
    return found


class StandIns:
    """What the functions meet, with all that the template and the baseline make."""

    url = tls_url = secret_arn = ""
    # Seconds by which each answer is held back, so that calls made at once overlap.
    delay = 0.0

    def __init__(self, folder: Path, stack: Stack) -> None:
        self._tables = Stack(BASELINE / "tables.yaml").resources
        self._tables[TABLE] = stack.resources["MessagesTable"]
        self._queues = [f"sms-bridge-{one}" for one in stack.template.of_type("AWS::SQS::Queue")]
        self.authority, self._certificate, self._key = make_certificates(folder)
        self.eightx8 = EightX8Simulator(
            account_id="0f6f2a4e-5f6c-4d5c-9c52-6f2d0b1d9a11",
            sub_account_ids=ENVIRONMENT["SendSms"]["SUB_ACCOUNT_IDS"].split(","),
            api_keys=[_API_KEY],
        )
        self.moengage = MoEngageSimulator()
        self.moengage.save_sender(senders("https://t.test", "https://p.test", "token", "Acme")[0])
        self.moengage.save_delivery_tracking(SERVICE_PROVIDER, CONNECTOR, DELIVERY_TRACKING)
        self._aws = Client(DomainDispatcherApplication(create_backend_app))
        self._one_at_a_time = ThreadPoolExecutor(1)
        self._dynamodb: Any = dynamodb_backends[ACCOUNT][REGION]
        for name in ("put_item", "update_item", "delete_item"):
            setattr(self._dynamodb, name, self._charged(getattr(self._dynamodb, name)))
        self.clear()

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Answer, with all tables and queues and the secret made."""
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(self._serving()),
        ):
            dynamodb, sqs = self.client("dynamodb"), self.client("sqs")
            for name, table in self._tables.items():
                made = {key: table[key] for key in _OF_A_TABLE & table.keys()}
                dynamodb.create_table(TableName=name, **made)
            for name in self._queues:
                sqs.create_queue(QueueName=name)
            secret = {"Name": "BridgeSecret", "SecretString": json.dumps(_SECRET)}
            self.secret_arn = self.client("secretsmanager").create_secret(**secret)["ARN"]
            yield self

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
        make: Any = boto3.Session("key", "secret", region_name=REGION).client
        return make(service, endpoint_url=self.url, config=CONFIG)

    def clear(self) -> None:
        """Forget what was counted, and the bodies of queued records."""
        self.exchanges: list[Exchange] = []
        self.charges = Charges()
        self.queued: list[str] = []

    def empty(self) -> None:
        """Forget what was written and sent."""
        self.eightx8.messages.clear()
        self.moengage.reports.clear()
        for name in self._tables:
            self._dynamodb.get_table(name).items.clear()

    def age(self) -> None:
        """Make messages look as if accepted an hour ago, and unknown to 8x8's log."""
        self.eightx8.messages.clear()
        for item in self._dynamodb.get_table(TABLE).items.values():
            if "accepted_at" in item.attrs:
                item.attrs["accepted_at"].value = timestamp(time.time() - 3600)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        application = self.eightx8.application()
        application.add_subapp("/moengage", self.moengage.application())
        application.router.add_post("/", self._aws_answer)
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
        try:
            yield
        finally:
            await runner.cleanup()

    @web.middleware
    async def _seen(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began, body = time.monotonic(), await request.read()
        if self.delay:
            await asyncio.sleep(self.delay)
        is_naked = request.path == "/naked"
        answer = web.json_response(_NAKED) if is_naked else await handler(request)
        # Like "DynamoDB_20120810.PutItem".
        if target := request.headers.get("x-amz-target"):
            service, body = re.split("[._]", target.lower().removeprefix("amazon"))[0], b""
        else:
            service = "moengage" if request.path.startswith("/moengage/") else "8x8"
        self.exchanges.append(Exchange(service, began, time.monotonic(), len(body)))
        return answer

    async def _aws_answer(self, request: web.Request) -> web.Response:
        body, headers = await request.read(), dict(request.headers)
        # In another thread, so that it is seen when the next request comes.
        answer = await asyncio.get_running_loop().run_in_executor(
            self._one_at_a_time, partial(self._aws.post, "/", data=body, headers=headers)
        )
        call = json.loads(body)
        if answer.status_code == 200:
            operation = request.headers["x-amz-target"].partition(".")[2]
            self._charge_reads(operation, call, json.loads(answer.data))
        entries = call.get("Entries", [call])
        self.queued += [one["MessageBody"] for one in entries if "MessageBody" in one]
        fixed = {
            "content-type": request.headers["content-type"],
            "x-amzn-requestid": "0f6f2a4e-5f6c-4d5c-9c52-6f2d0b1d9a11",
        }
        return web.Response(body=answer.data, status=answer.status_code, headers=fixed)

    def _charged(self, write: Callable[..., Any]) -> Callable[..., Any]:
        """Return one of moto's writes, charged; a refused one is charged like any other."""

        def charged(table_name: str, key: Item, *given: Any, **named: Any) -> Any:
            before = self._item(table_name, key)
            try:
                return write(table_name, key, *given, **named)
            finally:
                after = self._item(table_name, key)
                self.charges.write(before, after, self._tables[table_name])

        return charged

    def _charge_reads(self, operation: str, call: dict[str, Any], answer: dict[str, Any]) -> None:
        if operation in ("GetItem", "Query"):
            items = answer.get("Items", [answer.get("Item", {})])
            self.charges.read(*items, consistent=call.get("ConsistentRead", False))
        elif operation == "BatchGetItem":
            for table, wanted in call["RequestItems"].items():
                found = answer["Responses"][table]
                for item in found + [{}] * (len(wanted["Keys"]) - len(found)):
                    self.charges.read(item, consistent=wanted.get("ConsistentRead", False))

    def _item(self, table: str, key: Item) -> Item:
        """Return an item as it is now, empty where there is none."""
        found = self._dynamodb.get_item(table, {"id": key["id"]})
        return found.to_json()["Attributes"] if found else {}


async def _without_date(_: web.Request, response: web.StreamResponse) -> None:
    """Leave out headers that only cost their reader time."""
    for name in ("Date", "Server"):
        response.headers.pop(name, None)
