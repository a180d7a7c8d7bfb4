"""Connections: how many there may be, and how long one may wait without asking anything.

uvicorn waits for a request's head for ever, so that somebody without a token could take all file
handles. It knows bytes and addresses, nothing of what is asked.
"""

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 512
"""In all; fewer where the process may not have twice as many files open."""

CLIENT_SHARE = 2
"""One address may have one part of so many; behind a proxy all clients have one."""

HEAD_SECONDS = 10.0
"""From the connection, or the last answer, to the end of the next request's head."""

WRITE_SECONDS = 60.0
"""An answer of which nothing is taken for so long is given up."""

BACKLOG = 64
"""Connections that the system accepts for us at a time."""

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 10\r\n"
    b"Content-Type: application/json\r\nContent-Length: 36\r\n\r\n"
    b'{"error": "too many are connected"}\n'
)


def most() -> int:
    """Connections that are taken."""
    return min(MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Gate:
    """The connections of one server, oldest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside: dict[Connection, str] = {}

    def enter(self, connection: "Connection") -> bool:
        """Let it in. Where there is no place, the one that has waited longest without asking
        anything has to go. False where all are at work."""
        address = connection.client[0] if connection.client else ""
        same = [other for other, its in self._inside.items() if its == address]
        crowd = None
        if len(same) >= self._most // CLIENT_SHARE:
            crowd = same
        elif len(self._inside) >= self._most:
            crowd = list(self._inside)
        if crowd is not None:
            idle = next((other for other in crowd if not other.at_work), None)
            if idle is None:
                return False
            self.leave(idle)
            idle.transport.abort()
        self._inside[connection] = address
        return True

    def leave(self, connection: "Connection") -> None:
        """It is gone."""
        self._inside.pop(connection, None)


class Connection(H11Protocol):
    """uvicorn's, with limits."""

    def __init__(self, gate: Gate, *rest: Any, **more: Any) -> None:
        super().__init__(*rest, **more)
        self._gate = gate
        self._waiting: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    @property
    def at_work(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not self._gate.enter(self):
            transport.write(_BUSY)
            transport.close()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.leave(self)
        for timer in (self._waiting, self._writing):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.transport.is_closing():
            super().data_received(data)
            self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[no-untyped-call,unused-ignore]
        if self._writing is None:
            self._writing = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()  # type: ignore[no-untyped-call,unused-ignore]
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _watch(self) -> None:
        """Count the time while nothing is asked, whatever bytes come meanwhile."""
        if self.at_work and self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        elif not self.at_work and self._waiting is None:
            self._waiting = self.loop.call_later(HEAD_SECONDS, self._end)

    def _end(self) -> None:
        self._waiting = None
        if not self.at_work:  # else a request has begun that came together with the last one
            self.transport.close()
            self.loop.call_later(WRITE_SECONDS, self.transport.abort)
