"""The bridge: the package's own code, wired as the functions wire it, in virtual time."""

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from local.eightx8.callbacks import Target
from local.moengage.configuration import WebhookRequest
from sms_bridge.api.authentication import require_callback_token, require_token
from sms_bridge.api.errors import Code, RefusedError
from sms_bridge.api.request import HttpRequest
from sms_bridge.api.responses import Response, answers_http, json_response
from sms_bridge.api.send_request import SendingRules, read_send_request, send_answer
from sms_bridge.domain.message import Message, MessageType
from sms_bridge.domain.opt_out import keywords_of
from sms_bridge.domain.reconciliation import (
    AbsentPolicy,
    MissingReceiptPolicy,
    Timeouts,
    UnresolvedPolicy,
)
from sms_bridge.domain.retry_policy import AmbiguousSendPolicy, RetryPolicy
from sms_bridge.providers.eightx8 import EightX8
from sms_bridge.providers.eightx8_log import LogExports
from sms_bridge.providers.moengage import DeliveryTracking
from sms_bridge.services.deadline import AnswerTime, OutOfTimeError, seconds_to_answer
from sms_bridge.services.dispatch import DispatchMessages, DispatchPlan
from sms_bridge.services.forward import ForwardOutcome
from sms_bridge.services.receive import ReceiveCallback
from sms_bridge.services.reconcile import Reconcile, ReconcilePlan
from sms_bridge.services.send import SendingPlan, SendMessage
from sms_bridge.storage.export_jobs import DynamoDBExportJobs
from sms_bridge.storage.messages import DynamoDBMessages
from sms_bridge.storage.opt_outs import DynamoDBOptOuts
from sms_bridge.storage.queues import SqsDeadLetterQueue, SqsOutcomeQueue, SqsSendQueue
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
from tests.chaos.wire import SimulatedConnections, SimulatedDownloads
from tests.chaos.world import Machine, World
from tests.chaos.world_loop import WorldLoop

SECONDS_TO_LIVE = {MessageType.TRANSACTIONAL: 600, MessageType.PROMOTIONAL: 14_400}

