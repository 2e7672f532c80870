"""Virtual time: activities that take turns, one at a time, in an order that the seed decides."""

import heapq
import itertools
import threading
from collections.abc import Callable
from functools import partial
from random import Random

START = 1_795_000_000.0
"""When every run begins, seconds since the epoch."""


class Killed(BaseException):
    """The machine below an activity is gone. No ``except Exception`` may survive that."""


class Machine:
    """What activities run on: a Lambda execution environment, say.

    Attributes
    ----------
    skew
        By how much its clock is wrong, in seconds.
    dies_at
        When it is stopped, seconds since the epoch.
    is_frozen
        It keeps its activities but none of them runs on.
    """

    def __init__(self, name: str, *, skew: float, strikes: Callable[[], bool]) -> None:
        self.name = name
        self.skew = skew
        self.dies_at = float("inf")
        self.is_frozen = False
        self.is_dead = False
        self.strikes = strikes
        self.frozen: list[Activity] = []
        self.parked: list[Activity] = []
        self.background = 0


class Activity:
    """Work that waits now and then. It has a thread, which runs only while it has the baton."""

    def __init__(self, world: "World") -> None:
        self.machine: Machine | None = None
        self.baton = threading.Semaphore(0)
        self.work: Callable[[], None] = lambda: None
        self.is_parked = False
        self.parked_times = 0
        self._world = world
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            self.baton.acquire()
            if self._world.is_over:
                return
            try:
                self.work()
            except Killed:
                pass
            except BaseException as error:
                self._world.failure = self._world.failure or error
            self._world.retire(self)


