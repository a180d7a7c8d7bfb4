"""CTM words (`session channel start length word`) and RTTM speakers (NIST's formats) to references.

A word goes to the speaker who overlaps it most, or, where nobody speaks, to the nearest. Channels
count where both files name them alike (A is 1, B is 2), else a session's turns are taken together.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seal.corpora.reading import (
    find,
    in_time_order,
    lines,
    quoted,
    read_text,
    seconds,
    spoken_tokens,
    word,
)
from seal.errors import SealError
from seal.words import Word

Turn = tuple[float, float, str]
"""Start, end and speaker."""


def load(source: str | Path) -> dict[str, list[Word]]:
    """Read every `*.ctm` below a folder with the `*.rttm` there; or a CTM file, with its folder's.

    Raises SealError for a folder without both, a damaged line, a session in two CTM files, or one
    that no RTTM names.
    """
    files = find(source, "*.ctm", "CTM")
    turns = _turns(files[0].parent if Path(source).is_file() else Path(source))
    sessions: dict[str, list[Word]] = {}
    first: dict[str, Path] = {}
    for file in files:
        for number, line in lines(read_text(file), comment=";;"):
            fields = line.split()
            place = f"{file}: line {number}"
            if len(fields) not in (5, 6):
                raise SealError(f"{place}: not 'session channel start length word [confidence]'")
            name, channel, text = fields[0], same_channel(fields[1]), fields[4]
            if first.setdefault(name, file) != file:
                raise SealError(f"{file}: the session {quoted(name)} is in {first[name]} already")
            start, length = seconds(fields[2], place), seconds(fields[3], place)
            if text.startswith("<") or not spoken_tokens(text):
                continue
            known = turns.get((name, channel)) or turns.get((name, None))
            if known is None:
                raise SealError(f"{place}: no RTTM file has the session {quoted(name)}")
            end = round(start + length, 6)
            speaker = known.speaker(start, end)
            sessions.setdefault(name, []).append(word(name, speaker, text, start, end))
    return in_time_order(sessions, source)


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


def _turns(folder: Path) -> dict[tuple[str, str | None], Turns]:
    """The turns of each session and channel, and of each session as a whole (channel None)."""
    found: dict[tuple[str, str | None], list[Turn]] = defaultdict(list)
    for file in find(folder, "*.rttm", "CTM with RTTM"):
        for session, named, turn in speaker_turns(file):
            for channel in (same_channel(named), None):
                found[session, channel].append(turn)
    return {key: Turns(turns) for key, turns in found.items()}


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
