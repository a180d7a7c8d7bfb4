"""New subtitles as they are delivered: how words become cues, lines and times on screen.

A cue is of one speaker, of few lines of few letters, long enough to be read and no longer than it
should stand. Breaks go where a sentence or a clause ends, and lines are of about one length. It
knows no format: SRT, WebVTT and .sbv ask it.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from seal.formats import turns
from seal.formats.turns import STOP
from seal.unspaced import columns, gap
from seal.words import Word


class Layout(NamedTuple):
    """What a cue may be: letters a line (those as wide as a Chinese character count twice), lines,
    and seconds on screen."""

    width: int = 42
    lines: int = 2
    shortest: float = 1.0
    longest: float = 7.0


class Cue(NamedTuple):
    """What stands on screen at once: its words in lines, and when."""

    start: float
    end: float
    lines: list[list[Word]]

    @property
    def speaker(self) -> str:
        return str(self.lines[0][0]["speaker"])

    @property
    def length(self) -> float:
        return self.end - self.start

    def text(self) -> str:
        return "\n".join(turns.said(line) for line in self.lines)


DEFAULT = Layout()

TOLERANCE = 1e-3
"""Seconds: times are written in thousandths."""

_PAUSE = re.compile(r"[,;:–—、，][\"'”’)\]]*$")
_MARK = re.compile(r"[-‐–—>\[(]|&gt;")


def cues(
    words: Sequence[Word], layout: Layout, label: Callable[[str], str] = lambda name: ""
) -> list[Cue]:
    """The words in cues; `label` is what stands before the first line of a speaker's."""
    found: list[Cue] = []
    for turn in turns.grouped(words):
        room = columns(label(turn[0]["speaker"]))
        for part in _parts(turn, layout, room):
            start, end = part[0]["start_time"], max(word["end_time"] for word in part)
            found.append(Cue(start, end, _lines(part, layout, room)))
    found.sort(key=lambda cue: cue.start)  # what two say at once stands in cues of its own
    return _joined(_lengthened(found, layout), layout, label)


def _lengthened(cues: list[Cue], layout: Layout) -> list[Cue]:
    """The cues, the short ones longer: into the free time after them, then into that before."""
    found: list[Cue] = []
    free = 0.0
    for place, cue in enumerate(cues):
        after = cues[place + 1].start if place + 1 < len(cues) else float("inf")
        start, end = cue.start, cue.end
        if end - start < layout.shortest:
            end = max(end, min(start + layout.shortest, after))
            start = min(start, max(end - layout.shortest, free))
        found.append(cue._replace(start=round(start, 3), end=round(end, 3)))
        free = max(free, found[-1].end)
    return found


def _joined(cues: list[Cue], layout: Layout, label: Callable[[str], str]) -> list[Cue]:
    """The cues, those that are still too short with a neighbour of the same speaker in one."""
    found: list[Cue] = []
    for cue in cues:
        short = found and min(found[-1].length, cue.length) < layout.shortest - TOLERANCE
        if short and found[-1].speaker == cue.speaker:
            both = [word for one in (found[-1], cue) for line in one.lines for word in line]
            room = columns(label(cue.speaker))
            start, end = found[-1].start, max(found[-1].end, cue.end)
            if end - start <= layout.longest and _fits(both, layout, room):
                found[-1] = Cue(start, end, _lines(both, layout, room))
                continue
        found.append(cue)
    return found


def _parts(turn: list[Word], layout: Layout, room: int) -> list[list[Word]]:
    """A turn in cues at the least cost: the cost of cues is that of each, one after another."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for last in range(1, len(turn) + 1):
        choices = []
        for first in range(last - 1, -1, -1):
            part = turn[first:last]
            if first < last - 1 and not _fits(part, layout, room):
                break
            cost = best[first][0] + _cost(part, layout, last == len(turn))
            choices.append((cost, first))
        best.append(min(choices))
    parts, last = [], len(turn)
    while last:
        first = best[last][1]
        parts.append(turn[first:last])
        last = first
    return parts[::-1]


def _fits(part: list[Word], layout: Layout, room: int) -> bool:
    letters = columns(turns.said(part)) + room
    if letters > layout.width * layout.lines:
        return False
    if part[-1]["end_time"] - part[0]["start_time"] > layout.longest:
        return False
    return _broken(part, layout, room) is not None


def _cost(part: list[Word], layout: Layout, ends_turn: bool) -> float:
    """What speaks against a cue: a break in a sentence, a word alone, too short a time."""
    cost = 1.0
    last = part[-1]["words"]
    if not ends_turn and not STOP.search(last):
        cost += 1.0 if _PAUSE.search(last) else 2.0
    if len(part) == 1:
        cost += 6.0
    length = part[-1]["end_time"] - part[0]["start_time"]
    cost += 4.0 * (length < layout.shortest) + 2.0 * max(layout.shortest - length, 0.0)
    return cost + 0.2 * abs(columns(turns.said(part)) / (layout.width * layout.lines) - 0.7)


def _marked(words: list[Word]) -> bool:
    """Whether a line that began so might be read as a change of speaker, or as a name's."""
    named = any(":" in word["words"] or "：" in word["words"] for word in words[:6])
    return named or _MARK.match(words[0]["words"]) is not None


def _lines(part: list[Word], layout: Layout, room: int) -> list[list[Word]]:
    return _broken(part, layout, room) or [part]


def _broken(part: list[Word], layout: Layout, room: int) -> list[list[Word]] | None:
    """The words in lines of about one length; None where they do not fit into so many."""
    whole = columns(turns.said(part))
    if whole + room <= layout.width or layout.lines < 2:
        return [part] if whole + room <= layout.width else None
    if layout.lines > 2:
        return _filled(part, layout, room)
    best: tuple[float, int] | None = None
    length = 0
    for place in range(1, len(part)):
        length += columns(part[place - 1]["words"])
        after = _gap(part, place)
        over, under = length + room, whole - length - after
        length += after
        if over > layout.width:
            break
        if under > layout.width or _marked(part[place : place + 6]):
            continue
        cost = abs(over - under) - 6 * bool(STOP.search(part[place - 1]["words"]))
        cost -= 3 * bool(_PAUSE.search(part[place - 1]["words"]))
        if best is None or cost < best[0]:
            best = cost, place
    return None if best is None else [part[: best[1]], part[best[1] :]]


def _gap(part: list[Word], place: int) -> int:
    """Letters between a word and the one before it: a space, or none."""
    return len(gap(part[place - 1]["words"], part[place]["words"]))


def _filled(part: list[Word], layout: Layout, room: int) -> list[list[Word]] | None:
    """The words in as many lines as they need, each filled."""
    lines: list[list[Word]] = [[]]
    length = room
    for place, word in enumerate(part):
        before = _gap(part, place) if lines[-1] else 0
        full = lines[-1] and length + before + columns(word["words"]) > layout.width
        if full and not _marked(part[place : place + 6]):
            lines.append([])
            length = before = 0
        lines[-1].append(word)
        length += before + columns(word["words"])
    return lines if len(lines) <= layout.lines else None
