"""AWS, 8x8 and MoEngage on loopback, over HTTP and TLS, with every request counted.

8x8 and MoEngage are the project's simulators, AWS is moto; before them stands one front that sees
what passes. All run in a thread of this process, which otherwise waits for the function that is
measured.
"""

from __future__ import annotations

import asyncio
import copy
import json
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import aiohttp
from aiohttp import web
from moto.dynamodb.models import dynamodb_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

from bench.authority import make_certificates
from bench.dynamodb import Charges, Index, Item, size_of, stored_bytes, update_of
from local.connector import DELIVERY_TRACKING, SERVICE_PROVIDER, senders
from local.eightx8 import EightX8Simulator
from local.event_files import TOKENS
from local.moengage import MoEngageSimulator

ACCOUNT, REGION = "123456789012", "eu-central-1"
API_KEY = "key-of-the-bench"
CONNECTOR = "local-connector"
SECRET = {
    "eightx8ApiKey": API_KEY,
    "moengageDataApiKey": "data-key-of-the-bench",
    **{name: [token] for name, token in TOKENS.items()},
    "hashKey": "0123456789abcdef0123456789abcdef0123456789abcdef",
}
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

    name: str
    began: float
    ended: float
    request_bytes: int

    @property
    def service(self) -> str:
        """Who was asked."""
        return self.name.partition(" ")[0]


