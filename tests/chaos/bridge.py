"""The bridge: the package's own code, wired as the functions wire it, in virtual time."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

from local.eightx8.callbacks import Target
from local.moengage.configuration import WebhookRequest
from sms_bridge import wiring
from sms_bridge.api.authentication import require_callback_token, require_sender
from sms_bridge.api.batch_request import batch_answer, read_batch_request
from sms_bridge.api.callback import read_callback
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, is_batch, json_response
from sms_bridge.api.send_request import SendingRules, read_send_request, send_answer
from sms_bridge.domain.message import Message
from sms_bridge.domain.opt_out import Identifier, OptOutScope
from sms_bridge.domain.queued import QueuedInbound, QueuedOutcome
from sms_bridge.domain.reconciliation import AbsentPolicy, MissingReceiptPolicy, UnresolvedPolicy
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy
from sms_bridge.providers import eightx8_log, http
from sms_bridge.services.deadline import AnswerTime, seconds_to_answer
from sms_bridge.services.send_batch import Taken
from sms_bridge.settings.dispatch import DispatchSettings
from sms_bridge.settings.forward import ForwardSettings
from sms_bridge.settings.receive import CallbackSettings
from sms_bridge.settings.reconcile import ReconcileSettings
from sms_bridge.settings.send import DispatchMode, SendSettings
from sms_bridge.storage.secret import Secret
from tests.chaos.account import Account, message_id_in
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

# So many of the requests to send.
_IN_BATCHES = 0.25

_TRACKING_URL = f"https://api-01.moengage.invalid{TRACKING_PATH}"
_8X8_URL = "https://sms.8x8.invalid"


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
        self.send_sms = Function(world, faults, "send_sms", self._send_sms, seconds=10)
        self.receive_callback = Function(
            world, faults, "receive_callback", self._receive_callback, seconds=10
        )
        self.reconcile = Function(world, faults, "reconcile", self._reconcile, seconds=270)
        dispatch = Function(world, faults, "dispatch_queue", self._dispatch_queue, seconds=60)
        forward = Function(world, faults, "forward_outcome", self._forward_outcome, seconds=30)
        self.sources = [
            EventSource(world, faults, send_queue, dispatch, batch_size=100, window=1.0, at_once=10)
            for send_queue in (self.account.transactional, self.account.promotional)
        ]
        self.sources.append(
            EventSource(
                world, faults, self.account.outcomes, forward, batch_size=5, window=0.0, at_once=50
            )
        )

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
    @property
    def _shared(self) -> dict[str, Any]:
        """Settings of all functions."""
        return {
            "bridge_secret_arn": "arn",
            "secret_max_age_seconds": 300,
            "messages_table": TABLE,
            "outcome_queue_url": self.account.outcomes.url,
        }

    @property
    def _sending(self) -> dict[str, Any]:
        """Settings of the functions that send."""
        return {
            **self._shared,
            "transactional_queue_url": self.account.transactional.url,
            "promotional_queue_url": self.account.promotional.url,
            "eightx8_base_url": _8X8_URL,
            "ambiguous_send_policy": self._policy,
            "opt_out_message_types": ("promotional",),
            "opt_out_scope": OptOutScope.STACK,
        }

    def _send_sms(self, machine: Machine) -> Handler:
        settings = SendSettings(
            **self._sending,
            retention_days=90,
            sub_account_ids=(PROMOTIONAL, TRANSACTIONAL),
            transactional_sub_account_ids=(TRANSACTIONAL,),
            duplicate_window_seconds=DUPLICATE_WINDOW,
            dispatch_mode=DispatchMode.QUEUED if self._is_queued else DispatchMode.DIRECT,
            transactional_seconds_to_live=600,
            promotional_seconds_to_live=14_400,
        )
        timing = self._timing(machine)
        secrets, send_message, batch_sender, _ = wiring.send_parts(
            settings, self.account.clients, timing
        )
        rules = SendingRules(
            sub_account_ids=settings.sub_account_ids,
            transactional_sub_account_ids=settings.transactional_sub_account_ids,
        )

        def read_secret(request: HttpRequest) -> Secret:
            secret = secrets.get()
            require_sender(request, secret)
            return secret

        def send(request: HttpRequest, answer_time: AnswerTime[Message]) -> Response:
            def work() -> Message:
                secret = read_secret(request)
                asked_for = read_send_request(request, rules)
                return send_message(asked_for, hash_key=secret.hash_key, answer_time=answer_time)

            return json_response(send_answer(answer_time.run(work)))

        def send_batch(request: HttpRequest, answer_time: AnswerTime[Taken]) -> Response:
            batch = read_batch_request(request, rules)
            hash_key: str = self.account.secret["hashKey"]

            def work() -> Taken:
                secret = read_secret(request)
                return batch_sender()(
                    batch.accepted, hash_key=secret.hash_key, answer_time=answer_time
                )

            taken = answer_time.run(work)
            return json_response(batch_answer(batch, taken, hash_key=hash_key))

        @answers_http
        def handler(request: HttpRequest) -> Response:
            seconds = seconds_to_answer(request.arrived_at, timing.clock())
            if is_batch(request):
                return send_batch(request, AnswerTime(seconds, lambda: self._world.now))
            return send(request, AnswerTime(seconds, lambda: self._world.now))

        return lambda event: handler(event, None)

    def _dispatch_queue(self, machine: Machine) -> Handler:
        settings = DispatchSettings(
            **self._sending,
            send_dead_letter_queue_url=self.account.send_dead_letters.url,
            send_rate_limit=1500,
            dispatch_concurrency=10,
        )
        secrets, send_queue, dispatch_messages, _ = wiring.dispatch_parts(
            settings, self.account.clients, self._timing(machine)
        )

        def handler(event: Any) -> Any:
            secrets.get()
            return send_queue.work_through(
                event["Records"],
                lambda queued: dispatch_messages(queued, time_left=self._time_left(machine)),
            )

        return handler

    def _receive_callback(self, machine: Machine) -> Handler:
        settings = CallbackSettings(
            **self._shared,
            retention_days=90,
            transactional_queue_url=self.account.transactional.url,
            sub_account_ids=(PROMOTIONAL, TRANSACTIONAL),
            transactional_seconds_to_live=600,
            opt_out_scope=OptOutScope.STACK,
            opt_out_keywords=("STOP",),
            opt_in_keywords=("START",),
            opt_out_reply="You get no more offers.",
            opt_in_reply="You get our offers again.",
        )
        timing = self._timing(machine)
        secrets, receive_callback, _ = wiring.receive_parts(settings, self.account.clients, timing)

        @answers_http
        def handler(request: HttpRequest) -> Response:
            secret = secrets.get()
            require_callback_token(request, secret.callback_tokens, in_url=False)
            for event in read_callback(request.any_text(), timing.clock()):
                receive_callback(event, hash_key=secret.hash_key)
            return json_response({"status": "recorded"})

        return lambda event: handler(event, None)

    def _forward_outcome(self, machine: Machine) -> Handler:
        settings = ForwardSettings(
            **self._shared,
            outcome_dead_letter_queue_url=self.account.outcome_dead_letters.url,
            opt_out_scope=OptOutScope.STACK,
            moengage_delivery_tracking_url=_TRACKING_URL,
            moengage_identifier=Identifier.MOE_MOBILE,
        )
        _, outcomes, dead_letters, forward_outcome, _, _ = wiring.forward_parts(
            settings, self.account.clients, self._timing(machine)
        )

        def report(queued: QueuedOutcome | QueuedInbound) -> int | None:
            assert isinstance(queued, QueuedOutcome)
            return forward_outcome(queued)

        def handler(event: dict[str, Any]) -> dict[str, Any]:
            records = event["Records"]
            ids = {record["messageId"]: message_id_in(record["body"]) for record in records}
            heard_before = {one: len(self._moengage.reported(one)) for one in ids.values()}
            unrecorded = set(ids)
            try:
                answer = outcomes.work_through(records, report, dead_letters)
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

    def _reconcile(self, machine: Machine) -> Handler:
        settings = ReconcileSettings(
            **self._shared,
            eightx8_base_url=_8X8_URL,
            ambiguous_send_policy=self._policy,
            absent_message_policy=AbsentPolicy.RESEND,
            unresolved_message_policy=UnresolvedPolicy.REPORT,
            missing_receipt_policy=MissingReceiptPolicy.FAILED,
            unknown_timeout_seconds=600,
            unresolved_timeout_seconds=21_600,
            receipt_timeout_seconds=172_800,
        )
        timing = self._timing(machine)
        reconcile = wiring.reconcile(settings, self.account.clients, timing)
        return lambda _: reconcile(time_left=self._time_left(machine), scheduled_at=timing.clock())

    # -------------------------------------------------------------------------------------- clients
    def _timing(self, machine: Machine) -> wiring.Timing:
        return wiring.Timing(
            clock=lambda: self._world.now + machine.skew,
            sleep=self._world.wait,
            chance=self._random.random,
        )

    def _time_left(self, machine: Machine) -> Callable[[], float]:
        return lambda: machine.dies_at - self._world.now

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
