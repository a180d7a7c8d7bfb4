"""Connections that ask nothing, bodies that do not come, transcripts that take too long to read."""

import asyncio
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from seal import words
from seal.errors import SealError
from seal.server import connections, reader, upload
from seal.server.connections import Connection, Gate
from test_server import JSON, TOKEN, files, post, refused, serving, talk


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the size of the body; /large with 20 MB."""
    if scope["type"] != "http":
        return
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    answer = b"x" * 20_000_000 if scope["path"] == "/large" else str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer})


@contextmanager
def listening(most: int = 20) -> Iterator[tuple[str, int]]:
    """The address of a server in a thread, with `most` connections."""
    sock = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application, http=partial(Connection, Gate(most)), log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
    thread.start()
    yield sock.getsockname()
    server.should_exit = server.force_exit = True
    thread.join(10)


def closed_within(sock: socket.socket, seconds: float) -> bool:
    """Whether the other side ends it in that time."""
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def test_heads_that_never_end_take_no_place_from_others() -> None:
    with listening(most=20) as address:
        held = [socket.create_connection(address) for _ in range(60)]
        for sock in held:
            sock.sendall(b"GET / HTTP/1.1\r\nX: ")
        asked = httpx2.get(f"http://{address[0]}:{address[1]}/", timeout=30)
        assert asked.status_code == 200
        gone = sum(closed_within(sock, 0.01) for sock in held)
        assert gone >= 50


def test_a_head_has_its_time_however_often_a_byte_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    with listening() as address, socket.create_connection(address) as sock:
        begun = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() < begun + 20:
                sock.sendall(b"G")
                time.sleep(0.05)


def test_after_an_answer_the_next_head_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    with listening() as address, socket.create_connection(address) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n")
        assert closed_within(sock, 4)


def test_who_is_at_work_is_not_sent_away_and_the_next_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    with listening(most=4) as address:  # two an address
        held = [socket.create_connection(address) for _ in range(2)]
        for sock in held:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1")
        time.sleep(0.5)
        with socket.create_connection(address) as late:
            late.settimeout(10)
            assert late.recv(100).startswith(b"HTTP/1.1 503")
        for sock in held:
            sock.sendall(b"2")
            sock.settimeout(10)
            assert sock.recv(100).startswith(b"HTTP/1.1 200")


def test_an_answer_that_nobody_takes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WRITE_SECONDS", 0.5)
    with listening() as address, socket.create_connection(address) as sock:
        sock.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(1.5)
        received = 0
        with pytest.raises(ConnectionError):
            while piece := sock.recv(1 << 20):
                received += len(piece)
            raise ConnectionError
        assert received < 20_000_000


# --- bodies -----------------------------------------------------------------------------------


def test_a_body_that_drips_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MIN_BYTES_PER_SECOND", 1000)
    with serving(tmp_path, idle_seconds=0.4) as client:
        whole = io.BytesIO(words.text_of(talk("yes")).encode())
        assert client.post("/v1/correct", content=whole, headers=JSON).status_code == 200
        app = client.app
        received: list[Any] = []

        async def ask() -> None:
            async def receive() -> dict[str, Any]:
                await asyncio.sleep(0.1)
                return {"type": "http.request", "body": b" ", "more_body": True}

            async def send(message: dict[str, Any]) -> None:
                received.append(message)

            headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
            scope = {"type": "http", "method": "POST", "path": "/v1/correct", "headers": headers}
            scope |= {"query_string": b"", "state": {}, "app": app, "scheme": "http"}
            await app(scope, receive, send)  # type: ignore[operator]

        client.portal.call(ask)  # type: ignore[union-attr]
        assert received[0]["status"] == 408 and b"too slowly" in received[1]["body"]


def test_large_bodies_wait_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[Any] = []
    real = reader.Reader.count

    def count(self: reader.Reader, body: Any, *rest: Any) -> int:
        bodies.append(body)
        return real(self, body, *rest)

    monkeypatch.setattr(reader.Reader, "count", count)
    with serving(tmp_path) as client:
        small, large = talk("yes", "no"), talk("yes", "no" * 300_000)
        for given in (small, large):
            answer = post(client, given, wait="false")
            assert answer.status_code == 202, answer.text
        assert isinstance(bodies[0], bytes) and isinstance(bodies[1], Path)
        job = answer.headers["Location"].rpartition("/")[2]
        stored = client.app.state.service.jobs.input(job)  # type: ignore[attr-defined]
        assert stored in (None, words.text_of(large).encode())
        assert files(client) == []
        refused(post(client, b"[" * 600_000), 400)
        assert files(client) == []


# --- transcripts ------------------------------------------------------------------------------


def test_a_conversation_of_very_many_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        crowd = [{**word, "speaker": f"S{i}"} for i, word in enumerate(talk(*["yes"] * 101))]
        for word in crowd:
            del word["speaker_scores"]
        refused(post(client, crowd), 422, "101 speakers; 100 are the most")
        assert post(client, crowd[:100]).status_code in (200, 202)


def test_reading_has_its_time_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    own = reader.Reader()
    assert own.count(b"A: yes\nB: no\n", "transcript.txt", None) == 2
    monkeypatch.setattr(reader, "READ_SECONDS", 0.3)
    monkeypatch.setattr(own, "_start", silent(own._start))
    with pytest.raises(SealError, match="longer than"):
        own.count(b"A: yes\n", "transcript.txt", None)
    monkeypatch.undo()
    assert own.count(b"A: yes\nB: no\n", "transcript.txt", None) == 2
    own.stop()


def silent(start: Callable[[], Any]) -> Callable[[], Any]:
    """A process that hears nothing."""

    class Pipe:
        def send(self, question: Any) -> None: ...

        def poll(self, seconds: float) -> bool:
            time.sleep(seconds)
            return False

        def close(self) -> None: ...

    def begin() -> Any:
        start().close()
        return Pipe()

    return begin


def test_a_reader_that_dies_is_started_again() -> None:
    own = reader.Reader()
    own.start()
    assert own._process is not None
    own._process.kill()
    own._process.join()
    assert own.count(b"A: yes\nB: no\n", "transcript.txt", None) == 2
    own.stop()


def test_the_server_answers_while_a_transcript_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader.Reader, "count", lambda *_: time.sleep(2) or 1)
    with serving(tmp_path, TOKEN) as client:
        thread = threading.Thread(target=post, args=(client, talk("yes")))
        thread.start()
        begun = time.monotonic()
        assert client.get("/healthz").status_code == 200
        assert time.monotonic() - begun < 1.5
        thread.join()
