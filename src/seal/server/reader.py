"""Transcripts that clients send, read in a process of its own before they become jobs.

One that takes long, or too much memory, ends that process and holds up no other request. It knows
nothing of jobs, nor of HTTP.
"""

import resource
import signal
import threading
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from seal import child, memory
from seal.errors import SealError, explained
from seal.server import payload
from seal.server.settings import MAX_SPEAKERS
from seal.words import sessions

READ_SECONDS = 30.0
"""Then a transcript is given up; one of 16 MB takes a few."""

MAX_MEMORY_BYTES = 4 << 30
"""What the process may take."""


class NoJsonError(SealError):
    """It was to be JSON, and is not."""


class _Question(NamedTuple):
    body: bytes | Path
    name: str
    format: str | None


class Reader:
    """The process, started again where it had to be ended. For all threads, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: Connection | None = None
        self._process: BaseProcess | None = None

    def start(self) -> None:
        """Start the process, so that the first transcript need not wait for it."""
        with self._lock:
            self._start()

    def stop(self) -> None:
        """End it, even while it reads."""
        if self._process is not None:
            self._process.kill()

    def count(self, body: bytes | Path, name: str, format: str | None) -> int:
        """Words of a transcript, given as bytes or as a file. Raises SealError where it is none or
        cannot be taken, NoJsonError where it should be JSON."""
        with self._lock:
            pipe = self._start()
            try:
                pipe.send(_Question(body, name, format))
                if not pipe.poll(READ_SECONDS):
                    self._end()
                    raise SealError(f"{name}: takes longer than {READ_SECONDS:g} seconds to read")
                answer = pipe.recv()
            except (EOFError, OSError):
                self._end()
                raise SealError(f"{name}: cannot be read; it takes too much memory") from None
        if isinstance(answer, SealError):
            raise answer
        return int(answer)

    def _start(self) -> Connection:
        if self._pipe is not None and self._process is not None and self._process.is_alive():
            return self._pipe
        spawn = get_context("spawn")
        self._pipe, end = spawn.Pipe()
        self._process = spawn.Process(target=_run, args=(end,), name="seal reader", daemon=True)
        with child.safe_path():
            self._process.start()
        end.close()
        return self._pipe

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = None


def _run(pipe: Connection) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server gets Ctrl-C, and ends this process
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    child.end_with_parent()
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_answer(pipe.recv()))
            memory.give_back()


def _answer(question: _Question) -> int | SealError:
    data = question.body
    if isinstance(data, Path):
        data = data.read_bytes()
    try:
        return count(data, question.name, question.format)
    except SealError as error:
        if question.name.endswith(".json") and not payload.is_json(data):
            return NoJsonError(str(error))
        return SealError(str(error))
    except Exception as error:
        return SealError(explained(error) or f"{question.name}: {type(error).__name__}: {error}")


def count(data: bytes, name: str, format: str | None) -> int:
    """Words of a transcript. Raises SealError where it is none, or has too many speakers."""
    words = payload.read(data, name, format).words
    for session, indices in sessions(words):
        names = {words[index]["speaker"] for index in indices}
        for index in indices:
            names.update(words[index].get("speaker_scores") or ())
        if len(names) > MAX_SPEAKERS:
            raise SealError(
                f"{name}: {session!r} has {len(names)} speakers; {MAX_SPEAKERS} are the most taken"
            )
    return len(words)
