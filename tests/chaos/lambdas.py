"""A small Lambda: execution environments that freeze, and queues that call functions."""

import contextvars
import linecache
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any, Self
from unittest.mock import patch

import botocore.endpoint

from sms_bridge import background
from sms_bridge.services import send_batch
from sms_bridge.services.deadline import AnswerTime
from sms_bridge.storage import queues
from tests.chaos.faults import Faults
from tests.chaos.world import Killed, Machine, Promise, World
from tests.fakes.sqs import Queue, Record

Handler = Callable[[Any], Any]

# Where the template sets no limit: as many as the smallest account may have.
_AT_ONCE = 10


class InvocationError(Exception):
    """The function did not end well: it was killed, ran into its timeout, or raised."""


class Environment:
    """An execution environment of a function: a process that lives for many invocations."""

    def __init__(self, machine: Machine, build: "Build") -> None:
        self.machine = machine
        self.handler: Handler = build(machine)


Build = Callable[[Machine], Handler]
"""Makes a function's handler, as loading its module does; once for each environment."""


class Function:
    """A Lambda function.

    Parameters
    ----------
    seconds
        Its timeout.
    """

    def __init__(
        self, world: World, faults: Faults, name: str, build: Build, *, seconds: float
    ) -> None:
        self.name = name
        self._world = world
        self._faults = faults
        self._build = build
        self._seconds = seconds
        self._random = world.random(f"function {name}")
        self._idle: list[Environment] = []
        self._kept_back: list[Environment] = []
        self._made = 0

    def invoke(self, event: Any) -> Any:
        """Call the function, from within an activity.

        Raises
        ------
        InvocationError
            It did not end well.
        """
        environment = self._idle.pop() if self._idle else self._start()
        machine, caller = environment.machine, self._world.current
        machine.dies_at = self._world.now + self._seconds
        self._world.thaw(machine)
        on, caller.machine = caller.machine, machine
        try:
            return environment.handler(event)
        except Killed as killed:
            if self._world.is_over:
                raise
            self._world.kill(machine)
            raise InvocationError(self.name) from killed
        except Exception as error:
            raise InvocationError(self.name) from error
        finally:
            caller.machine = on
            self._end(environment)

    def _start(self) -> Environment:
        self._made += 1
        skew = self._faults.amount("clocks", -2.5, 2.5)
        self._world.wait(self._faults.amount("slow_start", 0.2, 3.0))
        machine = Machine(
            f"{self.name} {self._made}", skew=skew, strikes=lambda: self._faults.strikes("killed")
        )
        return Environment(machine, self._build)

    def _end(self, environment: Environment) -> None:
        machine = environment.machine
        if machine.is_dead:
            return
        machine.dies_at = float("inf")
        if not machine.background:
            self._idle.append(environment)
            return
        self._world.freeze(machine)
        if not self._faults.strikes("frozen"):
            self._idle.append(environment)
            return
        self._kept_back.append(environment)
        self._world.call_later(self._random.uniform(30, 2400), lambda: self._use(environment))

    def _use(self, environment: Environment) -> None:
        """Call a frozen environment again: what was left behind in it goes on."""
        if environment in self._kept_back:
            self._kept_back.remove(environment)
            self._idle.append(environment)
            self._world.thaw(environment.machine)

    def thaw_all(self) -> None:
        """Let everything go on that was ever left behind."""
        for environment in list(self._kept_back):
            self._use(environment)
        for environment in self._idle:
            self._world.thaw(environment.machine)


class EventSource:
    """Calls a function with what is in a queue, as Lambda's event source mapping does.

    Parameters
    ----------
    properties
        Of the event in the template.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        queue: Queue,
        function: Function,
        properties: Mapping[str, Any],
    ) -> None:
        self._world = world
        self._faults = faults
        self._queue = queue
        self._function = function
        self._batch_size = properties["BatchSize"]
        self._window = properties.get("MaximumBatchingWindowInSeconds", 0)
        self._at_once = properties.get("ScalingConfig", {}).get("MaximumConcurrency", _AT_ONCE)
        self._running = 0
        self._looks_at: set[float] = set()
        self._random = world.random(f"source {queue.name}")
        queue.on_shown = self._look_at

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is in the queue and nothing is worked on."""
        return not self._running and not self._queue.records

    def _look_at(self, moment: float) -> None:
        if moment in self._looks_at:
            return
        self._looks_at.add(moment)
        delay = max(0.0, moment - self._world.now) + self._random.uniform(0.0, 0.05)

        def look() -> None:
            self._looks_at.discard(moment)
            self._begin()

        self._world.call_later(delay, look)

    def _begin(self) -> None:
        now = self._world.now
        if self._running < self._at_once and any(
            record.shown_at <= now for record in self._queue.records.values()
        ):
            self._running += 1
            self._world.spawn(self._work)

    def _work(self) -> None:
        try:
            self._world.wait(self._window)
            records = self._queue.receive(self._batch_size)
            if records:
                self._look_at(self._world.now)  # there may be more
                self._call(records)
        finally:
            self._running -= 1
            self._look_at(self._world.now)

    def _call(self, records: list[Record]) -> None:
        handles = {record.record_id: record.handle for record in records}
        event = {"Records": [record.of_event for record in records]}
        for record in records:
            if self._faults.strikes("sqs_duplicates"):
                # Another server of SQS has not heard that it was received.
                record.shown_at = self._world.now + self._random.choice((0.0, 0.01, 0.5, 30.0))
                self._queue.on_shown(record.shown_at)
        self._world.wait(self._random.uniform(0.001, 0.01))
        try:
            answer = self._function.invoke(event)
        except InvocationError:
            return
        failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        assert failed <= handles.keys()
        for record_id, handle in handles.items():
            if record_id in failed:
                continue
            if self._faults.strikes("sqs_duplicates"):
                continue  # the deletion is forgotten: it comes back after its visibility timeout
            self._queue.delete(handle)


class _VirtualExecutor:
    """``ThreadPoolExecutor``, as far as batches are worked on with it."""

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map[Thing, Result](
        self, work: Callable[[Thing], Result], things: Iterable[Thing]
    ) -> Iterator[Result]:
        started = [background.start(partial(work, thing)) for thing in things]
        return (one.result() for one in started)


@contextmanager
def virtual_threads(world: World) -> Iterator[None]:
    """Let background tasks and boto3's pauses happen in virtual time."""

    def start(work: Callable[[], Any]) -> Promise[Any]:
        promise: Promise[Any] = Promise(world)
        context = contextvars.copy_context()

        def run() -> None:
            try:
                promise.set_result(context.run(work))
            except Exception as error:
                promise.set_exception(error)

        world.spawn(run, machine=world.current.machine)
        return promise

    def wait(promises: Iterable[Promise[Any]]) -> None:
        for promise in promises:
            promise.exception()

    with (
        patch.object(background, "start", start),
        patch.object(send_batch, "wait", wait),
        patch.object(queues, "ThreadPoolExecutor", _VirtualExecutor),
        patch.object(botocore.endpoint, "time", SimpleNamespace(sleep=world.wait)),
        patch.object(AnswerTime.__init__, "__defaults__", (lambda: world.now,)),
        # Looks whether source files have changed, for every frame of every failure logged.
        patch.object(linecache, "checkcache", lambda _=None: None),
    ):
        yield