class World:
    """The clock, what is going to happen, and who is doing something.

    Attributes
    ----------
    now
        Seconds since the epoch.
    is_over
        Activities that are still waiting are killed.
    """

    def __init__(self, seed: object) -> None:
        self.now = START
        self.is_over = False
        self.failure: BaseException | None = None
        self._seed = seed
        self._until = START
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._current: Activity | None = None
        self._idle: list[Activity] = []
        self._busy: dict[Activity, None] = {}
        self._back = threading.Semaphore(0)

    def random(self, purpose: str) -> Random:
        """Return random numbers of their own, so that one fault's do not shift another's."""
        return Random(f"{self._seed} {purpose}")  # noqa: S311

    # -------------------------------------------------------------------------------- from outside
    def run(self, *, until: float) -> None:
        """Let everything happen that happens until then."""
        self._until = until
        while self._agenda and self._agenda[0][0] <= until and not self.failure:
            self.now, _, action = heapq.heappop(self._agenda)
            action()
        if self.failure:
            raise self.failure
        self.now = max(self.now, until)

    def run_out(self) -> None:
        """Let everything happen that is due now, whatever has failed."""
        while self._agenda and self._agenda[0][0] <= self.now:
            heapq.heappop(self._agenda)[2]()

    def close(self) -> None:
        """End all threads."""
        self.is_over = True
        for activity in list(self._busy):
            self._resume(activity)
        for activity in self._idle:
            activity.baton.release()
        self._idle.clear()

    def call_at(self, moment: float, action: Callable[[], None]) -> None:
        """Do something later that takes no time."""
        heapq.heappush(self._agenda, (max(moment, self.now), next(self._numbers), action))

    def call_later(self, delay: float, action: Callable[[], None]) -> None:
        """Do something after a while."""
        self.call_at(self.now + delay, action)

    def spawn(self, work: Callable[[], None], *, machine: Machine | None = None) -> None:
        """Begin an activity."""

        def begin() -> None:
            activity = self._idle.pop() if self._idle else Activity(self)
            activity.machine = machine
            activity.work = work
            if machine:
                machine.background += 1
            self._busy[activity] = None
            self._resume(activity)

        self.call_at(self.now, begin)

    # ----------------------------------------------------------------------- from within activities
    def wait(self, seconds: float) -> None:
        """Let time pass; others go on meanwhile.

        Raises
        ------
        Killed
            The machine did not live to see the end of it.
        """
        me = self.current
        machine = me.machine
        wakes_at = self.now + max(0.0, seconds)
        if machine and wakes_at > machine.dies_at:
            wakes_at = max(self.now, machine.dies_at)
        # The baton stays where it is when nobody else would take it meanwhile.
        if wakes_at <= self._until and not (self._agenda and self._agenda[0][0] <= wakes_at):
            self.now = wakes_at
            self._survive(machine)
            return
        self.call_at(wakes_at, partial(self._resume, me))
        self._yield(me)

    def park(self, timeout: float | None = None) -> None:
        """Wait to be woken, or for a timeout."""
        me = self.current
        me.is_parked = True
        me.parked_times += 1
        this_time = me.parked_times
        ends_at = float("inf") if timeout is None else self.now + timeout
        if me.machine:
            me.machine.parked.append(me)
            ends_at = min(ends_at, me.machine.dies_at)

        def wake() -> None:
            if me.parked_times == this_time:
                self.wake(me)

        if ends_at < float("inf"):
            self.call_at(ends_at, wake)
        self._yield(me)

    def wake(self, activity: Activity) -> None:
        """Let a parked activity go on, soon."""
        if activity.is_parked:
            activity.is_parked = False
            if activity.machine:
                activity.machine.parked.remove(activity)
            self.call_later(0.0, partial(self._resume, activity))

    @property
    def current(self) -> Activity:
        """The activity that has the baton."""
        assert self._current is not None
        return self._current

    @property
    def machine_time(self) -> float:
        """What the clock says of whatever is running."""
        machine = self.current.machine
        return self.now + (machine.skew if machine else 0.0)

    @property
    def machine_name(self) -> str:
        """What is running on, empty where that is of no interest."""
        machine = self._current.machine if self._current else None
        return machine.name if machine else ""

    def kill(self, machine: Machine) -> None:
        """Let all the machine's activities end."""
        machine.is_dead = True
        for activity in list(machine.parked):
            self.wake(activity)
        self.thaw(machine)

    def freeze(self, machine: Machine) -> None:
        """Let none of the machine's activities run on."""
        machine.is_frozen = True

    def thaw(self, machine: Machine) -> None:
        """Let them run on."""
        machine.is_frozen = False
        for activity in machine.frozen:
            self.call_later(0.0, partial(self._resume, activity))
        machine.frozen.clear()

    def retire(self, activity: Activity) -> None:
        """Take back the thread of an activity that has ended."""
        if activity.machine:
            activity.machine.background -= 1
        del self._busy[activity]
        self._idle.append(activity)
        self._back.release()

    # --------------------------------------------------------------------------------------- inside
    def _resume(self, activity: Activity) -> None:
        """Hand over the baton, and get it back."""
        machine = activity.machine
        if machine and machine.is_frozen and not self.is_over:
            machine.frozen.append(activity)
            return
        before, self._current = self._current, activity
        activity.baton.release()
        self._back.acquire()
        self._current = before

    def _yield(self, me: Activity) -> None:
        self._back.release()
        me.baton.acquire()
        if self.is_over:
            raise Killed
        self._survive(me.machine)

    def _survive(self, machine: Machine | None) -> None:
        if machine is None:
            return
        if not machine.is_dead and (self.now >= machine.dies_at or machine.strikes()):
            self.kill(machine)
        if machine.is_dead:
            raise Killed


class Promise[Value]:
    """A value that will be there, as ``concurrent.futures.Future`` is, in virtual time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: Activity | None = None
        self._result: tuple[Value] | BaseException | None = None

    def done(self) -> bool:
        """Tell whether it is there."""
        return self._result is not None

    def exception(self) -> BaseException | None:
        """Wait for it, and return why it is broken, if it is."""
        self._wait(None)
        return self._result if isinstance(self._result, BaseException) else None

    def set_result(self, value: Value) -> None:
        """Fulfil it."""
        self._settle((value,))

    def set_exception(self, error: BaseException) -> None:
        """Break it."""
        self._settle(error)

    def result(self, timeout: float | None = None) -> Value:
        """Wait for it.

        Raises
        ------
        TimeoutError
            It is not there in time.
        """
        self._wait(timeout)
        if self._result is None:
            raise TimeoutError
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result[0]

    def _wait(self, timeout: float | None) -> None:
        if self._result is None:
            self._waiting = self._world.current
            try:
                self._world.park(timeout)
            finally:
                # Who does not wait any more may be waiting for something else by then.
                self._waiting = None

    def _settle(self, result: tuple[Value] | BaseException) -> None:
        self._result = result
        if self._waiting:
            self._world.wake(self._waiting)
