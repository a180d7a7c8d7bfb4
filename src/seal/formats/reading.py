"""What the formats share: a file, and how what a tool wrote becomes a word transcript.

A format's file finds the words (`Entry`) and where their speakers stand; here they get what the
tool left out: a speaker from the neighbours, times between the neighbours', scores of all speakers.
It knows the layout of no format.
"""

import math
import re
from bisect import bisect
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from seal.errors import SealError
from seal.formats import foreign, signs
from seal.formats.document import Document, document
from seal.parsing import LATEST, quoted, split_time
from seal.words import Word

LETTER = 0.07
"""Seconds that a letter takes where nothing is known of times: some 2.5 words a second."""

SLOWEST = 30.0
"""Seconds. Words that last longer, most of them, were not given in seconds."""

ROUNDING = 1e-3
"""By which a tool's confidence may be more than 1, and is 1."""

_SECONDS = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?s?", re.ASCII)

BROKEN = re.compile("[\udc80-\udcff]+")
"""Bytes of a text that are none in its encoding and stay as they are."""


@dataclass
class Source:
    """A file's text (without its mark of byte order, `bom`), and its JSON where it is some."""

    path: Path
    text: str
    bom: str = ""
    encoding: str = "utf-8"
    errors: str = "strict"
    """As of `str.encode`: a byte that was broken is written as it was."""
    returns: bool = False
    """Whether its lines end in carriage returns alone."""
    document: Document | None = None
    rttm: "Source | None" = None
    """The speakers' turns beside a CTM."""
    notes: list[str] = field(default_factory=list)
    """What was taken for granted in reading it, in a few words each."""

    def bytes(self, text: str) -> bytes:
        """Such a text as the file has it."""
        if self.returns:
            text = text.replace("\n", "\r")
        return (self.bom + text).encode(self.encoding, self.errors)

    @property
    def json(self) -> Document:
        """Its JSON. Raises SealError if it is none."""
        if self.document is None:
            self.document = document(self.text, str(self.path))
        return self.document


@dataclass
class Entry:
    """A word as its format has it: times in seconds, the speaker as the tool's own value."""

    text: str
    start: float | None
    end: float | None
    speaker: Any
    place: Any = None
    """Where its speaker stands, for the format's own use."""
    segment: Any = None
    """Words without a speaker take it from a neighbour of the same segment first."""
    fallback: Any = None
    """The segment's own speaker, for a word that has none."""
    confidence: float | None = None
    """The recogniser's."""
    certainty: float | None = None
    """The tool's, in the speaker."""
    scores: dict[str, float] | None = None
    estimated: bool = False
    session_id: str | None = None
    whole: str | None = None
    """The text with the signs beside it that stand alone."""


@dataclass
class Original:
    """What was read: the words, and what their format needs to write them back."""

    source: Source
    words: list[Word]
    places: list[Any] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    """The tool's own value of each speaker's name: an int, a string."""
    holes: list[bool] = field(default_factory=list)
    """Whether a word had no speaker."""
    kept: Any = None
    """What else a format wants to remember."""
    asides: list[str] = field(default_factory=list)
    """What is in the text and is no word, nor beside one: noises, songs."""
    styles: list[str] = field(default_factory=list)
    """How the text is set: italics and the like."""

    def value(self, name: str) -> Any:
        """A speaker as the tool would write it."""
        if name in self.values:
            return self.values[name]
        whole = all(isinstance(value, int) for value in self.values.values())
        return int(name) if whole and name.isdecimal() else name

    def changes(self, words: Sequence[Word]) -> list[bool]:
        """Whether each word's speaker is to be written: it is another, or there was none."""
        return [
            hole or word["speaker"] != before["speaker"]
            for word, before, hole in zip(words, self.words, self.holes, strict=True)
        ]


