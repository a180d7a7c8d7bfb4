"""The worker process: it has the models loaded and does one call of seal after another.

Tasks come and answers go through a pipe. It knows nothing of HTTP, nor of where jobs are kept, and
the network is closed to the libraries that it loads.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection as pipes
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

from seal import memory, words
from seal.errors import SealError
from seal.progress import StageProgress
from seal.server import payload

OFTEN = 0.1  # seconds between two reports of progress


@dataclass(frozen=True)
class Task:
    """One job as the worker sees it: a transcript's bytes, or a recording's path."""

    options: dict[str, Any]
    name: str
    transcript: bytes | None = None
    recording: str | None = None


@dataclass(frozen=True)
class Outcome:
    """Its result (a transcript's bytes), or the one line that says why there is none."""

    result: bytes | None = None
    error: str | None = None


class StoppedError(Exception):
    """Nobody wants the answer any more."""


Perform = Callable[[Sequence[Task], StageProgress], list[Outcome]]
Load = Callable[[str | None, bool], None]


def work(
    pipe: Connection, perform: Perform, load: Load, corrector: str | None, recordings: bool
) -> None:
    """The process: load, say so, then answer lists of tasks with lists of outcomes until the end.

    Sends ("ready",), ("unable", line), ("progress", stage, share) and ("done", outcomes). "stop"
    from the other side ends the work in hand.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends us
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        load(corrector, recordings)
    except Exception as error:
        pipe.send(("unable", _line(error)))
        return
    pipe.send(("ready",))
    while True:
        try:
            tasks = pipe.recv()
        except EOFError:
            return
        if tasks == "stop":  # it came too late
            continue
        pipe.send(("done", _performed(perform, tasks, _reporter(pipe))))
        memory.give_back()


def _performed(perform: Perform, tasks: Sequence[Task], report: StageProgress) -> list[Outcome]:
    """The outcomes; where the tasks fail together, each has another chance alone."""
    try:
        return perform(tasks, report)
    except StoppedError:
        return [Outcome(error="stopped") for _ in tasks]
    except Exception as error:
        if len(tasks) > 1:
            return [_performed(perform, [task], report)[0] for task in tasks]
        line = _line(error)
        path = tasks[0].recording
        return [Outcome(error=line.replace(path, tasks[0].name) if path else line)]


def _reporter(pipe: Connection) -> StageProgress:
    last = [0.0]

    def report(stage: str, share: float) -> None:
        if time.monotonic() - last[0] < OFTEN:
            return
        last[0] = time.monotonic()
        if pipe.poll() and pipe.recv() == "stop":
            raise StoppedError
        pipe.send(("progress", stage, float(share)))

    return report


def _line(error: Exception) -> str:
    if isinstance(error, SealError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "out of memory; try a shorter recording or transcript"
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("seal"):
        return f"the package {error.name!r} is missing on the server"
    traceback.print_exception(error, file=sys.stderr)
    return f"seal failed ({type(error).__name__}); the server's log says where"


def _end_with_parent() -> None:
    """A server that was killed leaves no worker behind."""
    parent = parent_process()
    if parent is not None:
        pipes.wait([parent.sentinel])
        os._exit(1)


# --- the work ---------------------------------------------------------------------------------


def load(corrector: str | None, recordings: bool) -> None:
    """Correct two words, which loads what correction needs, and try the models for recordings."""
    if recordings:
        from seal.acoustic import asr, embedding, segmentation

        asr.load()
        segmentation.load()
        embedding.load()
    first, second = (
        {"session_id": "", "speaker": name, "words": text, "start_time": time, "end_time": time}
        for name, text, time in (("A", "hello", 0.0), ("B", "hi", 1.0))
    )
    from seal.correction import correct

    correct([first, second], corrector=corrector)


def perform(tasks: Sequence[Task], progress: StageProgress) -> list[Outcome]:
    """Transcribe one recording, or correct transcripts by the same corrector."""
    task = tasks[0]
    if task.recording is not None:
        return [Outcome(words.text_of(_transcribed(task, progress)).encode())]
    from seal.correction import correct_many

    given = [
        payload.read(each.transcript or b"", each.name, each.options["from"]) for each in tasks
    ]
    texts = [each.words for each in given]
    corrected = correct_many(texts, corrector=task.options["corrector"], progress=progress)
    return [Outcome(one.data(after)) for one, after in zip(given, corrected, strict=True)]


def _transcribed(task: Task, progress: StageProgress) -> list[words.Word]:
    from seal.pipeline import transcribe

    found = transcribe(
        task.recording or "",
        speakers=task.options["speakers"],
        correct=task.options["correct"],
        corrector=task.options["corrector"],
        progress=progress,
    )
    return [{**word, "session_id": task.name} for word in found]
