"""Annotations in tiers, a tier a speaker: what TextGrid and ELAN share.

A word that goes to another speaker leaves its interval, which is cut there, and becomes one of the
other's tier. Where that has something at the time, it is refused, but for a tenth of a second: a
tier holds one thing at a time.
"""

import warnings
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from seal.errors import Notice, SealError
from seal.formats.labelled import parted, words_in
from seal.formats.reading import Entry, Original, Source, in_time_order, original, runs
from seal.parsing import counted, quoted, split_time
from seal.words import Word

OVERLAP = 0.1
"""Seconds by which what comes into a tier may overlap what is there: it is cut by so much. The time
of a word inside an interval is shared out by letters, and surer by no more."""


class Interval(NamedTuple):
    """A text and its time in seconds; `number` is its place in its tier, None where it is new."""

    start: float | None
    end: float | None
    text: str
    number: int | None = None


class Tier(NamedTuple):
    speaker: str
    intervals: list[Interval]


def read(source: Source, tiers: Sequence[Tier]) -> Original:
    """The words of all tiers in time order. Their places are tier, interval, and place therein."""
    entries, asides = [], []
    for at, tier in enumerate(tiers):
        for interval in tier.intervals:
            words, others = parted(interval.text, 0, len(interval.text))
            texts = [word.text for word in words]
            asides += others
            start, end = interval.start, interval.end
            times: list[Any] = [(start, None)] + [(None, None)] * (len(texts) - 1)
            if texts and start is not None and end is not None:
                times = split_time(texts, start, end)
            timed = zip(words, times[: len(texts)], strict=True)
            for place, (word, (begin, stop)) in enumerate(timed):
                where = (at, interval.number, place)
                entries.append(Entry(word.text, begin, stop, tier.speaker, where, where[:2]))
                entries[-1].estimated, entries[-1].whole = len(texts) > 1, word.whole
    return original(source, in_time_order(entries), tiers, asides)


def moved(original: Original, words: Sequence[Word]) -> dict[int, list[Interval]]:
    """The intervals of each tier that is another now, in time order.

    Raises SealError for a speaker without a tier, and where a tier would say two things at once.
    """
    tiers: Sequence[Tier] = original.kept
    tier_of = {tier.speaker: place for place, tier in reversed(list(enumerate(tiers)))}
    groups: dict[tuple[int, int], list[int]] = {}
    for index, (at, number, _) in enumerate(original.places):
        groups.setdefault((at, number), []).append(index)
    kept: dict[int, dict[int, list[Interval]]] = {}
    added: dict[int, list[Interval]] = {}
    for (at, number), own in groups.items():
        said = [words[index] for index in own]
        if all(word["speaker"] == tiers[at].speaker for word in said):
            continue
        interval = tiers[at].intervals[number]
        kept.setdefault(at, {})[number] = []
        for name, piece in _pieces(interval, said):
            if name == tiers[at].speaker:
                kept[at][number].append(piece)
            elif name not in tier_of:
                raise SealError(
                    f"{original.source.path}: a speaker called {quoted(name)} cannot be written: "
                    "no tier is called so; make one"
                )
            else:
                added.setdefault(tier_of[name], []).append(piece._replace(number=None))
    found = {}
    for at in kept.keys() | added.keys():
        cut = kept.get(at, {})
        left = [
            part
            for place, interval in enumerate(tiers[at].intervals)
            for part in cut.get(place, [interval])
        ]
        found[at] = _in_order(original, tiers[at], [*left, *added.get(at, [])])
    return found


def _pieces(interval: Interval, words: list[Word]) -> Iterable[tuple[str, Interval]]:
    """The parts of an interval by speaker."""
    spans = [place for _, *place in words_in(interval.text, 0, len(interval.text))]
    for name, first, last in runs(word["speaker"] for word in words):
        whole = last == len(words)
        begin = 0 if first == 0 else spans[first][0]
        stop = len(interval.text) if whole else spans[last][0]
        text = interval.text[begin:stop]
        start = interval.start if first == 0 else words[first]["start_time"]
        end = interval.end if whole else words[last - 1]["end_time"]
        number = interval.number if first == 0 and whole else None
        yield name, Interval(start, end, text if whole else text.rstrip(), number)


def _in_order(original: Original, tier: Tier, intervals: list[Interval]) -> list[Interval]:
    """The intervals of a tier in time order, those that are new cut by what they overlap others, if
    that is little. Raises SealError where it is more."""
    said = [one for one in intervals if one.text.strip()]
    said.sort(key=lambda one: one.start or 0.0)
    cut = 0
    for place, (one, other) in enumerate(pairwise(list(said))):
        one = said[place]
        end, start = one.end or 0.0, other.start or 0.0
        if end <= start + 1e-6 or None not in (one.number, other.number):
            continue
        new = other if other.number is None else one
        room = (new.end or end) - end if new is other else start - (new.start or 0.0)
        if end - start > OVERLAP or room <= 0:
            raise SealError(
                f"{original.source.path}: the tier {quoted(tier.speaker)} has something at "
                f"{start:.2f} s already; make a word transcript of it first "
                "(seal convert --to words)"
            )
        if new is other:
            said[place + 1] = other._replace(start=end)
        else:
            said[place] = one._replace(end=start)
        cut += 1
    if cut:
        told = f"the tier {tier.speaker}: {counted(cut, 'interval')} cut by at most {OVERLAP} s"
        warnings.warn(
            f"{original.source.path}: {told}, where another one begins", Notice, stacklevel=2
        )
    return said


def apart(words: list[Word]) -> list[Interval]:
    """A speaker's words as intervals, each of which ends where the next begins at the latest."""
    ordered = sorted(words, key=lambda word: word["start_time"])
    starts = [word["start_time"] for word in ordered[1:]]
    ends = [min(w["end_time"], after) for w, after in zip(ordered, starts, strict=False)]
    ends += [word["end_time"] for word in ordered[len(ends) :]]
    return [
        Interval(word["start_time"], end, word["words"])
        for word, end in zip(ordered, ends, strict=True)
    ]


def lost(words: list[Word]) -> list[str]:
    """A tier says one thing at a time: a word ends where its speaker's next begins."""
    names: dict[str, list[Word]] = {}
    for word in words:
        names.setdefault(word["speaker"], []).append(word)
    cut = any(
        one.end != word["end_time"]
        for own in names.values()
        for one, word in zip(
            apart(own), sorted(own, key=lambda word: word["start_time"]), strict=True
        )
    )
    return ["that a speaker's words overlap"] if cut else []
