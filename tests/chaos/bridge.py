"""The bridge: its own functions, in virtual time."""

import gc
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

from local.eightx8.callbacks import Target
from local.event_files import logical_id
from local.moengage.configuration import WebhookRequest
from sms_bridge import startup, wiring
from sms_bridge.domain.attempt import AmbiguousSendPolicy
from sms_bridge.providers import eightx8_log, http
from sms_bridge.services.deadline import answer_in_time
from tests.chaos.account import STACK, Account, message_id_in, resource_of
from tests.chaos.eightx8 import EightX8Side
from tests.chaos.faults import Faults
from tests.chaos.lambdas import EventSource, Function, Handler, InvocationError
from tests.chaos.moengage import (
    DUPLICATE_WINDOW,
    PROMOTIONAL,
    TRACKING_PATH,
    TRANSACTIONAL,
    MoEngage,
)
from tests.chaos.wire import SimulatedConnections
from tests.chaos.world import Machine, World
from tests.chaos.world_loop import WorldLoop
from tests.fakes.aws import TABLE
from tests.functions import ENVIRONMENT, load

# So many of the requests to send.
_IN_BATCHES = 0.25

_TRACKING_URL = f"https://api-01.moengage.invalid{TRACKING_PATH}"
_8X8_URL = "https://sms.8x8.invalid"

FUNCTIONS = ("send_sms", "receive_callback", "reconcile", "dispatch_queue", "forward_outcome")


def events_of(function: str) -> list[dict[str, Any]]:
    """Return the queues that a function works off, as the template has it."""
    events = STACK.resources[logical_id(function)]["Events"].values()
    return [one["Properties"] for one in events if one["Type"] == "SQS"]


