"""RTTM: who spoke when, without words. It is written; words cannot be read from it alone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seal.errors import SealError
from seal.formats import turns
from seal.formats.reading import Original, Source
from seal.formats.stm import field
from seal.parsing import lines, read_text, seconds
from seal.words import Word

Turn = tuple[float, float, str]
"""Start, end and speaker."""

HOLDS = {"turn times", "conversations"}
NUMBERS = None
WRITE_ONLY = True
"""It has no words to read."""


def recognise(name: str, content: Any) -> bool:
    return bool(re.match(r"(?:;;[^\n]*\n|\s)*(?:SPEAKER|SPKR-INFO)[ \t]", content))


def read(source: Source) -> Original:
    raise SealError(
        f"{source.path}: says who spoke when, but has no words; give the CTM with the words "
        "(and this file as --rttm, if its name is another)"
    )


def write(original: Original, words: list[Word]) -> str:
    raise NotImplementedError  # nothing is read from it


def new(words: list[Word]) -> str:
    return "".join(
        line(turn[0]["session_id"], turn[0]["start_time"], turn[-1]["end_time"], turn[0]["speaker"])
        for turn in turns.grouped(words)
    )


def line(session: str, start: float, end: float, speaker: str) -> str:
    """A speaker's turn."""
    times = f"{start:.3f} {max(end - start, 0):.3f}"
    return f"SPEAKER {field(session)} 1 {times} <NA> <NA> {field(speaker)} <NA> <NA>\n"


class Turns:
    """The speakers' turns of a session, or of one of its channels."""

    def __init__(self, turns: list[Turn]) -> None:
        self.starts, self.ends = (np.array([turn[side] for turn in turns]) for side in (0, 1))
        self.names = list(dict.fromkeys(name for _, _, name in turns))
        self.whose = np.array([self.names.index(name) for _, _, name in turns])

    def speaker(self, start: float, end: float) -> str:
        """Who speaks most in [start, end], or nearest to it."""
        overlap = np.minimum(self.ends, end) - np.maximum(self.starts, start)
        shared = np.bincount(self.whose, weights=overlap.clip(min=0))
        if shared.max() > 0:
            return self.names[int(shared.argmax())]
        return self.names[int(self.whose[overlap.argmax()])]


def speaker_turns(file: Path) -> Iterator[tuple[str, str, Turn]]:
    """Session, channel and turn of each SPEAKER line of an RTTM file, in the file's order.

    Raises SealError for a line that is none.
    """
    for number, line in lines(read_text(file), comment=";;"):
        fields = line.split()
        if fields[0] != "SPEAKER":  # RTTM has lines for noises, words and more
            continue
        place = f"{file}: line {number}"
        if len(fields) < 8:
            raise SealError(f"{place}: not 'SPEAKER session channel start length … name …'")
        start, length = seconds(fields[3], place), seconds(fields[4], place)
        yield fields[1], fields[2], (start, start + length, fields[7])


def same_channel(name: str) -> str:
    """A channel under one name: A is 1, B is 2."""
    return {"A": "1", "B": "2"}.get(name.upper(), name)
