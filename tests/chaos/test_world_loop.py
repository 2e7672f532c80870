"""What goes wrong in a simulated world ends the run: it is not lost in a task or a thread."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from aiohttp import web

from tests.chaos.wire import Request
from tests.chaos.world import START, Promise, World
from tests.chaos.world_loop import Server, WorldLoop


@pytest.fixture
def world() -> Iterator[World]:
    with closing(World(1)) as world:
        yield world


@pytest.fixture
def loop(world: World) -> Iterator[WorldLoop]:
    with closing(WorldLoop(world)) as loop:
        yield loop


def test_what_fails_fails_the_run(world: World, loop: WorldLoop) -> None:
    async def fail() -> None:
        raise LookupError

    loop.begin(fail())

    with pytest.raises(LookupError):
        world.run(until=START + 1.0)


def test_a_refusal_is_an_answer_and_a_defect_is_none(world: World, loop: WorldLoop) -> None:
    async def break_down(_: web.Request) -> web.Response:
        raise LookupError

    application = web.Application()
    application.router.add_get("/", break_down)
    server = Server(loop, world, application, address="203.0.113.8")
    elsewhere, here = (Request("GET", "8x8.invalid", path, {}, b"") for path in ("/other", "/"))

    assert loop.finish(server.ask(elsewhere)).status == 404
    with pytest.raises(LookupError):
        loop.finish(server.ask(here))


def test_a_promise_that_comes_too_late_wakes_nobody(world: World) -> None:
    """Who gave up on it may be waiting for another one by then."""
    seen: list[object] = []

    def wait_for_two() -> None:
        late, other = Promise[str](world), Promise[str](world)
        world.call_later(2.0, lambda: late.set_result("late"))
        world.call_later(3.0, lambda: other.set_result("in time"))
        with pytest.raises(TimeoutError):
            late.result(1.0)
        seen.append((other.result(5.0), world.now - START))

    world.spawn(wait_for_two)
    world.run(until=START + 10.0)

    assert seen == [("in time", 3.0)]
