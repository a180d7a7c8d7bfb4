"""CTM words with RTTM speakers: two files, of which the second has what is corrected.

A word goes to the speaker who overlaps it most, or is nearest. The CTM is written back as it was;
in the RTTM the time of a word that changed goes from the other speakers' turns to the new one's.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from seal.errors import SealError
from seal.formats import ctm, rttm
from seal.formats.reading import Original, Source, lines_of, original
from seal.formats.rttm import Line, Turns, same_channel, speaker_line
from seal.formats.spans import Spans
from seal.formats.turns import PAUSE
from seal.words import Word

HOLDS = ctm.HOLDS
NUMBERS = None
BESIDE = ".rttm"

SHORTEST = 0.0015
"""Seconds. What is left of a turn and is shorter goes."""


class Turn(NamedTuple):
    """A line of the RTTM: its place, its parts, and its time."""

    first: int
    last: int
    line: Line
    session: str
    """Of the words: its own, or that of the only session of the CTM."""
    start: float
    end: float


def recognise(name: str, content: Any) -> bool:
    return False  # a CTM with an RTTM beside it


def read(source: Source) -> Original:
    entries = ctm.lines(source)
    if source.rttm is None:
        raise SealError(f"{source.path}: there is no RTTM beside it; name it with --rttm")
    turns = _turns(source.rttm, {str(entry.session_id) for entry in entries})
    found: dict[tuple[str, str | None], list] = defaultdict(list)
    for turn in turns:
        for channel in (same_channel(turn.line.channel), None):
            found[turn.session, channel].append((turn.start, turn.end, turn.line.name))
    known = {key: Turns(value) for key, value in found.items()}
    for entry in entries:
        session, channel = str(entry.session_id), same_channel(entry.speaker)
        own = known.get((session, channel)) or known.get((session, None))
        if own is None:
            raise SealError(f"{source.rttm.path}: has no turns of the session {session!r}")
        entry.speaker = own.speaker(entry.start or 0.0, entry.end or 0.0)
    return original(source, entries, kept=turns)


def _turns(source: Source, sessions: set[str]) -> list[Turn]:
    """The turns of an RTTM; one session in it and one in the CTM are the same recording."""
    turns = []
    for number, begin, stop in lines_of(source.text):
        line = speaker_line(source.text, begin, stop, f"{source.path}: line {number}")
        if line is not None:
            start, end = line.start, line.start + line.length
            turns.append(Turn(begin, stop, line, line.session, start, end))
    if len(sessions) == 1 and len({turn.session for turn in turns}) == 1:
        return [turn._replace(session=next(iter(sessions))) for turn in turns]
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
    leaves, gains = _Leaves(words, moved), _after(turns, moved)
    pieces, done = [], 0
    for number, turn in enumerate(turns):
        left = leaves.of(turn)
        made = [source.text[turn.first : turn.last]]
        if left != [(turn.start, turn.end)]:
            made = [_line(source.text, turn, *span, turn.line.name) for span in left]
        for word in gains.get(number, ()):
            span = word["start_time"], word["end_time"]
            made.append(_line(source.text, turn, *span, word["speaker"]))
        text, stop = "\n".join(made), turn.last
        if not text and stop < len(source.text):
            stop += 1  # no empty line for a turn
        pieces += [source.text[done : turn.first], text]
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


def _after(turns: list[Turn], moved: list[Word]) -> dict[int, list[Word]]:
    """The words' new turns, by the turn after which each stands: that which is nearest to it."""
    found: dict[int, list[Word]] = defaultdict(list)
    own: dict[str, list[int]] = defaultdict(list)
    for number, turn in enumerate(turns):
        own[turn.session].append(number)
    spans = {
        session: Spans([(turns[number].start, turns[number].end) for number in numbers])
        for session, numbers in own.items()
    }
    for word in moved:
        session = word["session_id"]
        nearest = spans[session].nearest(word["start_time"], word["end_time"])
        found[own[session][nearest]].append(word)
    return found


class _Leaves:
    """What is left of turns when some of their words have moved to other speakers."""

    def __init__(self, words: list[Word], moved: list[Word]) -> None:
        self.moved = _by(moved, lambda word: word["session_id"])
        self.words = _by(words, lambda word: (word["session_id"], word["speaker"]))

    def of(self, turn: Turn) -> list[tuple[float, float]]:
        """The turn without the time of others' words that moved, but for its speaker's own."""
        left = [(turn.start, turn.end)]
        spans, moved = self.moved.get(turn.session, (Spans([]), []))
        for place in sorted(spans.overlapping(turn.start, turn.end)):
            if moved[place]["speaker"] != turn.line.name:
                low, high = spans.spans[place]
                last = left.pop()
                left += self._without(last, low, high, turn) if last[1] > low else [last]
        return [(start, end) for start, end in left if end - start > SHORTEST]

    def _without(
        self, span: tuple[float, float], low: float, high: float, turn: Turn
    ) -> list[tuple[float, float]]:
        start, end = span
        low, high = max(low, start), min(high, end)
        if low >= high:
            return [span]
        spans, _ = self.words.get((turn.session, turn.line.name), (Spans([]), []))
        inside = [spans.spans[place] for place in spans.overlapping(low, high)]
        kept = sorted((max(first, low), min(last, high)) for first, last in inside)
        return [(start, low), *kept, (high, end)]


def _by(words: list[Word], key: Callable[[Word], Any]) -> dict[Any, tuple[Spans, list[Word]]]:
    """The words of each key, and their times."""
    groups: dict[Any, list[Word]] = defaultdict(list)
    for word in sorted(words, key=lambda word: word["start_time"]):
        groups[key(word)].append(word)
    return {
        one: (Spans([(word["start_time"], word["end_time"]) for word in own]), own)
        for one, own in groups.items()
    }


def _line(text: str, turn: Turn, start: float, end: float, speaker: str) -> str:
    line = turn.line
    (first, second), (third, fourth) = line.starts, line.lengths
    times = f"{start:.3f}{text[second:third]}{end - start:.3f}"
    before, after = line.names
    head, middle = text[turn.first : first], text[fourth:before]
    return f"{head}{times}{middle}{speaker}{text[after : turn.last]}"


def new(words: list[Word]) -> str:
    return ctm.new_lines(words, ["1"] * len(words))


def new_beside(words: list[Word]) -> str:
    """The RTTM of new words: a turn each stretch by one speaker."""
    return rttm.new(words)
