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
from seal.formats.textgrid import parse
from seal.parsing import quoted, read_text
from seal.words import Word


class Tier(NamedTuple):
    """An interval tier: its name, and start, end and text of each interval."""

    name: str
    intervals: list[tuple[float, float, str]]


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
    return [
        Tier(tier.name, [(one.start or 0.0, one.end or 0.0, one.text) for one in tier.intervals])
        for tier in parse(read_text(file), file)
    ]
