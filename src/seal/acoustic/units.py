"""Units: stretches of one speaker's words that are short enough to be one voice, and their voices.

A speaker's words are cut where they pause, where they grow long and, if asked for, where sentences
end; what others say meanwhile is left out of the sound. Each unit is embedded (CAM++,
`embedding.py`), in one pass over the recording, which is streamed. It knows nothing of who is
right. What reads and embeds audio is imported in the functions that do, since the default
(`correctors/best.py`) mostly has no recording.
"""

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seal import memory
from seal.acoustic.arrays import Floats
from seal.progress import Progress
from seal.words import Word

PAUSE = 0.4
"""Seconds of silence at which a unit ends."""

LEAST = 0.25
"""Seconds of sound below which there is no voice."""

FRAME = 0.01
"""Seconds of a row of features."""

ROUND = 10
"""Rows of features that lengths are rounded to, so that many are as long as each other."""

BATCH = 8
"""Units of one length that are embedded together."""

TIDY = 4
"""Of those batches, after which freed memory goes back to the system."""


@dataclass(frozen=True)
class Unit:
    """Words of one speaker, by their indices, and the spans of sound, in seconds, in which nobody
    else speaks by the labels; `shared` where there is hardly such a span, and the spans are all."""

    words: tuple[int, ...]
    spans: tuple[tuple[float, float], ...]
    shared: bool = False

    @property
    def seconds(self) -> float:
        return sum(end - start for start, end in self.spans)


def cut(
    words: Sequence[Word], labels: Sequence[int], most: float, ends: Collection[int] = ()
) -> list[Unit]:
    """The units of words in time order by their speakers `labels` [W], of `most` seconds, in the
    order of their first words. Every word is in one, and none goes on behind a word of `ends`
    (indices)."""
    runs: list[list[int]] = []
    open_: dict[int, list[int]] = {}
    for index, (word, speaker) in enumerate(zip(words, labels, strict=True)):
        run = open_.get(speaker)
        if (
            run is None
            or run[-1] in ends
            or word["start_time"] - words[run[-1]]["end_time"] > PAUSE
            or _end(word, most) - words[run[0]]["start_time"] > most
        ):
            run = open_[speaker] = []
            runs.append(run)
        run.append(index)
    return [_unit(words, labels, run, most) for run in runs]


def _end(word: Word, most: float) -> float:
    """The word's end in seconds: not later than `most` after its start, for some tools' words last
    until the next one, and a wrong time must not make a unit of an hour."""
    return float(min(word["end_time"], word["start_time"] + most))


def _unit(words: Sequence[Word], labels: Sequence[int], run: Sequence[int], most: float) -> Unit:
    """The run with the sound in which its speaker is alone."""
    speaker = labels[run[0]]
    start, end = words[run[0]]["start_time"], max(_end(words[index], most) for index in run)
    others = []
    index = run[0] - 1  # words before that may reach into it: a few
    while index >= 0 and words[index]["start_time"] > start - 3.0:
        others.append(index)
        index -= 1
    index = run[0] + 1
    while index < len(words) and words[index]["start_time"] < end:
        others.append(index)
        index += 1
    busy = sorted(
        (words[other]["start_time"], words[other]["end_time"])
        for other in others
        if labels[other] != speaker and words[other]["end_time"] > start
    )
    free, at = [], start
    for first, last in busy:
        if first > at:
            free.append((at, min(first, end)))
        at = max(at, last)
    if at < end:
        free.append((at, end))
    kept = tuple((first, last) for first, last in free if last - first > 5 * FRAME)
    if sum(last - first for first, last in kept) >= LEAST:
        return Unit(tuple(run), kept)
    return Unit(tuple(run), ((start, max(end, start + FRAME)),), shared=bool(busy))


def embed(path: str | Path, units: Sequence[Unit], progress: Progress) -> Floats:
    """[U, SIZE] unit embeddings; zeros where less than LEAST is to be heard. Raises SealError."""
    from seal.acoustic import embedding

    model = embedding.load()
    vectors = np.zeros((len(units), embedding.SIZE), dtype=np.float32)
    alike: dict[int, list[tuple[int, Floats]]] = {}
    batches = itertools.count()

    def together(group: list[tuple[int, Floats]]) -> None:
        if next(batches) % TIDY == 0:
            memory.give_back()
        indices, banks = zip(*group, strict=True)
        vectors[list(indices)] = embedding.vectors(model, np.stack(banks))

    for done, (index, bank) in enumerate(_banks(path, units)):
        group = alike.setdefault(len(bank), [])
        group.append((index, bank))
        if len(group) == BATCH:
            together(alike.pop(len(bank)))
        progress(done / len(units))
    for group in alike.values():
        together(group)
    return vectors


def embed_spans(
    path: str | Path, spans: Sequence[tuple[float, float]], progress: Progress
) -> Floats:
    """[S, SIZE] unit embeddings of the sound of S spans in seconds; zeros where there is less than
    LEAST of it. Raises SealError."""
    return embed(path, [Unit((index,), (span,)) for index, span in enumerate(spans)], progress)


def _banks(path: str | Path, units: Sequence[Unit]) -> Iterator[tuple[int, Floats]]:
    """Yield (index of the unit, features of its spans), from the first to begin to the last."""
    from seal.acoustic import audio, embedding

    order = sorted(range(len(units)), key=lambda index: units[index].spans[0])
    sounds = audio.excerpts(
        path, [(units[index].spans[0][0], units[index].spans[-1][1]) for index in order]
    )
    for index, (samples, _) in zip(order, sounds, strict=True):
        spans = units[index].spans
        if len(samples) < LEAST * audio.RATE:
            continue
        bank = embedding.filterbank(samples)
        times = spans[0][0] + (np.arange(len(bank)) + 0.5) * FRAME
        kept = np.zeros(len(bank), dtype=bool)
        for start, end in spans:
            kept |= (times >= start) & (times < end)
        rows = bank[kept]
        if len(rows) * FRAME >= LEAST - 2 * FRAME:
            yield index, rows[: len(rows) // ROUND * ROUND]
