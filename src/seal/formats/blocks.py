"""Text in blocks: each has a head, which says whose it is and perhaps when it begins, and a body.

A format finds the heads. What stands before the first is nobody's. A block is split where the
speaker changes, under a head of the same make whose time is that of the word.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from seal.errors import SealError
from seal.formats import foreign, names, overlaps
from seal.formats.labelled import parted, styles_in, words_in
from seal.formats.names import Candidate
from seal.formats.reading import LETTER, Entry, Original, Source, original, runs
from seal.parsing import LATEST, quoted, split_time
from seal.words import Word

SLOWEST = 3
"""Times as long as its letters take a block lasts at most, where only the next one has a time."""

_CLOCK = re.compile(
    r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2})(?:([.,])(\d{1,6}))?|(\d{1,6})(?:\.(\d{1,6}))?"
)
TIME = r"\d{1,3}(?::\d{2}){1,2}(?:[.,]\d{1,6})?"

Place = tuple[int, int]


class Head(NamedTuple):
    """Where a head stands in the text, and its parts; those that it has not are None."""

    first: int
    last: int
    name: str | None
    named: Place
    """Where the name stands, or would."""
    start: Place | None = None
    end: Place | None = None


class Block(NamedTuple):
    """A head, its words' places, and its time in seconds."""

    head: Head
    words: list[Place]
    start: float
    end: float


class Blocks(NamedTuple):
    text: str
    blocks: list[Block]