def round_trips(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Return as many exchanges as possible of which each began after the one before had ended."""
    found: list[Exchange] = []
    for one in sorted(exchanges, key=lambda one: one.ended):
        if not found or one.began >= found[-1].ended:
            found.append(one)
    return found


class StandIns:
    """What a function meets.

    Parameters
    ----------
    sub_account_ids
        Of 8x8.
    tables
        As a template describes them, by name.
    queues
        Their names.

    Attributes
    ----------
    url, tls_url
        Of everything.
    authority
        The certificate to trust.
    secret_arn
        Of the bridge's secret.
    exchanges, charges, queued
        What came since :meth:`clear`; the bodies of queued records by queue.
    delay
        Seconds by which each answer is held back, so that calls made at once overlap.
    """

    url = tls_url = ""
    secret_arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:BridgeSecret"

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
        self._backend = dynamodb_backends[ACCOUNT][REGION]
        self._indexes = {name: Index.all_of(table) for name, table in tables.items()}
        self._saved: dict[str, Any] = {}
        self._stopping = asyncio.Event()
        self._one_at_a_time = ThreadPoolExecutor(1)
        self._make_resources(tables, queues)
        self.clear()

    def _make_resources(
        self, tables: Mapping[str, Mapping[str, Any]], queues: Iterable[str]
    ) -> None:
        known = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        for name, table in tables.items():
            wanted = {key: table[key] for key in known if key in table}
            self._aws_call("DynamoDB_20120810.CreateTable", {"TableName": name, **wanted})
        for name in queues:
            self._aws_call("AmazonSQS.CreateQueue", {"QueueName": name})
        secret = {"Name": "BridgeSecret", "SecretString": json.dumps(SECRET)}
        content = self._aws_call("secretsmanager.CreateSecret", secret)
        self.secret_arn = content["ARN"]

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
                self._backend.get_table(name).items.clear()

    def save(self, name: str) -> None:
        """Remember the tables as they are."""
        self._saved[name] = {t: copy.deepcopy(self._table(t).items) for t in self._indexes}

    def restore(self, name: str) -> None:
        """Put the tables back to what was remembered."""
        self.clear()
        for table, items in self._saved[name].items():
            self._table(table).items = copy.deepcopy(items)

    def stored_bytes(self, table: str) -> int:
        """Return what a table stores."""
        items = self._table(table).items.values()
        return sum(stored_bytes(_attributes(one), self._indexes[table]) for one in items)

    # -------------------------------------------------------------------------------- the services
    async def serve(self, is_ready: Callable[[], None]) -> None:
        """Serve until :meth:`stop`."""
        self._loop = asyncio.get_running_loop()
        application = web.Application(client_max_size=2**24)
        application.router.add_route("*", "/{path:.*}", self._answer)
        application.on_response_prepare.append(_without_date)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self._certificate, self._key)
        async with (
            self.eightx8.running() as self._eightx8_url,
            self.moengage.running() as self._moengage_url,
            aiohttp.ClientSession() as self._session,
        ):
            for context in (None, tls):
                await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
            plain, secure = (address[1] for address in runner.addresses)
            self.url, self.tls_url = f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}"
            is_ready()
            await self._stopping.wait()
            await runner.cleanup()
            self._one_at_a_time.shutdown()

    def stop(self) -> None:
        """End, from another thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)

    async def _answer(self, request: web.Request) -> web.Response:
        began, body = time.monotonic(), await request.read()
        if self.delay:
            await asyncio.sleep(self.delay)
        target = request.headers.get("x-amz-target", "")
        if target:
            # In another thread, so that it is seen when the next request comes.
            name, answer = await self._loop.run_in_executor(
                self._one_at_a_time, self._aws_answer, target, request.headers, body
            )
        elif request.path == "/naked":
            name, answer = "naked POST", web.json_response(_NAKED)
        else:
            is_moengage = request.path.startswith(("/sms/dlr/", "/v1/"))
            service = "moengage" if is_moengage else "8x8"
            name = f"{service} {request.path.rpartition('/')[2] if not is_moengage else 'report'}"
            base = self._moengage_url if is_moengage else self._eightx8_url
            answer = await self._passed_on(request, base + request.path_qs, body)
        self.exchanges.append(Exchange(name, began, time.monotonic(), len(body)))
        return answer

    async def _passed_on(self, request: web.Request, url: str, body: bytes) -> web.Response:
        headers = {
            name: value
            for name in ("authorization", "content-type")
            if (value := request.headers.get(name))
        }
        async with self._session.request(request.method, url, headers=headers, data=body) as found:
            kind = found.headers.get("content-type", "application/json").partition(";")[0]
            return web.Response(body=await found.read(), status=found.status, content_type=kind)

    def _aws_answer(
        self, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[str, web.Response]:
        service, operation = target.split(".")
        content = json.loads(body)
        if service.startswith("DynamoDB"):
            service = "dynamodb"
            status, answer = self._dynamodb(target, operation, content, body)
        else:
            service = {"AmazonSQS": "sqs"}.get(service, service)
            status, answer = self._aws_bytes(target, body)
            for one in content.get("Entries", [content]):
                if "MessageBody" in one:
                    self.queued[content["QueueUrl"].rpartition("/")[2]].append(one["MessageBody"])
        response = web.Response(
            body=answer,
            status=status,
            headers={
                "content-type": headers.get("content-type", "application/x-amz-json-1.0"),
                "x-amzn-requestid": "0f6f2a4e-5f6c-4d5c-9c52-6f2d0b1d9a11",
            },
        )
        return f"{service} {operation}", response

    def _aws_bytes(self, target: str, body: bytes) -> tuple[int, bytes]:
        service = target.split(".")[0].partition("_")[0].removeprefix("Amazon").lower()
        credential = f"Credential=AKID/20260101/{REGION}/{service}/aws4_request"
        answer = self._aws.post(
            "/",
            data=body,
            headers={
                "X-Amz-Target": target,
                "Host": f"{service}.{REGION}.amazonaws.com",
                "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
                "Content-Type": "application/x-amz-json-1.0",
            },
        )
        return answer.status_code, answer.data

    def _aws_call(self, target: str, content: Mapping[str, Any]) -> dict[str, Any]:
        status, answer = self._aws_bytes(target, json.dumps(content).encode())
        if status != 200:
            raise RuntimeError(f"{target}: {answer.decode()}")
        found: dict[str, Any] = json.loads(answer or b"{}")
        return found

    # ------------------------------------------------------------------------------------ DynamoDB
    def _dynamodb(
        self, target: str, operation: str, content: dict[str, Any], body: bytes
    ) -> tuple[int, bytes]:
        if operation == "BatchExecuteStatement":
            return 200, self._batch_execute(target, content)
        written = list(_written(operation, content))
        before = [self._item(table, key) for table, key in written]
        status, answer = self._aws_bytes(target, body)
        times = 2 if operation == "TransactWriteItems" else 1
        for (table, key), item in zip(written, before, strict=True):
            self.charges.write(item, self._item(table, key), self._indexes[table], times)
        self._charge_reads(operation, content, answer)
        return status, answer

    def _batch_execute(self, target: str, content: dict[str, Any]) -> bytes:
        answers: list[dict[str, Any]] = []
        for one in content["Statements"]:
            update = update_of(one["Statement"], one.get("Parameters", ()))
            show = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
            update |= show if one.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}
            body = json.dumps(update).encode()
            one_target = target.replace("BatchExecuteStatement", "UpdateItem")
            status, answer = self._dynamodb(one_target, "UpdateItem", update, body)
            if status == 200:
                answers.append({"TableName": update["TableName"]})
                continue
            refused = json.loads(answer)
            code = refused["__type"].rpartition("#")[2].removesuffix("Exception")
            shown = {"Item": refused["Item"]} if "Item" in refused else {}
            answers.append({"Error": {"Code": code, "Message": "", **shown}})
        return json.dumps({"Responses": answers}).encode()

    def _charge_reads(self, operation: str, content: dict[str, Any], answer: bytes) -> None:
        match operation:
            case "GetItem":
                item = json.loads(answer).get("Item")
                consistent = content.get("ConsistentRead", False)
                self.charges.read(size_of(item), consistent=consistent)
            case "BatchGetItem":
                for table, keys in content["RequestItems"].items():
                    for key in keys["Keys"]:
                        item = self._item(table, key["id"]["S"])
                        self.charges.read(
                            size_of(item), consistent=keys.get("ConsistentRead", False)
                        )
            case "Query" | "Scan":
                self.charges.read(sum(map(size_of, json.loads(answer)["Items"])), consistent=False)

    def _table(self, name: str) -> Any:
        return self._backend.get_table(name)

    def _item(self, table: str, key: str) -> Item | None:
        found = self._backend.get_item(table, {"id": {"S": key}})
        return None if found is None else _attributes(found)


