"""News of jobs for the requests that wait: sent by any thread, received in the event loop."""

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

    def notify(self, id: str) -> None:
        """Wake those who wait for news of that job. For any thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._wake, id)

    def end(self) -> None:
        """Wake everybody, since the server ends. For any thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)

    @contextmanager
    def subscribe(self, id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever there is news of that job."""
        event = asyncio.Event()
        self._waiting.setdefault(id, set()).add(event)
        try:
            yield event
        finally:
            events = self._waiting[id]
            events.discard(event)
            if not events:
                del self._waiting[id]

    def _end(self) -> None:
        self.over = True
        for id in self._waiting:
            self._wake(id)

    def _wake(self, id: str) -> None:
        for event in self._waiting.get(id, ()):
            event.set()