def seconds(text: str) -> float:
    """A clock's time, or seconds."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise SealError(f"not a time: {text!r}")
    hours, minutes, rest, _, part, whole, _ = match.groups()
    if whole is not None:
        return float(text)
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(rest) + float(f"0.{part or 0}")


def clock(time: float, like: str) -> str:
    """A time written as another is."""
    match = _CLOCK.fullmatch(like)
    assert match is not None  # it was read
    hours, minutes, _, mark, part, whole, parts = match.groups()
    digits = len(parts or "") if whole is not None else len(part or "")
    units = int(time * 10**digits + 1e-6)
    fraction = f"{units % 10**digits:0{digits}}" if digits else ""
    units //= 10**digits
    if whole is not None:
        return f"{units}.{fraction}" if fraction else str(units)
    text = f"{units // 60 % 60:0{len(minutes)}}:{units % 60:02}"
    if hours is not None:
        text = f"{units // 3600:0{len(hours)}}:{units // 60 % 60:02}:{units % 60:02}"
    elif units >= 3600:
        text = f"{units // 60}:{units % 60:02}"
    return f"{text}{mark}{fraction}" if fraction else text


def accepted(heads: Sequence[Head], sure: bool = False) -> list[Head]:
    """The heads whose names are some, judged by all; the others are text."""
    told = [Candidate(head.name, sure, False) for head in heads if head.name is not None]
    known = names.accepted(told, len(heads), cues=False)
    return [head for head in heads if head.name is None or head.name in known]


def read(source: Source, heads: Sequence[Head], said: str | None = None) -> Original:
    """The words of the blocks under these heads. `said` is the text in which what nobody says is
    blank."""
    text, blocks = source.text if said is None else said, []
    timed: list[tuple[float, float, list[Entry]]] = []
    asides: list[str] = []
    if not heads:
        raise SealError(f"{source.path}: {foreign.NO_SPEAKERS}")
    before = list(words_in(text, 0, heads[0].first))
    if before:
        source.notes.append(f"{len(before)} words before the first name are nobody's")
    starts = [_start(source, head) for head in heads]
    now, speaker = 0.0, None
    for number, head in enumerate(heads):
        stop = heads[number + 1].first if number + 1 < len(heads) else len(text)
        words, others = parted(text, head.last, stop)
        asides += others
        length = LETTER * sum(len(word.text) + 1 for word in words)
        start, after = starts[number], starts[number + 1] if number + 1 < len(heads) else None
        begin = now if start is None else start
        if head.end is not None:
            end = max(begin, _time(source, head, head.end))
        elif start is None or after is None:
            end = begin + length
        else:
            end = max(begin, min(after, begin + SLOWEST * length))
        now = end
        speaker = speaker if head.name is None else head.name
        times = split_time([word.text for word in words], begin, end) if words else []
        entries = [
            Entry(word.text, *time, speaker, number, estimated=True, whole=word.whole)
            for word, time in zip(words, times, strict=True)
        ]
        timed.append((begin, end, entries))
        blocks.append(Block(head, [(word.start, word.end) for word in words], begin, end))
    if all(head.start is not None for head in heads):
        overlaps.keep_whole(timed)
    entries = [entry for *_, own in timed for entry in own]
    kept, styles = Blocks(source.text, blocks), styles_in([text[heads[0].first :]])
    return original(source, entries, kept, asides, styles)


def _start(source: Source, head: Head) -> float | None:
    return None if head.start is None else _time(source, head, head.start)


def _time(source: Source, head: Head, place: Place) -> float:
    time = seconds(source.text[slice(*place)])
    if time > LATEST:
        line = source.text.count("\n", 0, head.first) + 1
        raise SealError(f"{source.path}: line {line}: not a time of 0 to {LATEST:.0f} s")
    return time


def write(original: Original, words: list[Word], gap: str, bare: str = "{}: ") -> str:
    """The text with other speakers. `gap` goes between the pieces of a block; `bare` is how a name
    is written where a head has none."""
    text, blocks = original.kept
    pieces, done = [], 0
    parts: dict[int, list[int]] = {}
    for index, number in enumerate(original.places):
        parts.setdefault(number, []).append(index)
    current: str | None = None
    for number, block in enumerate(blocks):
        inside = [words[index] for index in parts.get(number, ())]
        stop = blocks[number + 1].head.first if number + 1 < len(blocks) else len(text)
        told = [word["speaker"] for word in inside]
        own = block.head.name if block.head.name is not None else current
        if set(told) - {own}:
            pieces += [text[done : block.head.first], _split(text, block, inside, stop, gap, bare)]
            done = stop
        current = told[-1] if told else block.head.name or current
    return "".join([*pieces, text[done:]])


def _split(text: str, block: Block, words: list[Word], stop: int, gap: str, bare: str) -> str:
    """A block as it is under other heads."""
    opening = text[block.head.last : block.words[0][0]]
    between = opening[: len(opening) - len(opening.lstrip())]
    made = []
    for name, first, last in runs(word["speaker"] for word in words):
        begin = block.words[first][0] if first else block.head.last
        end = block.words[last][0] if last < len(words) else stop
        body = text[begin:end] if last == len(words) else text[begin:end].rstrip()
        starts = words[first]["start_time"] if first else None
        ends = words[last - 1]["end_time"] if last < len(words) else None
        head = _head(text, block.head, name, starts, ends, bare)
        made.append(head + (between if first else "") + body)
    return gap.join(made)


def _head(
    text: str, head: Head, name: str, start: float | None, end: float | None, bare: str
) -> str:
    edits = [(*head.named, bare.format(name) if head.name is None else name)]
    if head.name == name:
        edits = []
    for place, time in ((head.start, start), (head.end, end)):
        if place is not None and time is not None:
            edits.append((*place, clock(time, text[slice(*place)])))
    made, done = "", head.first
    for first, last, new in sorted(edits):
        made += text[done:first] + new
        done = last
    return made + text[done : head.last]


def new_name(name: str, format: str, marks: str = "") -> str:
    """The name, as the head of a new block has it. Raises SealError for one that would be read as
    another: with a line or spaces in it that go, or one of `marks`."""
    if name != names.canonical(name) or any(mark in name for mark in marks):
        raise SealError(f"{format}: the speaker {quoted(name)} cannot be a name in a text")
    return name


def gap_of(original: Original) -> str:
    """What stands between two blocks."""
    text, blocks = original.kept
    for one, other in pairwise(blocks):
        if one.words:
            space = text[one.words[-1][1] : other.head.first]
            if space.isspace():
                return str(space)
    return "\r\n\r\n" if "\r\n" in text else "\n\n"


def lines_of(text: str) -> list[Place]:
    """Where the lines stand that are not empty, without the space before and after them."""
    found, start = [], 0
    for line in text.split("\n"):
        if line.strip():
            lead = len(line) - len(line.lstrip())
            found.append((start + lead, start + len(line.rstrip())))
        start += len(line) + 1
    return found