def seconds(value: Any, place: str, unit: float = 1.0) -> float | None:
    """A time that is a number of `unit` seconds, or text ("1.5", "1.5s"); None stays None.

    Raises SealError naming `place` for anything else.
    """
    if value is None:
        return None
    time = value
    if isinstance(value, str):
        time = float(value.strip().rstrip("s")) if _SECONDS.fullmatch(value.strip()) else None
    if isinstance(time, bool) or not isinstance(time, (int, float)):
        raise SealError(f"{place}: not a time: {quoted(str(value))}")
    if time > LATEST / unit:  # compared so, for a number of any length is no float
        raise SealError(f"{place}: not a time of 0 to {LATEST:.0f} s: {quoted(str(value))}")
    if not 0 <= time * unit <= LATEST:
        raise SealError(f"{place}: not a time of 0 to {LATEST:.0f} s: {float(time * unit):g}")
    return time * unit if unit >= 1 else round(time * unit, 7)


def text_at(item: dict, keys: Sequence[str], place: str) -> str:
    """The first of `keys` that holds a string. Raises SealError naming `place` if none does."""
    for key in keys:
        if isinstance(item.get(key), str):
            return item[key]
    raise SealError(f"{place}: has no '{keys[0]}' that is a string")


def objects(value: Any, place: str) -> list[dict]:
    """A list of objects. None counts as an empty list. Raises SealError for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise SealError(f"{place}: must be a list")
    for number, item in enumerate(value, start=1):
        if not isinstance(item, dict):
            raise SealError(f"{place}: entry {number}: must be an object")
    return value


def share(value: Any, place: str) -> float | None:
    """A confidence in [0, 1], or None. Raises SealError naming `place` for anything else."""
    if value is None:
        return None
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if 1 < number < 1 + ROUNDING:
        return 1.0
    if not 0 <= number <= 1:
        raise SealError(f"{place}: not a confidence in [0, 1]: {quoted(str(value))}")
    return number


def lines_of(text: str) -> Iterator[tuple[int, int, int]]:
    """Number (from 1), start and end of each line."""
    start = 0
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, start, start + len(line)
        start += len(line) + 1


def runs(values: Iterable[Any]) -> Iterator[tuple[Any, int, int]]:
    """Each stretch of equal values: the value, and its first and last place (exclusive)."""
    position = 0
    for value, group in groupby(values):
        size = sum(1 for _ in group)
        yield value, position, position + size
        position += size


def in_time_order(entries: list[Entry]) -> list[Entry]:
    """The words of several channels as they were said; those of one segment keep their order."""
    latest: dict[Any, float] = {}
    keys = []
    for entry in entries:
        before = latest.get(entry.segment, 0.0)
        latest[entry.segment] = max(before, before if entry.start is None else entry.start)
        keys.append(latest[entry.segment])
    return [entries[place] for place in sorted(range(len(entries)), key=lambda at: keys[at])]


def majority(words: Sequence[Word]) -> str:
    """The speaker of the most time; of as much, the first."""
    spent: dict[str, float] = {}
    for word in words:
        length = max(word["end_time"] - word["start_time"], 0.0) + 1e-6
        spent[word["speaker"]] = spent.get(word["speaker"], 0.0) + length
    return max(spent, key=lambda name: spent[name])


def original(
    source: Source,
    entries: list[Entry],
    kept: Any = None,
    asides: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> Original:
    """The word transcript of what a format found, each entry a word.

    Raises SealError where there are no words, nobody speaks, or times are not in seconds.
    """
    if not entries:
        raise SealError(f"{source.path}: no words in it")
    raw: dict[Any, Any] = {}  # names as the file has them, with what is no text
    if source.errors != "strict":
        for entry in entries:
            entry.text = BROKEN.sub("\ufffd", entry.text)
            entry.whole = entry.whole and BROKEN.sub("\ufffd", entry.whole)
            if isinstance(entry.speaker, str):
                shown = BROKEN.sub("\ufffd", entry.speaker)
                raw.setdefault(shown, entry.speaker)
                entry.speaker = shown
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry.speaker, str) and not entry.speaker.strip():
            entry.speaker = None
        if not _names_somebody(entry.speaker):
            raise SealError(
                f"{source.path}: word {number} ({quoted(entry.text)}): its speaker is "
                f"{quoted(str(entry.speaker))}, and no name or number"
            )
    holes = [entry.speaker is None for entry in entries]
    for entry in entries:
        entry.speaker = entry.fallback if entry.speaker is None else entry.speaker
    if all(entry.speaker is None for entry in entries):
        raise SealError(f"{source.path}: {foreign.NO_SPEAKERS}")
    lengths = [e.end - e.start for e in entries if e.end and e.start is not None]
    if len(lengths) > 3 and median(lengths) > SLOWEST and not entries[0].estimated:
        raise SealError(
            f"{source.path}: its words last {median(lengths):.0f} s; are the times milliseconds? "
            "this format has seconds"
        )
    _fill_speakers(entries)
    _fill_times(entries)
    values: dict[str, Any] = {}
    names: dict[str | None, dict[str, None]] = {}
    for entry in entries:
        values.setdefault(str(entry.speaker), raw.get(entry.speaker, entry.speaker))
        own = names.setdefault(entry.session_id, {})
        own.setdefault(str(entry.speaker))
    words = [_word(entry, source, names[entry.session_id]) for entry in entries]
    places = [entry.place for entry in entries]
    return Original(source, words, places, values, holes, kept, list(asides), list(styles))


def _names_somebody(speaker: Any) -> bool:
    """Whether it is a name or a number, or says that nobody was heard."""
    if speaker is None or isinstance(speaker, str):
        return True
    number = isinstance(speaker, (int, float)) and not isinstance(speaker, bool)
    return number and abs(speaker) <= LATEST


MAX_SCORED = 100
"""Speakers, at most, to whom the doubt of a word is shared out: each word gets a score for each."""


def _word(entry: Entry, source: Source, names: Collection[str]) -> Word:
    speaker = str(entry.speaker)
    word: Word = {
        "session_id": source.path.stem if entry.session_id is None else entry.session_id,
        "speaker": speaker,
        "words": entry.text,
        "start_time": entry.start,
        "end_time": entry.end,
    }
    scores = entry.scores
    if scores is None and entry.certainty is not None and len(names) <= MAX_SCORED:
        # A tool that is in doubt of its choice still prefers it to each of the others.
        rest = min((1 - entry.certainty) / max(len(names) - 1, 1), entry.certainty)
        scores = {name: entry.certainty if name == speaker else round(rest, 6) for name in names}
    if scores is not None:
        word["speaker_scores"] = scores
    if entry.confidence is not None:
        word["asr_confidence"] = entry.confidence
    if entry.estimated:
        word["times_estimated"] = True
    if entry.whole is not None and entry.whole != entry.text:
        word[signs.KEY] = entry.whole
    return word


def _fill_speakers(entries: list[Entry]) -> None:
    """Give words without a speaker their neighbour's: the nearest of their segment, or of all."""
    known = [place for place, entry in enumerate(entries) if entry.speaker is not None]
    inside: dict[Any, list[int]] = {}
    for place in known:
        inside.setdefault(entries[place].segment, []).append(place)
    for place, entry in enumerate(entries):
        if entry.speaker is None:
            near = (entry.segment is not None and inside.get(entry.segment)) or known
            after = bisect(near, place)
            nearest = min(near[max(after - 1, 0) : after + 1], key=lambda at: abs(at - place))
            entry.speaker = entries[nearest].speaker


def _fill_times(entries: list[Entry]) -> None:
    """Give words without times the room between their neighbours."""
    for entry in entries:
        if (entry.start is None) != (entry.end is None):
            entry.start = entry.end = entry.start if entry.end is None else entry.end
            entry.estimated = True
    for untimed, first, last in list(runs(entry.start is None for entry in entries)):
        if not untimed:
            continue
        texts = [entry.text for entry in entries[first:last]]
        start = entries[first - 1].end if first else 0.0
        after = entries[last].start if last < len(entries) else None
        assert start is not None
        if after is None:
            after = start + LETTER * sum(len(text) + 1 for text in texts)
        for entry, (begin, end) in zip(
            entries[first:last], split_time(texts, start, max(start, after)), strict=True
        ):
            entry.start, entry.end, entry.estimated = begin, end, True
