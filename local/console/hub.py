"""Server-sent events: the listeners, and what they get."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

# Who is so far behind is cut off; the browser comes again and gets all of it anew.
_MOST_WAITING = 500


class Hub:
    """Passes each event to all that listen."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[bytes]] = set()
        self._closed = False

    @property
    def has_listeners(self) -> bool:
        return bool(self._listeners)

    def publish(self, name: str, data: Any) -> None:
        event = event_of(name, data)
        for listener in list(self._listeners):
            try:
                listener.put_nowait(event)
            except asyncio.QueueFull:
                self._listeners.discard(listener)
                listener.shutdown(immediate=True)

    def close(self) -> None:
        """End all listening, now and from now on."""
        self._closed = True
        for listener in self._listeners:
            listener.shutdown(immediate=True)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[bytes]]:
        """Give a queue of events; it is shut down when there are no more."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        if self._closed:
            queue.shutdown()
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)


def event_of(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
