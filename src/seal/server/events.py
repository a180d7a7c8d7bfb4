"""News of jobs for the requests that wait for it: told by any thread, heard in the event loop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Events:
    """Belongs to the event loop in which it was made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.over = False
        """There will be no more: the server ends."""

    def tell(self, id: str) -> None:
        """There is news of that job."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._wake, id)

    def end(self) -> None:
        """Nobody is to wait any more."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)

    @contextmanager
    def of(self, id: str) -> Iterator[asyncio.Event]:
        """An event that is set at each piece of news of that job."""
        event = asyncio.Event()
        self._waiting.setdefault(id, set()).add(event)
        try:
            yield event
        finally:
            others = self._waiting[id]
            others.discard(event)
            if not others:
                del self._waiting[id]

    def _end(self) -> None:
        self.over = True
        for id in self._waiting:
            self._wake(id)

    def _wake(self, id: str) -> None:
        for event in self._waiting.get(id, ()):
            event.set()
