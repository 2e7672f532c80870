"""One run: a campaign of messages, faults by a seed, and what the books say in the end."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.retries import standard

from local.eightx8.callbacks import Target
from sms_bridge.domain import message
from sms_bridge.domain.attempt import AmbiguousSendPolicy
from sms_bridge.domain.clock import seconds_of, timestamp
from sms_bridge.observability import logger
from sms_bridge.storage import messages
from tests.chaos.books import OptRequested, Verdict, Wrong, compare
from tests.chaos.bridge import Bridge
from tests.chaos.eightx8 import EightX8Side
from tests.chaos.faults import Faults
from tests.chaos.lambdas import InvocationError, virtual_threads
from tests.chaos.moengage import PROMOTIONAL, TRANSACTIONAL, MoEngage
from tests.chaos.world import START, World
from tests.chaos.world_loop import WorldLoop
from tests.fakes.aws import an_aws_account
from tests.fakes.circuit import circuits

# Every five minutes, as in the template, while there is much to do and in the hour of each day in
# which `reconcile` looks at old messages. Between them only receipts that come late or never are
# waited for, and running it more seldom saves time without hiding anything.
_SECONDS_BETWEEN_RECONCILES = 300.0
_BUSY_SECONDS = 4 * 3600.0
_SECONDS_BETWEEN_LATE_RECONCILES = 1800.0
_HOUR, _DAY = 3600.0, 86_400.0
_MOST_SECONDS = 9 * _DAY

_LINES_OF_A_TIMELINE = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a run is made of; the same setting gives the same run.

    Attributes
    ----------
    spacing
        Seconds between two messages.
    """

    seed: int
    messages: int
    faults: tuple[str, ...]
    policy: AmbiguousSendPolicy = AmbiguousSendPolicy.HOLD
    is_queued: bool = False
    spacing: float = 0.5

    @property
    def command(self) -> str:
        """Return what runs it alone."""
        return (
            f"make chaos ARGS='--seed {self.seed} --messages {self.messages}"
            f" --spacing {self.spacing:g}"
            f" --policy {self.policy} --mode {'queued' if self.is_queued else 'direct'}"
            f" --faults {','.join(self.faults) or 'none'}'"
        )


@dataclass
class Timeline:
    """What happened to each message, by id."""

    lines: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def note(self, at: float, who: str, message_id: str, what: str) -> None:
        """Note what happened to a message, and who did it."""
        line = f"{at - START:12.3f}  {who:20} {message_id[:8]} {what}"
        self.lines[message_id].append(line)

    def of(self, ids: Iterable[str]) -> str:
        """Return what happened to a message, in order."""
        lines = sorted(line for one in ids for line in self.lines.get(one, []))
        cut = len(lines) - _LINES_OF_A_TIMELINE
        return "\n".join(lines[:_LINES_OF_A_TIMELINE] + ([f"... and {cut} more"] * (cut > 0)))


@dataclass(frozen=True)
class Result:
    """What came of a run."""

    setting: Setting
    verdict: Verdict
    struck: dict[str, int]
    timeline: Timeline
    seconds: float

    @property
    def failures(self) -> dict[Wrong, list[int]]:
        """What is wrong and may not be."""
        return {
            message_type: numbers
            for message_type, numbers in self.verdict.wrong.items()
            if numbers and not (message_type is Wrong.DOUBLED and self._may_double)
        }

    @property
    def _may_double(self) -> bool:
        return self.setting.policy is AmbiguousSendPolicy.RESEND


def run(setting: Setting) -> Result:
    """Run a campaign until nothing is left to do."""
    world = World(setting.seed)
    with (
        an_aws_account(),
        _drawn_from_the_seed(world.random("package")),
        virtual_threads(world),
        circuits(lambda: world.machine_time, lambda: world.machine_name),
        _quiet(),
        closing(world),
        closing(WorldLoop(world)) as loop,
    ):
        campaign = _Campaign(world, loop, setting)
        with campaign.bridge.on_simulated_connections():
            return campaign.run()


