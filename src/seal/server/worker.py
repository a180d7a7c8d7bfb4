"""The worker process: it has the models loaded and does one call of seal after another.

Work comes and results go through a pipe. It knows nothing of HTTP, nor of where jobs are kept, and
the network is closed to the libraries that it loads. The server's own process imports this file,
and loads no model: what loads them is imported inside the functions.
"""

import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from seal import child, memory, words
from seal.errors import Notice, SealError
from seal.progress import StageProgress
from seal.server import payload
from seal.voices.locked import PASSPHRASE

REPORT_INTERVAL = 0.1
"""Seconds between two reports of progress, at least."""


@dataclass(frozen=True)
class WorkItem:
    """One job as the worker sees it: a transcript's bytes, or a recording's path, or both with the
    path of the voice library that it is about."""

    options: dict[str, Any]
    name: str
    transcript: bytes | None = None
    recording: str | None = None
    library: str | None = None


@dataclass(frozen=True)
class WorkResult:
    """What came of a WorkItem: a transcript's bytes, or one line that says why there is none."""

    content: bytes | None = None
    error: str | None = None


class StoppedError(Exception):
    """The result is no longer wanted."""


Perform = Callable[[Sequence[WorkItem], StageProgress], list[WorkResult]]
Load = Callable[[str | None, bool], None]


def work(
    pipe: Connection, perform: Perform, load: Load, corrector: str | None, recordings: bool
) -> None:
    """Run the process: load, report that, then answer lists of WorkItems with lists of WorkResults.

    Sends ("ready",), ("unable", line), ("progress", stage, share) and ("done", results). "stop"
    from the other side ends the current work.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server gets Ctrl-C, and ends this process
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    warnings.simplefilter("ignore", Notice)  # a name in a transcript is not for the log
    child.end_with_parent()
    try:
        load(corrector, recordings)
    except Exception as error:
        pipe.send(("unable", _error_line(error)))
        return
    pipe.send(("ready",))
    while True:
        try:
            items = pipe.recv()
        except EOFError:
            return
        if items == "stop":  # it came too late
            continue
        pipe.send(("done", _perform_safely(perform, items, _reporter(pipe))))
        memory.give_back()


def _perform_safely(
    perform: Perform, items: Sequence[WorkItem], report: StageProgress
) -> list[WorkResult]:
    """Do the work; if several items fail together, try each alone."""
    try:
        return perform(items, report)
    except StoppedError:
        return [WorkResult(error="stopped") for _ in items]
    except Exception as error:
        if len(items) > 1:
            return [_perform_safely(perform, [item], report)[0] for item in items]
        line = _error_line(error)
        path = items[0].recording
        return [WorkResult(error=line.replace(path, items[0].name) if path else line)]


def _reporter(pipe: Connection) -> StageProgress:
    """A callback that sends progress, and raises StoppedError once "stop" has come."""
    last = [0.0]

    def report(stage: str, share: float) -> None:
        if time.monotonic() - last[0] < REPORT_INTERVAL:
            return
        last[0] = time.monotonic()
        if pipe.poll() and pipe.recv() == "stop":
            raise StoppedError
        pipe.send(("progress", stage, float(share)))

    return report


def _error_line(error: Exception) -> str:
    if isinstance(error, SealError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "out of memory; try a shorter recording or transcript"
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("seal"):
        return f"the package {error.name!r} is missing on the server"
    traceback.print_exception(error, file=sys.stderr)
    return f"seal failed ({type(error).__name__}); the server's log says where"


# --- the work ---------------------------------------------------------------------------------


def load(corrector: str | None, recordings: bool) -> None:
    """Load the models for recordings, and those for correction by correcting two words."""
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


def perform(items: Sequence[WorkItem], progress: StageProgress) -> list[WorkResult]:
    """Transcribe a recording, remember or name its voices, take rulings, or correct transcripts by
    the same corrector."""
    if items[0].library is not None:
        return [WorkResult(_voices(items[0], Path(items[0].library), progress))]
    if "merge" in items[0].options:
        return [_taught(item, progress) for item in items]
    if items[0].recording is not None:
        return [WorkResult(words.text_of(_transcribed(items[0], progress)).encode())]
    from seal.correction import correct_many

    transcripts = [
        payload.read(item.transcript or b"", item.name, item.options["from"]) for item in items
    ]
    corrected = correct_many(
        [transcript.words for transcript in transcripts],
        corrector=items[0].options["corrector"],
        progress=progress,
    )
    return [
        WorkResult(transcript.data(answer))
        for transcript, answer in zip(transcripts, corrected, strict=True)
    ]


def _voices(item: WorkItem, library: Path, progress: StageProgress) -> bytes:
    """Remember a speaker's voice, or propose names for the speakers; what came of it as JSON."""
    from seal.voices import heard
    from seal.voices.library import changing, opened, summary
    from seal.voices.proposals import propose

    chosen, secret = item.options, os.environ.get(PASSPHRASE)
    report = partial(progress, "voices")
    spoken = heard.conversation(
        payload.read(item.transcript or b"", "transcript.json").words, chosen["session"]
    )
    if "speaker" not in chosen:
        known = opened(library, secret)
        found = propose(spoken, item.recording or "", known, report)
        return _json([asdict(each) for each in found])
    voice = heard.hear_one(spoken, item.recording or "", chosen["speaker"], report)
    with changing(library, secret) as known:
        return _json(summary(known.add(chosen["name"], *voice)))


def _json(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


def _taught(item: WorkItem, progress: StageProgress) -> WorkResult:
    """A transcript with a person's rulings in it, and what follows from them, as JSON."""
    from seal.exact_json import dumps
    from seal.review import conversation
    from seal.teaching import lesson, places

    said = item.options
    transcript = payload.read(item.transcript or b"", item.name, said["from"]).words
    indices = conversation(transcript, said["session"])
    ruled = places.ruled(
        transcript,
        indices,
        said["undo"],
        [places.parse(text, "set") for text in said["set"]],
        [places.pair(text, "merge") for text in said["merge"]],
        [places.pair(text, "name") for text in said["name"]],
    )
    known = lesson.learn(ruled, indices, progress=progress)
    if said["apply"]:
        ruled = lesson.accept(ruled, lesson.proposals(known, ruled))
    return WorkResult(dumps({"transcript": ruled, **lesson.view(known, ruled)}).encode())


def _transcribed(item: WorkItem, progress: StageProgress) -> list[words.Word]:
    from seal.pipeline import transcribe

    transcript = transcribe(
        item.recording or "",
        speakers=item.options["speakers"],
        min_speakers=item.options["min_speakers"],
        max_speakers=item.options["max_speakers"],
        channels=item.options["channels"],
        language=item.options["language"],
        correct=item.options["correct"],
        corrector=item.options["corrector"],
        progress=progress,
    )
    return [{**word, "session_id": item.name} for word in transcript]