async def _without_date(_: web.Request, response: web.StreamResponse) -> None:
    """Leave out headers that only cost their reader time."""
    for name in ("Date", "Server"):
        response.headers.pop(name, None)


def _attributes(item: Any) -> Item:
    attributes: Item = item.to_json()["Attributes"]
    return copy.deepcopy(attributes)


def _written(operation: str, content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give table and key of each item that a call writes."""

    def key_of(one: dict[str, Any]) -> str:
        key: str = (one.get("Key") or one["Item"])["id"]["S"]
        return key

    match operation:
        case "PutItem" | "UpdateItem" | "DeleteItem":
            yield content["TableName"], key_of(content)
        case "TransactWriteItems":
            for action in content["TransactItems"]:
                ((_, one),) = action.items()
                yield one["TableName"], key_of(one)
        case "BatchWriteItem":
            for table, writes in content["RequestItems"].items():
                for write in writes:
                    ((_, one),) = write.items()
                    yield table, key_of(one)


@contextmanager
def running(standins: StandIns) -> Iterator[StandIns]:
    """Serve in a thread within the context."""
    ready = Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(standins.serve(ready.set))
        except BaseException as error:
            errors.append(error)
            ready.set()

    thread = Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    if errors:
        raise errors[0]
    try:
        yield standins
    finally:
        standins.stop()
        thread.join(5)
