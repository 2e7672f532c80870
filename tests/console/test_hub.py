"""Listeners get events; one that is too slow is cut off; the end ends all."""

import asyncio

import pytest

from local.console.hub import Hub, event_of


async def test_all_listeners_get_an_event_and_nobody_else() -> None:
    hub = Hub()
    hub.publish("early", 1)
    async with hub.listening() as one, hub.listening() as other:
        hub.publish("now", {"text": "a\nb"})

        expected = event_of("now", {"text": "a\nb"})
        assert (one.get_nowait(), other.get_nowait()) == (expected, expected)
        assert one.empty()
        # A line break within the data would end the event.
        assert expected.count(b"\n") == 3
    assert not hub.has_listeners


async def test_who_is_too_far_behind_is_cut_off() -> None:
    hub = Hub()
    async with hub.listening() as slow, hub.listening() as quick:
        for number in range(600):
            hub.publish("number", number)
            quick.get_nowait()

        with pytest.raises(asyncio.QueueShutDown):
            slow.get_nowait()
        hub.publish("still", "there")
        assert quick.get_nowait() == event_of("still", "there")


async def test_the_end_ends_all_listening_also_that_which_begins_later() -> None:
    hub = Hub()
    async with hub.listening() as queue:
        hub.close()
        with pytest.raises(asyncio.QueueShutDown):
            await queue.get()
    async with hub.listening() as queue:
        with pytest.raises(asyncio.QueueShutDown):
            await queue.get()
