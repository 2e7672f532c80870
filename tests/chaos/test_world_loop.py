"""asyncio keeps its promises in virtual time."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from aiohttp import web

from tests.chaos.wire import Reply, Request
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


def a_request(path: str, content: bytes = b"") -> Request:
    return Request("POST" if content else "GET", "8x8.invalid", path, {}, content)


def test_sleepers_wake_in_the_order_of_the_worlds_time(world: World, loop: WorldLoop) -> None:
    seen: list[tuple[str, float]] = []

    async def sleep(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, world.now - START))

    def wait() -> None:
        world.wait(3600.0)
        seen.append(("activity", world.now - START))

    loop.begin(sleep("late", 86_400.0))
    loop.begin(sleep("early", 60.0))
    world.spawn(wait)
    world.run(until=START + 100_000.0)

    assert seen == [("early", 60.0), ("activity", 3600.0), ("late", 86_400.0)]


def test_who_waits_for_an_activity_may_give_up_and_the_activity_goes_on(
    world: World, loop: WorldLoop
) -> None:
    seen: list[object] = []

    def work(seconds: float) -> str:
        world.wait(seconds)
        seen.append(world.now - START)
        return "done"

    async def ask(seconds: float) -> None:
        try:
            async with asyncio.timeout(5.0):
                seen.append(await loop.in_an_activity(lambda: work(seconds)))
        except TimeoutError:
            seen.append("no answer")

    loop.begin(ask(9.0))
    world.run(until=START + 20.0)
    loop.begin(ask(1.0))
    world.run(until=START + 40.0)

    assert seen == ["no answer", 9.0, 21.0, "done"]


def test_what_fails_fails_the_run(world: World, loop: WorldLoop) -> None:
    async def fail() -> None:
        raise LookupError

    loop.begin(fail())

    with pytest.raises(LookupError):
        world.run(until=START + 1.0)


def test_nothing_is_left_behind_when_it_closes(world: World) -> None:
    ends: list[str] = []

    async def sleep() -> None:
        try:
            await asyncio.sleep(3600.0)
        finally:
            ends.append("ended")

    with closing(WorldLoop(world)) as loop:
        loop.begin(sleep())
        world.run(until=START + 1.0)

    assert ends == ["ended"]


class TestServer:
    def test_a_request_goes_through_http(self, world: World, loop: WorldLoop) -> None:
        async def echo(request: web.Request) -> web.Response:
            await asyncio.sleep(2.0)
            said: dict[str, Any] = {
                "content": (await request.read()).decode(),
                "from": request.remote,
                "to": str(request.url),
            }
            return web.json_response(said, headers={"X-At": str(world.now - START)})

        application = web.Application()
        application.router.add_post("/echo", echo)
        server = Server(loop, world, application, address="203.0.113.8")
        replies: list[Reply] = []

        async def ask() -> None:
            replies.append(await server.ask(a_request("/echo", "¡hola!".encode())))

        loop.begin(ask())
        world.run(until=START + 3.0)

        [reply] = replies
        assert (reply.status, reply.headers["x-at"]) == (200, "2.0")
        expected = web.json_response(
            {"content": "¡hola!", "from": "203.0.113.8", "to": "https://8x8.invalid/echo"}
        )
        assert reply.body == expected.body

    def test_a_connection_that_is_dropped(self, world: World, loop: WorldLoop) -> None:
        async def drop(request: web.Request) -> web.Response:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        application = web.Application()
        application.router.add_get("/", drop)
        server = Server(loop, world, application, address="203.0.113.8")

        with pytest.raises(ConnectionResetError):
            loop.finish(server.ask(a_request("/")))

    def test_a_refusal_is_an_answer_and_a_defect_is_none(
        self, world: World, loop: WorldLoop
    ) -> None:
        async def break_down(_: web.Request) -> web.Response:
            raise LookupError

        application = web.Application()
        application.router.add_get("/", break_down)
        server = Server(loop, world, application, address="203.0.113.8")

        assert loop.finish(server.ask(a_request("/elsewhere"))).status == 404
        with pytest.raises(LookupError):
            loop.finish(server.ask(a_request("/")))


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
