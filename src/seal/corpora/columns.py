"""Conversations to learn from, as columns of numbers: small in memory, and in one file.

A word is made when it is read. So millions of words load in a second, and processes can share a
file instead of copying dicts. Only what training reads is kept: session, speaker, text, times. It
knows the layout of no corpus.
"""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, overload

import numpy as np

from seal.errors import SealError
from seal.files import write_bytes
from seal.words import Word

SUFFIX = ".npz"
"""How the name of such a file ends."""

UNIT = 1e-4
"""Seconds: times are whole numbers of it."""


@dataclass(frozen=True, eq=False)
class Columns(Sequence[Word]):
    """One recording, its words in time order. An item is a word, a slice a list of words."""

    session: str
    names: tuple[str, ...]
    """Its speakers."""
    vocabulary: Sequence[str]
    """Texts; recordings of one file share them."""
    texts: np.ndarray
    """[W]: each word's text, as an index into `vocabulary`."""
    who: np.ndarray
    """[W]: each word's speaker, as an index into `names`."""
    starts: np.ndarray
    """[W]: in UNIT."""
    lengths: np.ndarray
    """[W]: in UNIT."""
    source: tuple[str, int] | None = None
    """The file that it was read from, and its place there: what goes to another process."""

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> Word: ...
    @overload
    def __getitem__(self, index: slice) -> list[Word]: ...
    def __getitem__(self, index: int | slice) -> Word | list[Word]:
        if isinstance(index, slice):
            columns = (self.texts[index], self.who[index], self.starts[index], self.lengths[index])
            return [self._word(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        place = index % len(self)
        return self[place : place + 1][0]

    def __iter__(self) -> Iterator[Word]:
        return iter(self[:])

    def _word(self, text: int, who: int, start: int, length: int) -> Word:
        return {
            "session_id": self.session,
            "speaker": self.names[who],
            "words": self.vocabulary[text],
            "start_time": round(start * UNIT, 4),
            "end_time": round((start + length) * UNIT, 4),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        if self.source is not None:
            return _again, self.source
        values = (self.session, self.names, self.vocabulary, self.texts, self.who)
        return Columns, (*values, self.starts, self.lengths)


def columns(recordings: Iterable[Sequence[Word]]) -> list[Columns]:
    """The recordings as columns. None is empty."""
    known: dict[str, int] = {}
    made: list[Columns] = []
    vocabulary: list[str] = []
    for words in recordings:
        names = tuple(dict.fromkeys(word["speaker"] for word in words))
        number = {name: index for index, name in enumerate(names)}
        starts = np.array([round(word["start_time"] / UNIT) for word in words], dtype=np.int64)
        ends = np.array([round(word["end_time"] / UNIT) for word in words], dtype=np.int64)
        texts = []
        for word in words:
            place = known.setdefault(word["words"], len(known))
            if place == len(vocabulary):
                vocabulary.append(word["words"])
            texts.append(place)
        made.append(
            Columns(
                words[0]["session_id"],
                names,
                vocabulary,
                np.array(texts, dtype=np.int32),
                np.array([number[word["speaker"]] for word in words], dtype=np.uint16),
                starts,
                (ends - starts).astype(np.int32),
            )
        )
    return made


def write_columns(corpora: Sequence[tuple[float, Sequence[Sequence[Word]]]], path: Path) -> None:
    """Write (weight, recordings) of each corpus to one compressed file."""
    made = columns(recording for _, recordings in corpora for recording in recordings)
    everything: dict[str, Any] = {
        "weights": np.array([weight for weight, _ in corpora]),
        "counts": np.array([len(recordings) for _, recordings in corpora]),
        "words": np.array([len(one) for one in made]),
        "speakers": np.array([len(one.names) for one in made]),
        "sessions": _bytes(one.session for one in made),
        "names": _bytes(name for one in made for name in one.names),
        "vocabulary": _bytes(made[-1].vocabulary),
        "texts": np.concatenate([one.texts for one in made]),
        "who": np.concatenate([one.who for one in made]),
        # Differences are small numbers, which compress well.
        "steps": np.concatenate([np.diff(one.starts, prepend=0) for one in made]).astype(np.int32),
        "lengths": np.concatenate([one.lengths for one in made]),
    }
    file = BytesIO()
    np.savez_compressed(file, **everything)
    write_bytes(file.getvalue(), path)


@lru_cache(maxsize=2)
def read_columns(path: str) -> list[tuple[float, list[Columns]]]:
    """(weight, recordings) of each corpus of a file that `write_columns` wrote."""
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        starts, vocabulary = data["steps"].astype(np.int64), _texts(data["vocabulary"])
        sessions, names = _texts(data["sessions"]), _texts(data["names"])
        ends, last = np.cumsum(data["words"]), np.cumsum(data["speakers"])
        made = []
        for index, (end, count) in enumerate(zip(ends, data["words"], strict=True)):
            span = slice(end - count, end)
            made.append(
                Columns(
                    sessions[index],
                    tuple(names[last[index] - data["speakers"][index] : last[index]]),
                    vocabulary,
                    data["texts"][span],
                    data["who"][span],
                    np.cumsum(starts[span]),
                    data["lengths"][span],
                    (path, index),
                )
            )
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile):
        raise SealError(
            f"{path}: not a file of packed conversations; make it with scripts/pack_corpora.py"
        ) from None
    parts = np.cumsum(data["counts"])
    return [
        (float(weight), made[end - count : end])
        for weight, count, end in zip(data["weights"], data["counts"], parts, strict=True)
    ]


def _again(path: str, index: int) -> Columns:
    """The recording at that place of a file."""
    return _recordings(path)[index]


@lru_cache(maxsize=2)
def _recordings(path: str) -> list[Columns]:
    return [one for _, recordings in read_columns(path) for one in recordings]


def _bytes(texts: Iterable[str]) -> np.ndarray:
    return np.frombuffer("\n".join(texts).encode(), dtype=np.uint8)


def _texts(data: np.ndarray) -> list[str]:
    return data.tobytes().decode().split("\n")
