"""Rulings as people write them: `14:07-14:12=B`, a CSV, a JSON list; and the words they are of.

A place is a time or two (`14:07`, `1:02:03.5`, `847.2`, in seconds), or the number of a word or two
(`w12`, `w12-w15`, counted from 1). It knows nothing of files or of models.
"""

import csv
import io
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from seal import rulings
from seal.errors import SealError
from seal.parsing import quoted
from seal.words import Word, normalise

NEAR = 1.0
"""Seconds by which a word may begin or end beside a time that is named for it."""

_TIME = r"(?:\d{1,4}:)?(?:\d{1,4}:)?\d{1,9}(?:\.\d{1,9})?"
_TIMES = re.compile(rf"({_TIME})(?:-({_TIME}))?", re.ASCII)
_NUMBERS = re.compile(r"w(\d{1,9})(?:-w?(\d{1,9}))?", re.ASCII)

COLUMNS = ("place", "speaker")
"""Of a CSV of rulings. `time`, or `start` and `end`, may stand for the place, `after` for the
speaker, as in the list that `--report` writes; `word` is compared where it is there."""


class Wanted(NamedTuple):
    """A ruling that was written: the words at a place are a speaker's."""

    place: str
    speaker: str
    word: str = ""
    """The word that stands there, or nothing."""
    source: str = "--set"
    """What messages about it begin with."""


def parse(text: str, source: str = "--set") -> Wanted:
    """`14:07-14:12=B`. Raises SealError, which begins with `source`."""
    place, equals, speaker = text.partition("=")
    if not equals or not speaker.strip():
        raise SealError(f"{source}: {quoted(text)} is no PLACE=SPEAKER, as in 14:07-14:12=B")
    wanted = Wanted(place.strip(), speaker.strip(), source=source)
    _times(wanted)
    return wanted


def pair(text: str, source: str) -> tuple[str, str]:
    """`A=B`. Raises SealError, which begins with `source`."""
    one, equals, other = text.partition("=")
    if not (one.strip() and equals and other.strip()):
        raise SealError(f"{source}: {quoted(text)} is no A=B")
    return one.strip(), other.strip()


