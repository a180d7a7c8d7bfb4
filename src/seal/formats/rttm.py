"""RTTM: who spoke when, without words. It is written; words cannot be read from it alone."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from seal.errors import SealError
from seal.formats import turns
from seal.formats.reading import Original, Source
from seal.formats.spans import Spans
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
        self.names = [name for *_, name in turns]
        self.spans = Spans([turn[:2] for turn in turns])

    def speaker(self, start: float, end: float) -> str:
        """Who speaks most in [start, end], or nearest to it; of those who speak as much, whose
        turn is the shortest: an interjection inside another's turn."""
        shared: dict[str, float] = defaultdict(float)
        length: dict[str, float] = {}
        for place in self.spans.overlapping(start, end):
            (low, high), name = self.spans.spans[place], self.names[place]
            shared[name] += min(high, end) - max(low, start)
            length[name] = min(high - low, length.get(name, high - low))
        if not shared:
            return self.names[self.spans.nearest(start, end)]
        return min(shared, key=lambda name: (-round(shared[name], 6), length[name], name))


class Line(NamedTuple):
    """A SPEAKER line: what it says, and where in the text that stands."""

    session: str
    channel: str
    start: float
    length: float
    name: str
    starts: tuple[int, int]
    lengths: tuple[int, int]
    names: tuple[int, int]


_FIELD = re.compile(r"\S+")
_SURE = re.compile(r"<NA>|\d*\.\d+|\d\.?")
_ABSENT = ("<NA>", "<NA>")


def speaker_line(text: str, begin: int, stop: int, place: str) -> Line | None:
    """A line of an RTTM, if it is a speaker's. Spaces in its session or name are part of them where
    `<NA> <NA>` shows where that begins. Raises SealError, naming `place`, for a line that is none.
    """
    fields = [match.span() for match in _FIELD.finditer(text, begin, stop)]
    told = [text[first:last] for first, last in fields]
    if told[:1] != ["SPEAKER"]:  # RTTM has lines for noises, words and more
        return None
    absent = next((n for n in range(5, len(told) - 2) if (told[n], told[n + 1]) == _ABSENT), None)
    name = 7 if absent is None else absent + 2
    if len(told) <= name or (absent is None and len(told) > 10):
        raise SealError(f"{place}: not 'SPEAKER session channel start length … name …'")
    end = len(told)
    while end > name + 1 and len(told) - end < 2 and _SURE.fullmatch(told[end - 1]):
        end -= 1
    if absent is None or end - name > 4:
        end = name + 1
    times = [seconds(told[at], place) for at in (name - 4, name - 3)]
    whole = (fields[name][0], fields[end - 1][1])
    session = " ".join(told[1 : name - 5])
    return Line(session, told[name - 5], times[0], times[1], " ".join(told[name:end]),
                fields[name - 4], fields[name - 3], whole)  # fmt: skip


def speaker_turns(file: Path) -> Iterator[tuple[str, str, Turn]]:
    """Session, channel and turn of each SPEAKER line of an RTTM file, in the file's order.

    Raises SealError for a line that is none.
    """
    for number, line in lines(read_text(file), comment=";;"):
        found = speaker_line(line, 0, len(line), f"{file}: line {number}")
        if found is not None:
            end = found.start + found.length
            yield found.session, found.channel, (found.start, end, found.name)


def same_channel(name: str) -> str:
    """A channel under one name: A is 1, B is 2."""
    return {"A": "1", "B": "2"}.get(name.upper(), name)