class Bridge:
    """One deployed stack.

    Parameters
    ----------
    heard
        Is told what happens to each message, by id.

    Attributes
    ----------
    unrecorded
        The ids of outcomes that MoEngage heard and of which that could not be recorded.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        *,
        policy: AmbiguousSendPolicy,
        is_queued: bool,
        heard: Callable[[str, str], None],
    ) -> None:
        self._world = world
        self._faults = faults
        self._random = world.random("bridge")
        self._policy = policy
        self._is_queued = is_queued
        self._ids = itertools.count(1)
        self._batches = world.random("batches")
        self.unrecorded: set[str] = set()
        self.account = Account(world, faults, self._random, heard=heard)

        functions = {name: self._function(name) for name in FUNCTIONS}
        self.send_sms = functions["send_sms"]
        self.receive_callback = functions["receive_callback"]
        self.reconcile = functions["reconcile"]
        self.sources = [
            EventSource(
                world, faults, self.account.queues[resource_of(event["Queue"])], function, event
            )
            for name, function in functions.items()
            for event in events_of(name)
        ]

    def _function(self, name: str) -> Function:
        build = self._forward_outcome if name == "forward_outcome" else partial(self._load, name)
        seconds = STACK.template.functions[logical_id(name)]["Timeout"]
        return Function(self._world, self._faults, name, build, seconds=seconds)

    def connect(self, loop: WorldLoop, eightx8: EightX8Side, moengage: MoEngage) -> None:
        """Say who the others are, and where they run."""
        self._loop = loop
        self._eightx8 = eightx8
        self._moengage = moengage

    @property
    def is_at_rest(self) -> bool:
        """Tell whether nothing is left to do."""
        return not self.account.table.open_keys() and all(one.is_idle for one in self.sources)

    # ------------------------------------------------------------------------------- called by HTTP
    def post_message(self, request: WebhookRequest) -> tuple[int, bytes]:
        """Post to the bridge's API; returns the status and the answer.

        Some are posted in a batch, so that a message may come first in one way and then in another.
        """
        path = urlsplit(request.url).path
        sub_account_id = path.split("/")[4]
        if self._batches.random() >= _IN_BATCHES:
            return self._call_http(
                self.send_sms, path, request.headers, request.body, subAccountId=sub_account_id
            )
        is_form = "form" in request.headers.get("Content-Type", "")
        body = request.body.decode()
        message = dict(parse_qsl(body)) if is_form else json.loads(body)
        batch = {"messages": [message] * 2, "includeMessagesInResponse": True}
        status, answer = self._call_http(
            self.send_sms,
            f"{path}/batch",
            {**request.headers, "Content-Type": "application/json"},
            json.dumps(batch).encode(),
            subAccountId=sub_account_id,
        )
        if status != 200:
            return status, answer
        one, same = json.loads(answer)["messages"]
        assert one == same
        return status, json.dumps(one).encode()

    def post_callback(self, target: Target, event: dict[str, Any]) -> int:
        """Post to the bridge's callback URL; returns the status, 0 where 8x8 gets no answer."""
        if self._faults.strikes("callbacks_broken") and self._random.random() < 0.5:
            return 0
        status, _ = self._call_http(
            self.receive_callback,
            urlsplit(target.url).path,
            {"Content-Type": "application/json", "Authorization": target.authorization},
            json.dumps(event).encode(),
        )
        return 0 if self._faults.strikes("callbacks_broken") else status

    def _call_http(
        self,
        function: Function,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        **parameters: str,
    ) -> tuple[int, bytes]:
        event = {
            "requestContext": {
                "http": {"method": "POST", "sourceIp": "203.0.113.7"},
                "requestId": f"request-{next(self._ids)}",
                "timeEpoch": self._world.now * 1000,
            },
            "rawPath": path,
            "headers": {name.lower(): value for name, value in headers.items()},
            "pathParameters": parameters,
            "body": body.decode(),
            "isBase64Encoded": False,
        }
        self._world.wait(self._random.uniform(0.002, 0.02))
        try:
            answer = function.invoke(event)
        except InvocationError:
            return 500, b""
        return answer["statusCode"], answer["body"].encode()

    # ----------------------------------------------------------------------------------- functions
    def _environment(self) -> dict[str, str]:
        """Return the variables that differ from those of events/environment.json."""
        return {
            # As `OUTCOME_QUEUE_URL` is that of `OutcomeQueue`.
            **{
                re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper() + "_URL": queue.url
                for name, queue in self.account.queues.items()
            },
            "MESSAGES_TABLE": TABLE,
            "EIGHTX8_BASE_URL": _8X8_URL,
            "SUB_ACCOUNT_IDS": f"{PROMOTIONAL},{TRANSACTIONAL}",
            "TRANSACTIONAL_SUB_ACCOUNT_IDS": TRANSACTIONAL,
            "DUPLICATE_WINDOW_SECONDS": str(DUPLICATE_WINDOW),
            "DISPATCH_MODE": "queued" if self._is_queued else "direct",
            "AMBIGUOUS_SEND_POLICY": self._policy,
            "CALLBACK_BASE_URL": "",
            "MOENGAGE_DELIVERY_TRACKING_URL": _TRACKING_URL,
            "MOENGAGE_DATA_API_URL": "",
        }

    def _load(self, function: str, machine: Machine) -> Handler:
        """Load a function in an environment of its own, with virtual time and this account."""
        timing = wiring.Timing(
            clock=lambda: self._world.now + machine.skew,
            sleep=self._world.wait,
            chance=self._random.random,
        )
        variables = {**ENVIRONMENT[logical_id(function)], **self._environment()}
        with (
            patch.dict(os.environ, variables),
            patch.object(wiring, "AwsClients", lambda: self.account.clients),
            patch.object(wiring, "Timing", lambda: timing),
            # The collector, which is off while a function is loaded.
            patch.object(startup, "finish_loading", lambda *_: gc.enable()),
        ):
            module: Any = load(function)
        module.time = SimpleNamespace(time=timing.clock)
        module.answer_in_time = partial(answer_in_time, clock=timing.clock)
        seconds_left = SimpleNamespace(
            get_remaining_time_in_millis=lambda: (machine.dies_at - self._world.now) * 1000
        )
        return lambda event: module.handler(event, seconds_left)

    def _forward_outcome(self, machine: Machine) -> Handler:
        """Load the function, and see what becomes of each record."""
        forward = self._load("forward_outcome", machine)

        def handler(event: dict[str, Any]) -> dict[str, Any]:
            records = event["Records"]
            ids = {record["messageId"]: message_id_in(record["body"]) for record in records}
            heard_before = {one: len(self._moengage.reported(one)) for one in ids.values()}
            unrecorded = set(ids)
            try:
                answer: dict[str, Any] = forward(event)
                unrecorded = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
                return answer
            finally:
                # Killed, or DynamoDB took it not, after MoEngage had heard it.
                self.unrecorded |= {
                    ids[one]
                    for one in unrecorded
                    if len(self._moengage.reported(ids[one])) > heard_before[ids[one]]
                }

        return handler

    # -------------------------------------------------------------------------------------- clients
    @contextmanager
    def on_simulated_connections(self) -> Iterator[None]:
        """Let the package connect to the simulators."""

        def connections(base_url: str, *, connect_timeout: float) -> SimulatedConnections[Any]:
            service: Any = self._moengage if base_url == _TRACKING_URL else self._eightx8
            return SimulatedConnections(
                self._world,
                self._loop.begin,
                service,
                self._random,
                base_url=base_url,
                connect_timeout=connect_timeout,
            )

        with (
            patch.object(http, "Connections", connections),
            patch.object(eightx8_log, "Connections", connections),
        ):
            yield
