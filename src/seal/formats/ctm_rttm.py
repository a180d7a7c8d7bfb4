"""CTM words with RTTM speakers: two files, of which the second has what is corrected.

A word goes to the speaker who overlaps it most, or is nearest. The CTM is written back as it was;
in the RTTM the time of a word that changed goes from the other speakers' turns to the new one's.
"""

import re
from collections import defaultdict
from typing import Any, NamedTuple

from seal.errors import SealError
from seal.formats import ctm, rttm
from seal.formats.reading import Original, Source, lines_of, original
from seal.formats.rttm import Turns, same_channel
from seal.formats.turns import PAUSE
from seal.parsing import seconds as time_of
from seal.words import Word

HOLDS = ctm.HOLDS
NUMBERS = None
BESIDE = ".rttm"

_LINE = re.compile(
    r"(?P<head>[ \t]*SPEAKER[ \t]+(?P<session>\S+)[ \t]+(?P<channel>\S+)[ \t]+)"
    r"(?P<start>\S+)(?P<gap>[ \t]+)(?P<length>\S+)(?P<middle>(?:[ \t]+\S+){2}[ \t]+)"
    r"(?P<speaker>\S+)(?P<rest>[^\n]*)"
)
SHORTEST = 0.0015
"""Seconds. What is left of a turn and is shorter goes."""


class Turn(NamedTuple):
    """A line of the RTTM: its place and parts, and its time."""

    match: re.Match[str]
    start: float
    end: float


def recognise(name: str, content: Any) -> bool:
    return False  # a CTM with an RTTM beside it


def read(source: Source) -> Original:
    entries = ctm.lines(source)
    if source.rttm is None:
        raise SealError(f"{source.path}: there is no RTTM beside it; name it with --rttm")
    turns = _turns(source.rttm)
    found: dict[tuple[str, str | None], list] = defaultdict(list)
    for turn in turns:
        session, who = turn.match["session"], turn.match["speaker"]
        for channel in (same_channel(turn.match["channel"]), None):
            found[session, channel].append((turn.start, turn.end, who))
    known = {key: Turns(value) for key, value in found.items()}
    for entry in entries:
        session, channel = str(entry.session_id), same_channel(entry.speaker)
        own = known.get((session, channel)) or known.get((session, None))
        if own is None:
            raise SealError(f"{source.rttm.path}: has no turns of the session {session!r}")
        entry.speaker = own.speaker(entry.start or 0.0, entry.end or 0.0)
    return original(source, entries, kept=turns)


def _turns(source: Source) -> list[Turn]:
    turns = []
    for number, begin, stop in lines_of(source.text):
        place = f"{source.path}: line {number}"
        if source.text[begin:stop].split()[:1] != ["SPEAKER"]:
            continue
        match = _LINE.match(source.text, begin, stop)
        if not match:
            raise SealError(f"{place}: not 'SPEAKER session channel start length … name …'")
        start, length = time_of(match["start"], place), time_of(match["length"], place)
        turns.append(Turn(match, start, start + length))
    return turns


def write(original: Original, words: list[Word]) -> str:
    return original.source.text


def write_beside(original: Original, words: list[Word]) -> str:
    """The RTTM with other speakers."""
    source = original.source.rttm
    assert source is not None
    moved = _moved(words, original.changes(words))
    if not moved:
        return source.text
    turns: list[Turn] = original.kept
    new = [(word, _model(turns, word)) for word in moved]
    edits = []
    for turn in turns:
        left = [(turn.start, turn.end)]
        for word in moved:
            mine = turn.match["session"] == word["session_id"]
            if mine and turn.match["speaker"] != word["speaker"]:
                left = [part for span in left for part in _without(span, word, turn, words)]
        left = [(start, end) for start, end in left if end - start > SHORTEST]
        lines = [turn.match[0]]
        if left != [(turn.start, turn.end)]:
            lines = [_line(turn, start, end, turn.match["speaker"]) for start, end in left]
        lines += [
            _line(turn, word["start_time"], word["end_time"], word["speaker"])
            for word, model in new
            if model is turn
        ]
        edits.append((turn.match.start(), turn.match.end(), "\n".join(lines)))
    pieces, done = [], 0
    for start, end, text in edits:
        stop = end if text or end == len(source.text) else end + 1  # no empty line for a turn
        pieces += [source.text[done:start], text]
        done = stop
    return "".join([*pieces, source.text[done:]])


def _moved(words: list[Word], changed: list[bool]) -> list[Word]:
    """The words that changed, those that follow one another to one speaker as if one word."""
    moved: list[Word] = []
    last = None
    for word, new in zip(words, changed, strict=True):
        if new and last is not None and _goes_on(last, word):
            moved[-1] = moved[-1] | {"end_time": word["end_time"]}
        elif new:
            moved.append(word)
        last = word if new else None
    return moved


def _goes_on(last: Word, word: Word) -> bool:
    same = all(last[key] == word[key] for key in ("session_id", "speaker"))
    return same and 0 <= word["start_time"] - last["end_time"] < PAUSE


def _model(turns: list[Turn], word: Word) -> Turn:
    """The turn after which a word's new one stands: that which is nearest to it."""
    own = [turn for turn in turns if turn.match["session"] == word["session_id"]]
    start, end = word["start_time"], word["end_time"]
    return max(own, key=lambda turn: min(turn.end, end) - max(turn.start, start))


def _without(
    span: tuple[float, float], word: Word, turn: Turn, words: list[Word]
) -> list[tuple[float, float]]:
    """A span without a word's time, but for that of the speaker's own words in it."""
    start, end = span
    low, high = max(word["start_time"], start), min(word["end_time"], end)
    if low >= high:
        return [span]
    kept = [
        (max(other["start_time"], low), min(other["end_time"], high))
        for other in words
        if other["speaker"] == turn.match["speaker"]
        and other["session_id"] == word["session_id"]
        and other["start_time"] < high
        and other["end_time"] > low
    ]
    return [(start, low), *sorted(kept), (high, end)]


def _line(turn: Turn, start: float, end: float, speaker: str) -> str:
    match = turn.match
    times = f"{start:.3f}{match['gap']}{end - start:.3f}"
    return f"{match['head']}{times}{match['middle']}{speaker}{match['rest']}"


def new(words: list[Word]) -> str:
    return ctm.new_lines(words, ["1"] * len(words))


def new_beside(words: list[Word]) -> str:
    """The RTTM of new words: a turn each stretch by one speaker."""
    return rttm.new(words)