@contextmanager
def _drawn_from_the_seed(source: Random) -> Iterator[None]:
    """Let what the package and boto3 draw at random follow from the seed."""
    nonces = SimpleNamespace(token_hex=lambda size: source.randbytes(size).hex())
    pauses = partial(standard.ExponentialBackoff, random=source.random)
    with (
        patch.object(message, "os", SimpleNamespace(urandom=source.randbytes)),
        patch.object(messages, "secrets", nonces),
        patch.object(messages, "random", source),
        patch.object(standard, "ExponentialBackoff", pauses),
    ):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Let the package log nothing: the timelines tell more, and writing takes long."""
    before = logger.log_level
    logger.setLevel("CRITICAL")
    yield
    logger.setLevel(before)


class _Campaign:
    def __init__(self, world: World, loop: WorldLoop, setting: Setting) -> None:
        self._world = world
        self._loop = loop
        self._setting = setting
        self._timeline = Timeline()
        span = setting.messages * setting.spacing + 60.0
        self._span = span
        self._faults = Faults(world, setting.faults, span=span)
        self.bridge = Bridge(
            world,
            self._faults,
            policy=setting.policy,
            is_queued=setting.is_queued,
            heard=self._note,
        )
        secret = self.bridge.account.secret
        self._eightx8 = EightX8Side(
            world,
            loop,
            self._faults,
            api_key=secret["eightx8ApiKey"],
            callback_token=secret["callbackTokens"][0],
            sub_account_ids=(PROMOTIONAL, TRANSACTIONAL),
            post=self._post_callback,
            heard=self._note,
        )
        self._moengage = MoEngage(
            world,
            loop,
            self._faults,
            messages=setting.messages,
            spacing=setting.spacing,
            token=secret["moengageTokens"][0],
            post=self.bridge.post_message,
            heard=self._note,
        )
        self.bridge.connect(loop, self._eightx8, self._moengage)
        self._opt_requests: dict[str, list[OptRequested]] = defaultdict(list)

    def run(self) -> Result:
        """Run until nothing is left to do, and everything that was left behind has gone on."""
        world = self._world
        self._plan_key_rotation()
        self._plan_opt_outs()
        was_thawed = False
        while (age := world.now - START) < _MOST_SECONDS:
            is_busy = age < self._span + _BUSY_SECONDS or world.now % _DAY < _HOUR
            pause = _SECONDS_BETWEEN_RECONCILES if is_busy else _SECONDS_BETWEEN_LATE_RECONCILES
            world.run(until=world.now + pause)
            if self._is_at_rest():
                if was_thawed:
                    break
                was_thawed = True
                self.bridge.send_sms.thaw_all()
            world.spawn(self._reconcile)
        if not self._eightx8.simulator.pending:
            self._loop.finish(self._eightx8.simulator.settled(0.0))  # or fail, if it is broken
        verdict = compare(
            self._moengage,
            self._eightx8,
            self.bridge,
            self._faults,
            self._opt_requests,
        )
        for wanted in self._moengage.wanted:
            for ask in wanted.asks:
                what = f"asked for: {ask.http_status or ask.error_code}"
                name = ask.unique_id or f"message {wanted.number}"
                self._timeline.note(ask.at, "MoEngage", name, what)
        struck = dict(self._faults.struck)
        return Result(self._setting, verdict, struck, self._timeline, world.now - START)

    def _note(self, message_id: str, what: str) -> None:
        self._timeline.note(self._world.now, self._world.machine_name, message_id, what)

    def _is_at_rest(self) -> bool:
        return (
            not self._moengage.pending
            and not self._eightx8.simulator.pending
            and self.bridge.is_at_rest
        )

    def _reconcile(self) -> None:
        try:
            at = timestamp(self._world.now)
            self.bridge.reconcile.invoke({"source": "aws.events", "time": at})
        except InvocationError:
            return

    # ------------------------------------------------------------------------------ what is planned
    def _plan_key_rotation(self) -> None:
        if "key_rotated" not in self._faults.names:
            return
        random = self._world.random("rotation")
        at = random.uniform(0.2, 0.8) * self._span

        def rotate(new: str) -> None:
            self.bridge.account.secret["eightx8ApiKey"] = new
            self._faults.struck["key_rotated"] += 1

        # The secret first; until 8x8 knows the new key, it takes neither.
        self._world.call_later(at, lambda: rotate("key-2"))
        self._world.call_later(at, lambda: setattr(self._eightx8.simulator, "api_keys", {"key-2"}))

    def _plan_opt_outs(self) -> None:
        random = self._world.random("inbound")
        for wanted in self._moengage.wanted:
            if wanted.sub_account_id != PROMOTIONAL or not self._faults.strikes("opt_outs"):
                continue
            at = random.uniform(0.0, 1.3 * wanted.number * self._setting.spacing + 30.0)
            for word in random.choice((("STOP",), ("STOP", "START"), ("STOP", "START", "STOP"))):
                reply = partial(self._eightx8.receive, PROMOTIONAL, wanted.recipient, word)
                self._world.call_later(at, reply)
                at += random.uniform(5.0, 60.0)

    def _post_callback(self, target: Target, event: dict[str, Any]) -> int:
        status = self.bridge.post_callback(target, event)
        payload = event["payload"]
        is_stop = payload.get("body") == "STOP"
        # A START that is not acknowledged may be recorded all the same.
        may_be_recorded = status == 200 or not is_stop
        if may_be_recorded and event["eventType"] == "inbound_message_received":
            opt_requests = self._opt_requests[f"{payload['subAccountId']} {payload['source']}"]
            sent_at = seconds_of(payload["timestamp"])
            opt_requests.append(OptRequested(sent_at, self._world.now, is_stop))
        return status