_TRACKING_HOST = "api-01.moengage.invalid"
_8X8_HOST = "sms.8x8.invalid"
_DAY = 86_400
_HEEDING = frozenset({MessageType.PROMOTIONAL})


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
        self._resend = RetryPolicy(policy)
        self._is_queued = is_queued
        self._ids = itertools.count(1)
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
        return all(source.is_idle for source in self.sources) and not [
            key
            for key in self.account.table.open_keys()
            if not self.account.table.items[key]["open_shard"]["S"].startswith("given up")
        ]

    # ------------------------------------------------------------------------------- called by HTTP
    def post_message(self, request: WebhookRequest) -> tuple[int, bytes]:
        """Post to the bridge's API; returns the status and the answer."""
        path = urlsplit(request.url).path
        return self._call_http(
            self.send_sms,
            path,
            request.headers,
            request.body,
            subAccountId=path.split("/")[4],
        )

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
    def _send_sms(self, machine: Machine) -> Handler:
        clock = self._clock_of(machine)
        secrets = self.account.secrets(clock)
        send_message = SendMessage(
            SendingPlan(
                duplicate_window=DUPLICATE_WINDOW,
                is_queued=self._is_queued,
                opt_out_message_types=_HEEDING,
                seconds_to_live=SECONDS_TO_LIVE,
                policy=self._resend,
            ),
            messages=DynamoDBMessages(self.account.dynamodb(), "messages"),
            send_queue=self._send_queue(),
            outcomes=self._outcome_queue(),
            opt_outs=DynamoDBOptOuts(self.account.dynamodb(), "messages"),
            sender=EightX8(self._to_8x8(connect_timeout=1.0), secrets),
            clock=clock,
            sleep=self._world.wait,
            chance=self._random.random,
            new_id=lambda: str(UUID(int=self._random.getrandbits(128), version=4)),
        )
        rules = SendingRules(
            sub_account_ids=(PROMOTIONAL, TRANSACTIONAL),
            transactional_sub_account_ids=(TRANSACTIONAL,),
        )

        def send(request: HttpRequest, answer_time: AnswerTime[Message]) -> Message:
            secret = secrets.get()
            require_token(request, secret.moengage_tokens)
            return send_message(
                read_send_request(request, rules), hash_key=secret.hash_key, answer_time=answer_time
            )

        @answers_http
        def handler(request: HttpRequest) -> Response:
            answer_time = AnswerTime[Message](
                seconds_to_answer(request.arrived_at, clock()), lambda: self._world.now
            )
            try:
                message = answer_time.run(lambda: send(request, answer_time))
            except OutOfTimeError:
                raise RefusedError(Code.UNAVAILABLE, "It took too long.") from None
            return json_response(send_answer(message))

        return lambda event: handler(event, None)

    def _dispatch_queue(self, machine: Machine) -> Handler:
        clock = self._clock_of(machine)
        secrets = self.account.secrets(clock)
        dispatch_messages = DispatchMessages(
            DispatchPlan(
                opt_out_message_types=_HEEDING, policy=self._resend, rate=1500, at_once=20
            ),
            messages=DynamoDBMessages(self.account.dynamodb(), "messages"),
            send_queue=self._send_queue(),
            dead_letters=SqsDeadLetterQueue(self.account.sqs(), self.account.send_dead_letters.url),
            outcomes=self._outcome_queue(),
            opt_outs=DynamoDBOptOuts(self.account.dynamodb(), "messages"),
            sender=EightX8(self._to_8x8(connect_timeout=2.0), secrets),
            clock=clock,
            sleep=self._world.wait,
            chance=self._random.random,
        )

        def handler(event: Any) -> Any:
            secrets.get()
            return dispatch_messages(
                event["Records"], time_left=lambda: machine.dies_at - self._world.now
            )

        return handler

    def _receive_callback(self, machine: Machine) -> Handler:
        clock = self._clock_of(machine)
        secrets = self.account.secrets(clock)
        receive_callback = ReceiveCallback(
            messages=DynamoDBMessages(self.account.dynamodb(), "messages"),
            outcomes=self._outcome_queue(),
            opt_outs=DynamoDBOptOuts(self.account.dynamodb(), "messages"),
            keywords=keywords_of(["STOP"], ["START"]),
            clock=clock,
        )

        @answers_http
        def handler(request: HttpRequest) -> Response:
            secret = secrets.get()
            require_callback_token(request, secret.callback_tokens)
            receive_callback(request.any_text(), hash_key=secret.hash_key)
            return json_response({"status": "recorded"})

        return lambda event: handler(event, None)

    def _forward_outcome(self, machine: Machine) -> Handler:
        connections: Any = SimulatedConnections(
            self._world,
            self._loop.begin,
            self._moengage,
            self._random,
            host=_TRACKING_HOST,
            connect_timeout=1.0,
        )
        dead_letters = SqsDeadLetterQueue(self.account.sqs(), self.account.outcome_dead_letters.url)
        queue = self._outcome_queue()
        forward_outcome = ForwardOutcome(
            messages=DynamoDBMessages(self.account.dynamodb(), "messages"),
            listener=DeliveryTracking(f"https://{_TRACKING_HOST}{TRACKING_PATH}", connections),
            dead_letters=dead_letters,
            clock=self._clock_of(machine),
            chance=self._random.random,
        )

        def handler(event: dict[str, Any]) -> dict[str, Any]:
            records = event["Records"]
            ids = {record["messageId"]: message_id_in(record["body"]) for record in records}
            heard_before = {one: len(self._moengage.reported(one)) for one in ids.values()}
            unrecorded = set(ids)
            try:
                answer = queue.work_through(records, forward_outcome, dead_letters)
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
        clock = self._clock_of(machine)
        connections = self._to_8x8(connect_timeout=2.0)
        downloads: Any = SimulatedDownloads(connections)
        reconcile = Reconcile(
            ReconcilePlan(
                timeouts=Timeouts(unknown=600, unresolved=21_600, receipt=172_800),
                resend=self._resend,
                absent=AbsentPolicy.RESEND,
                unresolved=UnresolvedPolicy.REPORT,
                missing_receipt=MissingReceiptPolicy.FAILED,
            ),
            messages=DynamoDBMessages(self.account.dynamodb(), "messages"),
            outcomes=self._outcome_queue(),
            jobs=DynamoDBExportJobs(self.account.dynamodb(), "messages"),
            log=LogExports(connections, self.account.secrets(clock), downloads),
            clock=clock,
            sleep=self._world.wait,
        )
        return lambda _: reconcile(time_left=lambda: machine.dies_at - self._world.now)

    # -------------------------------------------------------------------------------------- clients
    def _clock_of(self, machine: Machine) -> Callable[[], float]:
        return lambda: self._world.now + machine.skew

    def _send_queue(self) -> SqsSendQueue:
        return SqsSendQueue(
            self.account.sqs(),
            {
                MessageType.TRANSACTIONAL: self.account.transactional.url,
                MessageType.PROMOTIONAL: self.account.promotional.url,
            },
        )

    def _outcome_queue(self) -> SqsOutcomeQueue:
        return SqsOutcomeQueue(
            self.account.sqs(), self.account.outcomes.url, once=self.account.sqs(tries=1)
        )

    def _to_8x8(self, *, connect_timeout: float) -> Any:
        return SimulatedConnections(
            self._world,
            self._loop.begin,
            self._eightx8,
            self._random,
            host=_8X8_HOST,
            connect_timeout=connect_timeout,
        )