def from_csv(text: str, source: str) -> list[Wanted]:
    """The rulings of a CSV, in its order. Raises SealError with the line of what is wrong."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    names = {name.strip().lower() for name in rows.fieldnames or () if name}
    if not names & {"speaker", "after"} or not names & {"place", "time", "start"}:
        raise SealError(f"{source}: has no columns {' and '.join(COLUMNS)} in its first line")
    found = []
    try:
        for row in rows:
            cells = {str(name).strip().lower(): (cell or "") for name, cell in row.items() if name}
            place = cells.get("place") or cells.get("time") or cells.get("start", "")
            if not cells.get("place") and cells.get("start") and cells.get("end"):
                place = f"{cells['start']}-{cells['end']}"
            speaker = cells.get("speaker") or cells.get("after", "")
            line = f"{source}: line {rows.line_num}"
            if not speaker.strip():
                raise SealError(f"{line}: names no speaker")
            wanted = Wanted(place.strip(), speaker.strip(), cells.get("word", ""), line)
            _times(wanted)
            found.append(wanted)
    except csv.Error as error:
        raise SealError(f"{source}: line {rows.line_num}: is no CSV ({error})") from None
    if not found:
        raise SealError(f"{source}: holds no ruling")
    return found


def ruled(
    words: Sequence[Word],
    indices: Sequence[int],
    undo: bool,
    wanted: Sequence[Wanted],
    merges: Sequence[tuple[str, str]],
    names: Sequence[tuple[str, str]],
) -> list[Word]:
    """The words of a transcript with these rulings of one conversation, in this order; a copy.
    Raises SealError for one that cannot be."""
    result = rulings.undo(words) if undo else list(words)
    if wanted:
        clock = Clock(result, indices)
        found = [(indices_at(result, indices, each, clock), each.speaker) for each in wanted]
        result = rulings.rule_all(result, found)
    for one, other in merges:
        result = rulings.merge(result, indices, one, other)
    for old, new in names:
        result = rulings.name(result, indices, old, new)
    return result


class Clock:
    """The words of a conversation by their times, so that a thousand rulings are looked up fast."""

    def __init__(self, words: Sequence[Word], indices: Sequence[int]) -> None:
        middles = sorted((_middle(words[index]), place) for place, index in enumerate(indices))
        starts = sorted((float(words[index]["start_time"]), index) for index in indices)
        self.words, self.indices = words, indices
        self.middles, self.places = [each[0] for each in middles], [each[1] for each in middles]
        self.starts, self.begun = [each[0] for each in starts], [each[1] for each in starts]
        self.longest = max((float(words[i]["end_time"]) - time for time, i in starts), default=0.0)

    def between(self, start: float, end: float) -> list[int]:
        """The words whose middle lies there, in order."""
        first, after = bisect_left(self.middles, start), bisect_right(self.middles, end)
        return [self.indices[place] for place in sorted(self.places[first:after])]

    def at(self, time: float) -> list[int]:
        """The word that is said then, or begins or ends no more than NEAR beside it; or none."""
        first = bisect_left(self.starts, time - NEAR - self.longest)
        after = bisect_right(self.starts, time + NEAR)
        away = [(_away(self.words[index], time), index) for index in self.begun[first:after]]
        nearest = min(away, default=(float("inf"), 0))
        return [nearest[1]] if nearest[0] <= NEAR else []


def indices_at(
    words: Sequence[Word], indices: Sequence[int], wanted: Wanted, clock: Clock | None = None
) -> list[int]:
    """Which of the words at `indices`, in time order, a ruling is of: those whose middle lies in
    it, or of a single time the word that is said then. Raises SealError where there is none, or
    another word than the ruling has. A `clock` of these words serves many rulings."""
    numbers = _NUMBERS.fullmatch(wanted.place)
    if numbers:
        first, last = int(numbers[1]), int(numbers[2] or numbers[1])
        if not 1 <= first <= last <= len(indices):
            raise SealError(f"{wanted.source}: {wanted.place}: the words are w1 to w{len(indices)}")
        found = list(indices[first - 1 : last])
    else:
        start, end = _times(wanted)
        clock = clock or Clock(words, indices)
        found = clock.at(start) if end is None else clock.between(start, end)
    if not found:
        raise SealError(f"{wanted.source}: {wanted.place}: there is no word then")
    if wanted.word and normalise(wanted.word) not in _texts(words, found):
        raise SealError(
            f"{wanted.source}: {wanted.place}: there is {quoted(words[found[0]]['words'])}, not "
            f"{quoted(wanted.word)}"
        )
    return found


def _texts(words: Sequence[Word], indices: Iterable[int]) -> list[str]:
    texts = [normalise(words[index]["words"]) for index in indices]
    return [*texts, " ".join(texts)]


def _times(wanted: Wanted) -> tuple[float, float | None]:
    if _NUMBERS.fullmatch(wanted.place):
        return 0.0, None
    found = _TIMES.fullmatch(wanted.place)
    if found is None:
        raise SealError(
            f"{wanted.source}: {quoted(wanted.place)} is no place; write 14:07-14:12, seconds, or "
            "the number of a word as w12"
        )
    start, end = _seconds(found[1]), _seconds(found[2]) if found[2] else None
    if end is not None and end < start:
        raise SealError(f"{wanted.source}: {wanted.place} ends before it begins")
    return start, end


def _seconds(text: str) -> float:
    total = 0.0
    for part in text.split(":"):
        total = 60 * total + float(part)
    return total


def _middle(word: Word) -> float:
    return (float(word["start_time"]) + float(word["end_time"])) / 2


def _away(word: Word, time: float) -> float:
    """Seconds between a time and a word; 0 within it."""
    return max(float(word["start_time"]) - time, time - float(word["end_time"]), 0.0)
