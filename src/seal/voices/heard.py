"""What a speaker of a recording sounds like: an embedding of where nobody else talks.

A transcript says where that is. Up to MOST seconds of it, the longest first, are embedded in
pieces (CAM++), and the mean of the pieces is the voice; a piece that sounds like somebody else is
left out, for labels are not always right. It knows nothing of who is known.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seal.acoustic.arrays import Floats
from seal.acoustic.rescore import LATE, recording_of
from seal.errors import SealError
from seal.progress import Progress
from seal.words import Word, check_times, sessions, speakers

MOST = 30.0
"""Seconds of a speaker that are embedded."""

LEAST = 2.0
"""Seconds below which there is no voice: as few could be anybody's."""

PIECE = 5.0
"""Seconds that are embedded at once, more or less: what is longer is cut evenly."""

SHORTEST = 0.7
"""Seconds of a stretch that is taken."""

GAP = 0.4
"""Seconds of silence that a stretch may have between two words."""

APART = 0.1
"""Seconds from somebody else's words: times are not exact."""

SURE = 0.5
"""Of `speaker_confidence`, below which a word is left out."""

STRANGE = 0.3
"""Cosine of a piece with the mean of the others, below which it is left out."""

QUIET = 1e-4
"""Root mean square below which there is no sound."""

Span = tuple[float, float]
"""(start, end) in seconds."""


class Heard(NamedTuple):
    """A speaker's voice in one recording."""

    vector: Floats
    """Unit embedding [SIZE]."""
    seconds: float
    """Of speech that it was made from."""


def hear(
    words: Sequence[Word],
    source: str | Path,
    only: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Heard]:
    """The voices of a conversation's speakers, or of one of them; not of those who hardly speak
    alone (LEAST).

    `source` is the recording or a folder with it; `progress` gets the share that is done. Raises
    SealError where there is no such recording, or it ends before the words.
    """
    from seal.acoustic import audio

    check_times(words, "voices")
    path = recording_of(source, words[0]["session_id"])
    wanted = speakers(words) if only is None else [only]
    pieces = [(span, name) for name in wanted for span in _pieces(stretches(words, name))]
    pieces.sort()
    report = progress or (lambda share: None)
    audio.duration(path)  # raises SealError if this is no recording
    sounds = audio.excerpts(path, [span for span, _ in pieces])
    found: dict[str, list[tuple[Floats, float]]] = {}
    for done, (((start, _), name), (samples, read)) in enumerate(zip(pieces, sounds, strict=True)):
        if start > read + LATE:
            raise SealError(
                f"{path}: ends after {read:.0f} s, but there are words at {pieces[-1][0][0]:.0f} s;"
                " is it their recording?"
            )
        embedded = _embedded(samples)
        if embedded is not None:
            found.setdefault(name, []).append(embedded)
        report(done / len(pieces))
    report(1.0)
    voices = {name: _mean(found[name]) for name in wanted if name in found}
    return {name: voice for name, voice in voices.items() if voice.seconds >= LEAST}


def hear_one(
    words: Sequence[Word], source: str | Path, speaker: str, progress: Progress | None = None
) -> Heard:
    """The voice of one speaker. Raises SealError where there is no such speaker, or too little
    speech."""
    there = speakers(words)
    if speaker not in there:
        raise SealError(f"speaker: there is no {speaker!r}; there are {', '.join(there)}")
    voice = hear(words, source, speaker, progress).get(speaker)
    if voice is None:
        raise SealError(f"{speaker!r} speaks alone for less than {LEAST:g} s, which is no voice")
    return voice


def conversation(words: Sequence[Word], session: str | None) -> list[Word]:
    """The words of the conversation that is meant, or of the only one. Raises SealError where
    there is none, or several."""
    found = dict(sessions(words))
    if session is None and len(found) == 1:
        session = next(iter(found))
    if session not in found:
        raise SealError(f"session: name one of {', '.join(found) or 'none'}")
    return [words[index] for index in found[session]]


def stretches(words: Sequence[Word], name: str) -> list[Span]:
    """Where a speaker talks and nobody else does, the longest first."""
    others = sorted(
        (word["start_time"] - APART, word["end_time"] + APART)
        for word in words
        if word["speaker"] != name or not _sure(word)
    )
    starts = [start for start, _ in others]
    ends = list(accumulate((end for _, end in others), max))

    def alone(first: float, last: float) -> bool:
        before = bisect_left(starts, last)
        return before == 0 or ends[before - 1] <= first

    own = sorted(
        (word["start_time"], word["end_time"])
        for word in words
        if word["speaker"] == name and _sure(word)
    )
    runs: list[Span] = []
    for start, end in own:
        if end <= start or not alone(start, end):
            continue
        first, last = runs[-1] if runs else (start, -GAP - 1.0)
        if start - last <= GAP and alone(first, max(last, end)):
            runs[-1] = (first, max(last, end))
        else:
            runs.append((max(start, last), end))
    long = [(start, end) for start, end in runs if end - start >= SHORTEST]
    return sorted(long, key=lambda span: span[0] - span[1])


def _sure(word: Word) -> bool:
    """Whether it is certain enough who said the word, and alone."""
    if word.get("reviewed") is True:
        return True
    confidence = word.get("speaker_confidence")
    if isinstance(confidence, (int, float)) and confidence < SURE:
        return False
    scores = word.get("speaker_scores") or {}
    return not any(score >= SURE for who, score in scores.items() if who != word["speaker"])


def _pieces(runs: Sequence[Span]) -> list[Span]:
    """The stretches cut to about PIECE seconds, MOST in all."""
    pieces: list[Span] = []
    left = MOST
    for start, end in runs:
        end = min(end, start + left)
        if end - start < SHORTEST:
            break
        count = max(1, round((end - start) / PIECE))
        edges = np.linspace(start, end, count + 1)
        pieces += zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        left -= end - start
    return pieces


def _embedded(samples: Floats) -> tuple[Floats, float] | None:
    """(Unit embedding, seconds) of a piece; None where there is no sound."""
    from seal.acoustic import audio, embedding

    seconds = len(samples) / audio.RATE
    if seconds < SHORTEST / 2 or float(np.sqrt((samples**2).mean())) < QUIET:
        return None
    bank = embedding.filterbank(samples)
    return embedding.vectors(embedding.load(), bank[None])[0], seconds


def of_speech(samples: Floats) -> Heard | None:
    """The voice of samples at 16 kHz in which one person talks; None where there is no sound."""
    from seal.acoustic import audio

    samples = samples[: round(MOST * audio.RATE)]
    count = max(1, round(len(samples) / audio.RATE / PIECE))
    found = [_embedded(piece) for piece in np.array_split(samples, count)]
    pieces = [piece for piece in found if piece is not None]
    return _mean(pieces) if pieces else None


def _mean(pieces: Sequence[tuple[Floats, float]]) -> Heard:
    """The voice of pieces, by their seconds, without those that are strange to the others."""
    vectors = np.stack([vector for vector, _ in pieces])
    seconds = np.array([length for _, length in pieces])
    total = _unit(seconds @ vectors)
    keep = vectors @ total >= STRANGE
    if not keep.any():
        keep[:] = True
    return Heard(
        _unit(seconds[keep] @ vectors[keep]).astype(np.float32), float(seconds[keep].sum())
    )


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))
