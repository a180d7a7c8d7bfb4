"""STM, NIST's references: a segment a line, `session channel speaker start end <label> words`.

A segment is a speaker's: it is split in two lines where the speaker changes. Its time is shared out
among its words. Of alternatives (`{ a / b }`) the first is the word; comments, noises and lines
without a speaker stay as they are.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from seal.errors import SealError
from seal.formats import turns
from seal.formats.reading import Entry, Original, Source, lines_of, original, runs
from seal.formats.signs import spoken
from seal.parsing import seconds as time_of
from seal.parsing import split_time
from seal.words import Word

HOLDS = {"turn times", "conversations"}
NUMBERS = None

_LINE = re.compile(
    r"(?P<head>[ \t]*\S+[ \t]+\S+[ \t]+)(?P<speaker>\S+)(?P<gap>[ \t]+)(?P<start>\S+)"
    r"(?P<middle>[ \t]+)(?P<end>\S+)(?P<label>(?:[ \t]+<[^>]*>)?)(?P<text>[^\n]*)"
)
_TOKEN = re.compile(r"\{[^{}]*\}|\S+")
_NOBODY = ("inter_segment_gap", "excluded_region")
_IGNORED = "ignore_time_segment_in_scoring"


class Segment(NamedTuple):
    """A line that is to be scored: its number, its parts, and its times in seconds."""

    number: int
    match: re.Match[str]
    start: float
    end: float

    @property
    def session_id(self) -> str:
        return self.match["head"].split()[0]

    @property
    def channel(self) -> str:
        return self.match["head"].split()[1]


class Split(NamedTuple):
    """A line that is somebody's: its parts, and where its words stand in its text."""

    match: re.Match[str]
    spans: list[tuple[int, int]]


def segments(text: str, path: Path) -> Iterator[Segment]:
    """The segments of an STM file's text, without comments and what is not to be scored.

    Raises SealError for a line that is none.
    """
    for number, begin, stop in lines_of(text):
        place, line = f"{path}: line {number}", text[begin:stop].strip()
        if not line or line.startswith(";;"):
            continue
        match = _LINE.match(text, begin, stop)
        if not match:
            raise SealError(f"{place}: not 'session channel speaker start end <label> words'")
        start, end = time_of(match["start"], place), time_of(match["end"], place)
        ignored = _IGNORED in (match["label"] + match["text"]).lower()
        if not ignored and match["speaker"].lower() not in _NOBODY:
            yield Segment(number, match, start, end)


def recognise(name: str, content: Any) -> bool:
    lines = [line for line in content.splitlines() if line.strip() and line[:2] != ";;"][:5]
    return bool(lines) and all(map(_is_segment, lines))


def _is_segment(line: str) -> bool:
    fields = line.split()
    return len(fields) >= 5 and all(map(_number, fields[3:5])) and fields[0] != "SPEAKER"


def _number(text: str) -> bool:
    return bool(re.fullmatch(r"\d+\.?\d*|\.\d+", text, re.ASCII))


def read(source: Source) -> Original:
    entries: list[Entry] = []
    splits: list[Split] = []
    for segment in segments(source.text, source.path):
        match = segment.match
        words = [(m.span(), _word(m[0])) for m in _TOKEN.finditer(match["text"])]
        words = [(span, word) for span, word in words if spoken(word)]
        texts = [word for _, word in words]
        times = split_time(texts, segment.start, segment.end) if words else []
        for (_, word), (first, last) in zip(words, times, strict=True):
            entry = Entry(word, first, last, match["speaker"], len(splits), segment.number)
            entry.estimated, entry.session_id = len(words) > 1, segment.session_id
            entries.append(entry)
        splits.append(Split(match, [span for span, _ in words]))
    return original(source, entries, kept=splits)


def _word(token: str) -> str:
    """What was said: the first of alternatives, nothing for a noise."""
    if token.startswith("{"):
        return token[1:-1].split("/")[0].strip()
    return "" if re.fullmatch(r"\[.*\]|<.*>", token) else token


def write(original: Original, words: list[Word]) -> str:
    text = original.source.text
    changed = original.changes(words)
    parts: dict[int, list[int]] = {}
    for index, number in enumerate(original.places):
        parts.setdefault(number, []).append(index)
    pieces, done = [], 0
    for number, own in parts.items():
        if any(changed[index] for index in own):
            split = original.kept[number]
            pieces += [text[done : split.match.start()]]
            pieces.append(_lines(split, [words[index] for index in own]))
            done = split.match.end()
    return "".join([*pieces, text[done:]])


def _lines(split: Split, words: list[Word]) -> str:
    match, lines = split.match, []
    text = match["text"]
    for name, first, last in runs(word["speaker"] for word in words):
        begin = split.spans[first][0] if first else 0
        stop = split.spans[last][0] if last < len(words) else len(text)
        part = text[begin:stop]
        start = match["start"] if first == 0 else f"{words[first]['start_time']:.3f}"
        end = match["end"] if last == len(words) else f"{words[last - 1]['end_time']:.3f}"
        lead = " " if first else ""
        part = part if last == len(words) else part.rstrip()
        head = match["head"] + name + match["gap"] + start + match["middle"] + end
        lines.append(head + match["label"] + lead + part)
    return ("\r\n" if text.endswith("\r") else "\n").join(lines)


def new(words: list[Word]) -> str:
    return "".join(
        f"{field(turn[0]['session_id'])} 1 {field(turn[0]['speaker'])} "
        f"{turn[0]['start_time']:.3f} {turn[-1]['end_time']:.3f} {turns.spaced(turn)}\n"
        for turn in turns.grouped(words)
    )


def field(text: str) -> str:
    """A name as one field of a line."""
    return "_".join(text.split()) or "_"
