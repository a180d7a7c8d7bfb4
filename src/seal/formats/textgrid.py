"""Praat's TextGrid in its long form, as Praat, ELAN and aligners write it: a tier a speaker.

Tiers of points, and an aligner's of phones, are passed over. Of a tier that changes all intervals
are written anew, those that stay with their own numbers.
"""

import re
from typing import Any, NamedTuple

from seal.errors import SealError
from seal.formats import tiers
from seal.formats.reading import Original, Source
from seal.formats.tiers import Interval
from seal.parsing import line_at, quoted, seconds
from seal.words import Word, speakers

HOLDS = {"word times"}
NUMBERS = None
TIERS = True
lost = tiers.lost

_QUOTED = r'"((?:[^"]|"")*+)"'
_HEAD = re.compile(
    r'\s*File type = "ooTextFile"\s+Object class = "TextGrid"\s+xmin = \S+\s+xmax = \S+\s+'
    r"tiers\? <exists>\s+size = (\d{1,6})\s+item ?\[\]:\s*"
)
_TIER = re.compile(
    rf'item ?\[\d+\]:?\s*class = "(\w+)"\s+name = {_QUOTED}\s+xmin = (\S+)\s+xmax = (\S+)\s+'
    r"(?:intervals|points): size = (\d{1,9})\s*"
)
_INTERVAL = re.compile(
    rf"intervals ?\[\d+\]:?\s*xmin = (\S+)\s+xmax = (\S+)\s+text = {_QUOTED}(?!\")\s*"
)
_POINT = re.compile(rf"points ?\[\d+\]:?\s*(?:number|time) = (\S+)()\s+mark = {_QUOTED}(?!\")\s*")
_WORDS_TIER = re.compile(r"\s+-\s+words$")


class Found(NamedTuple):
    """An interval tier as it stands in the text."""

    name: str
    intervals: list[Interval]
    size: tuple[int, int]
    """Where the number of its intervals stands."""
    spans: list[tuple[int, int]]
    """Where each interval stands, with the space after it."""
    end: float


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, str) and re.match(r'\s*File type = "ooTextFile', content) is not None


def parse(text: str, path: Any) -> list[Found]:
    """The interval tiers. Raises SealError with the line where it is damaged."""

    def damaged(position: int, expected: str) -> SealError:
        return SealError(f"{path}: line {line_at(text, position)}: {expected} expected")

    head = _HEAD.match(text)
    if not head:
        raise damaged(0, "a TextGrid in Praat's long text format")
    found, position, line, counted = [], head.end(), 1, 0
    for _ in range(int(head[1])):
        tier = _TIER.match(text, position)
        if not tier:
            raise damaged(position, "a tier (item [N]:)")
        kind, name, _, end, size = tier.groups()
        position = tier.end()
        pattern = _INTERVAL if kind == "IntervalTier" else _POINT
        intervals, spans = [], []
        for number in range(1, int(size) + 1):
            match = pattern.match(text, position)
            if not match:
                raise damaged(position, f"entry {number} of {size} of the tier {quoted(name)}")
            if kind == "IntervalTier":
                line += text.count("\n", counted, position)
                counted = position
                place = f"{path}: line {line}"
                times = seconds(match[1], place), seconds(match[2], place)
                intervals.append(Interval(*times, match[3].replace('""', '"'), number - 1))
                spans.append(match.span())
            position = match.end()
        if kind == "IntervalTier":
            last = intervals[-1].end if intervals else seconds(end, f"{path}: tier {name}")
            name = name.replace('""', '"')
            found.append(Found(name, intervals, tier.span(5), spans, last or 0.0))
    if position < len(text):
        raise damaged(position, "the end of the file")
    return found


def read(source: Source) -> Original:
    found = parse(source.text, source.path)
    spoken = [tier for tier in found if not tier.name.endswith("phones")]
    named = [tiers.Tier(_WORDS_TIER.sub("", tier.name), tier.intervals) for tier in spoken]
    return tiers.read(source, named)


def write(original: Original, words: list[Word]) -> str:
    text = original.source.text
    found = [tier for tier in parse(text, original.source.path) if not tier.name.endswith("phones")]
    pieces, done = [], 0
    for at, said in sorted(tiers.moved(original, words).items()):
        tier = found[at]
        whole = _filled(tier, said)
        first, last = tier.spans[0][0], tier.spans[-1][1]
        pieces += [text[done : tier.size[0]], str(len(whole)), text[tier.size[1] : first]]
        pieces += [_interval(text, tier, place, one) for place, one in enumerate(whole, 1)]
        end = text[tier.spans[-1][0] : last]
        pieces[-1] = pieces[-1].rstrip() + end[len(end.rstrip()) :]
        done = last
    return "".join([*pieces, text[done:]])


def _filled(tier: Found, said: list[Interval]) -> list[Interval]:
    """The intervals with silence between them: that which was there, where it still is."""
    silent = {(one.start, one.end): one for one in tier.intervals if not one.text.strip()}
    whole: list[Interval] = []
    now = tier.intervals[0].start or 0.0
    for one in said:
        start = max(one.start or 0.0, now)
        if start > now + 1e-6:
            whole.append(silent.get((now, start), Interval(now, start, "")))
        whole.append(one if one.start == start else one._replace(start=start))
        now = max(one.end or 0.0, start)
    if now < tier.end - 1e-6:
        whole.append(silent.get((now, tier.end), Interval(now, tier.end, "")))
    return whole


def _interval(text: str, tier: Found, place: int, interval: Interval) -> str:
    """An interval as the tier's others are: after the first, or its own where it was there."""
    number = interval.number
    first, last = tier.spans[0 if number is None else number]
    model = text[first:last]
    match = _INTERVAL.match(model)
    assert match is not None  # it was read
    times = (match[1], match[2])
    if number is None or interval != tier.intervals[number]:
        times = (_number(interval.start or 0.0), _number(interval.end or 0.0))
    said = interval.text.replace('"', '""')
    made, done = "", 0
    for (begin, end), new in zip(
        (match.span(1), match.span(2), match.span(3)), (*times, said), strict=True
    ):
        made += model[done:begin] + new
        done = end
    made += model[done:]
    made = re.sub(r"\[\d+\]", f"[{place}]", made, count=1)
    space = text[tier.spans[0][0] : tier.spans[0][1]]
    return made.rstrip() + space[len(space.rstrip()) :]


def _number(time: float) -> str:
    return f"{time:.6f}".rstrip("0").rstrip(".") or "0"


def new(words: list[Word]) -> str:
    names = speakers(words)
    end = max((word["end_time"] for word in words), default=0.0)
    text = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\n'
    text += f"xmax = {_number(end)}\ntiers? <exists>\nsize = {len(names)}\nitem []:\n"
    for place, name in enumerate(names, start=1):
        own = tiers.apart([word for word in words if word["speaker"] == name])
        tier = Found(name, [Interval(0.0, end, "")], (0, 0), [], end)
        whole = _filled(tier, [one for one in own if one.text.strip()])
        text += f'    item [{place}]:\n        class = "IntervalTier"\n'
        escaped = name.replace('"', '""')
        text += f'        name = "{escaped}"\n        xmin = 0\n        xmax = {_number(end)}\n'
        text += f"        intervals: size = {len(whole)}\n"
        for number, one in enumerate(whole, start=1):
            said = one.text.replace('"', '""')
            text += f"        intervals [{number}]:\n            xmin = {_number(one.start or 0)}\n"
            text += f'            xmax = {_number(one.end or 0)}\n            text = "{said}"\n'
    return text
