"""Work of the server that needs no model: quick, slow, failing or deadly, as the words ask.

As a program, `stand_in.py DATA` is a server in a process of its own that does this work.
"""

import os
import sys
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seal.errors import SealError
from seal.progress import StageProgress
from seal.server import payload, worker
from seal.server.worker import WorkItem, WorkResult
from seal.teaching import study
from seal.voices import heard
from seal.voices.heard import Heard
from seal.words import Word, speakers


def load(corrector: str | None, recordings: bool) -> None:
    if corrector == "cbs":
        raise SealError("model tiny: there is none of that name")


def perform(items: Sequence[WorkItem], progress: StageProgress) -> list[WorkResult]:
    """Correct without text; a first word of 'sleep 3', 'fail', 'crash' or 'die' is done as well."""
    for item in items:
        name, _, argument = _order(item).partition(" ")
        if name == "sleep":
            _sleep(float(argument), progress)
        elif name == "fail":
            raise SealError("the stand-in was told\nto fail")
        elif name == "crash":
            raise ZeroDivisionError
        elif name == "die":
            os._exit(9)
    if items[0].library is not None:
        heard.hear = _hear
        return worker.perform(items, progress)
    if items[0].recording is not None:
        return [WorkResult(b"[]\n") for _ in items]
    if "merge" in items[0].options:  # rulings, which teach by what is read otherwise
        study.read = lambda conversation, *_: study.unread(conversation)
        return worker.perform(items, progress)
    return worker.perform(
        [replace(item, options={**item.options, "corrector": "hmm"}) for item in items], progress
    )


def _hear(words: Sequence[Word], *_: object, **__: object) -> dict[str, Heard]:
    """A voice for each speaker, which is the speaker's name's."""
    voices = {}
    for name in speakers(words):
        vector = np.random.default_rng(zlib.crc32(name.encode())).normal(size=192)
        voices[name] = Heard((vector / np.linalg.norm(vector)).astype(np.float32), 20.0)
    return voices


def _order(item: WorkItem) -> str:
    if item.recording is not None:
        assert Path(item.recording).is_file()
        return item.name
    found = payload.read(item.transcript or b"", item.name, item.options["from"]).words
    return found[0]["words"] if found else ""


def _sleep(seconds: float, progress: StageProgress) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        progress("sleep", 1 - left / seconds)
        time.sleep(min(left, 0.05))


class Copying:
    """A task for many inputs: writes the input's name."""

    def prepare(self) -> None: ...

    def files(self, source: Path, target: Path) -> tuple[list[Path], list[Path]]:
        return [source], [target]

    def __call__(self, source: Path, target: Path, progress: object = None) -> None:
        target.write_text(source.name)


if __name__ == "__main__":
    from seal.cli.serve import run
    from seal.server.auth import read_tokens
    from seal.server.settings import Settings

    run(
        Settings(Path(sys.argv[1]), read_tokens(None), "hmm"),
        "127.0.0.1",
        0,
        perform=perform,
        load=load,
    )
