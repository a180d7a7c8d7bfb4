"""Praat's TextGrid in the long text format to references.

A file has one interval tier per speaker, or a recording has one file per party
(`NAME_PARTY.TextGrid`, one tier each). An interval's span is shared out among its words, so tiers
of words and of utterances are both fine. Point tiers, and an aligner's tiers of phones, are
skipped.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seal.corpora.reading import find, in_time_order, spoken_tokens, spread
from seal.errors import SealError
from seal.parsing import line_at, quoted, read_text, seconds
from seal.words import Word


class Tier(NamedTuple):
    """An interval tier: its name, and start, end and text of each interval."""

    name: str
    intervals: list[tuple[float, float, str]]


_QUOTED = r'"((?:[^"]|"")*)"'
_HEAD = re.compile(
    r'\s*File type = "ooTextFile"\s+Object class = "TextGrid"\s+xmin = \S+\s+xmax = \S+\s+'
    r"tiers\? <exists>\s+size = (\d{1,6})\s+item \[\]:\s*"
)
_TIER = re.compile(
    rf'item \[\d+\]:\s*class = "(\w+)"\s+name = {_QUOTED}\s+xmin = \S+\s+xmax = \S+\s+'
    r"(?:intervals|points): size = (\d{1,9})\s*"
)
_INTERVAL = re.compile(
    rf"intervals \[\d+\]:\s*xmin = (\S+)\s+xmax = (\S+)\s+text = {_QUOTED}(?!\")\s*"
)
_POINT = re.compile(rf"points \[\d+\]:\s*(?:number|time) = (\S+)()\s+mark = {_QUOTED}(?!\")\s*")
_TAG = re.compile(r"<[^>]*>")
_WORDS_TIER = re.compile(r"\s+-\s+words$")


def load(source: str | Path) -> dict[str, list[Word]]:
    """Read a TextGrid, or every one below a folder. Tags (`<…>`) go, the words between them stay.

    Raises SealError for a folder without TextGrids, a damaged file (with its line), or a speaker
    who has two files.
    """
    recordings: dict[str, list[Word]] = {}
    first: dict[tuple[str, str], Path] = {}
    for file in find(source, "*.TextGrid", "a TextGrid corpus"):
        spoken_tiers = [tier for tier in tiers(file) if not tier.name.endswith("phones")]
        for tier in spoken_tiers:
            name, speaker = file.stem, _WORDS_TIER.sub("", tier.name)
            if len(spoken_tiers) == 1 and "_" in name:
                name, speaker = name.rsplit("_", 1)
            if (name, speaker) in first:
                other = first[name, speaker]
                raise SealError(
                    f"{file}: {quoted(speaker)} of {quoted(name)} is in {other} already"
                )
            first[name, speaker] = file
            recordings.setdefault(name, []).extend(tier_words(name, speaker, tier))
    return in_time_order(recordings, source)


def tier_words(session_id: str, speaker: str, tier: Tier) -> Iterator[Word]:
    """The words of a tier's intervals, without tags and stand-alone punctuation."""
    for start, end, text in tier.intervals:
        yield from spread(session_id, speaker, spoken_tokens(_TAG.sub(" ", text)), start, end)


def tiers(file: Path) -> list[Tier]:
    """The interval tiers of a TextGrid. Raises SealError with the line where it is damaged."""
    text = read_text(file)

    def damaged(position: int, expected: str) -> SealError:
        return SealError(f"{file}: line {line_at(text, position)}: {expected} expected")

    head = _HEAD.match(text)
    if not head:
        raise damaged(0, "a TextGrid in Praat's long text format")
    result, position = [], head.end()
    for _ in range(int(head[1])):
        tier = _TIER.match(text, position)
        if not tier:
            raise damaged(position, "a tier (item [N]:)")
        kind, name, size = tier.groups()
        position = tier.end()
        line = line_at(text, position)
        pattern = _INTERVAL if kind == "IntervalTier" else _POINT
        intervals = []
        for number in range(1, int(size) + 1):
            match = pattern.match(text, position)
            if not match:
                raise damaged(position, f"entry {number} of {size} of the tier {quoted(name)}")
            if kind == "IntervalTier":
                place = f"{file}: line {line}"
                start, end = seconds(match[1], place), seconds(match[2], place)
                intervals.append((start, end, match[3].replace('""', '"')))
            line += text.count("\n", position, match.end())
            position = match.end()
        if kind == "IntervalTier":
            result.append(Tier(name.replace('""', '"'), intervals))
    if position < len(text):
        raise damaged(position, "the end of the file")
    return result
