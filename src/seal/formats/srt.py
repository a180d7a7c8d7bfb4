"""SRT subtitles whose text names the speakers: `A: hello`, `[SPEAKER_00]: hello`.

A cue without a name goes on with the last one. A cue's time is shared out among its words. Where
the speaker changes inside a cue, the rest stands on a line of its own there.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from seal.errors import SealError
from seal.formats import labelled, overlaps, relabel, subtitles
from seal.formats.labelled import Labelled
from seal.formats.reading import Entry, Original, Source, original
from seal.formats.subtitles import Layout
from seal.parsing import counted, split_time
from seal.words import Word

HOLDS = {"turn times"}
NUMBERS = None

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
ARROW = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}(?:[ \t][^\n]*)?", re.ASCII)
_SETTINGS = re.compile(r"-->[ \t]*[\d:.,]{5,20}[ \t]+[^\s]")
_LINE = re.compile(r"[^\n]*(?:\n|$)")

Cue = tuple[float, float, tuple[int, int]]
"""Start, end, and where its text stands."""


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, str) and any(map(ARROW.fullmatch, _head(content)))


def _head(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.split("\n", 12)[:12]]


def read(source: Source) -> Original:
    return read_cues(source, scanned(source), cues(source))


def scanned(source: Source) -> Labelled:
    """The labels and words of its cues."""
    return labelled.scan(source.text, [body for *_, body in cues(source)], False, cues=True)


def read_cues(source: Source, scanned: Labelled, found: list[Cue]) -> Original:
    """The words of subtitles, each with its part of its cue's time."""
    speakers = scanned.speakers()
    said: list[tuple[float, float, list[Entry]]] = []
    place = 0
    for start, end, (opens, stop) in found:
        first = place
        while place < len(scanned.tokens) and scanned.tokens[place].start < stop:
            place += 1
        tokens = scanned.tokens[first:place]
        times = split_time([token.text for token in tokens], start, end) if tokens else []
        words = [
            Entry(token.text, *time, speaker, estimated=True, whole=token.whole)
            for token, time, speaker in zip(tokens, times, speakers[first:place], strict=True)
        ]
        said.append((start, end, words))
        if end < start:
            line = source.text.count("\n", 0, opens)
            source.notes.append(f"line {line}: a cue that ends before it begins; it has no length")
    overlaps.keep_whole(said)
    if scanned.labels and not scanned.names():
        opening = scanned.text[scanned.labels[0].start :]
        mark = "chevron (>>)" if opening.startswith((">>", "&gt;&gt;")) else "dash"
        source.notes.append(f"no names in it: each {mark} is taken for the other of two speakers")
    entries = [entry for *_, words in said for entry in words]
    placed = len(_SETTINGS.findall(source.text))
    settings = [f"settings of {counted(placed, 'cue')}"] if placed else []
    return original(source, entries, scanned, scanned.asides, scanned.styles + settings)


def cues(source: Source) -> list[Cue]:
    """Start, end and place of the text of each cue. Raises SealError for a cue without times."""
    found: list[Cue] = []
    lines = [(m.end(), m[0].strip()) for m in _LINE.finditer(source.text) if m[0]]
    place = f"{source.path}: line"
    number = 0
    while number < len(lines):
        after, line = lines[number]
        following = lines[number + 1][1] if number + 1 < len(lines) else ""
        blank_before = number == 0 or not lines[number - 1][1]
        if "-->" in line:
            match = ARROW.fullmatch(line)
            if not match:
                raise SealError(f"{place} {number + 1}: not '00:00:01,000 --> 00:00:02,500'")
            found.append((seconds(match.groups()[:4]), seconds(match.groups()[4:]), (after, after)))
        elif line.isdigit() and "-->" in following:
            pass  # a cue's number, also where no empty line is before it
        elif blank_before and line.isdigit() and following:
            raise SealError(f"{place} {number + 2}: a cue without its times ('… --> …')")
        elif found:
            start, end, (first, _) = found[-1]
            found[-1] = (start, end, (first, after))
        elif line:
            raise SealError(f"{place} {number + 1}: a cue without its times ('… --> …')")
        number += 1
    return found


def seconds(parts: Sequence[str | None]) -> float:
    """Hours, minutes, seconds and parts of one, as subtitles have them."""
    hours, minutes, whole, part = parts
    fraction = int((part or "0").ljust(3, "0")) / 1000
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(whole or 0) + fraction


def write(original: Original, words: list[Word]) -> str:
    return rewritten(original, words, scanned)


def rewritten(original: Original, words: list[Word], scanned: Callable[[Source], Labelled]) -> str:
    """Subtitles with other speakers; `scanned` reads what is written again."""
    before: Labelled = original.kept
    line = "\r\n" if "\r\n" in before.text else "\n"
    speakers = [str(original.values.get(word["speaker"], word["speaker"])) for word in words]
    if speakers == before.speakers():
        return before.text
    return relabel.rewrite(
        before, speakers, line, lambda text: scanned(replace(original.source, text=text))
    )


def new(words: list[Word], layout: Layout = subtitles.DEFAULT) -> str:
    label = labelled.model_label({word["speaker"] for word in words}, "srt")
    if any("-->" in word["words"] for word in words):
        raise SealError(
            "srt: a word has '-->' in it, which begins a cue there; take another format"
        )
    blocks = [
        f"{number}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n"
        f"{label.format(cue.speaker)}{cue.text()}\n"
        for number, cue in enumerate(subtitles.cues(words, layout, label.format), start=1)
    ]
    return "\n".join(blocks)


def clock(seconds: float, mark: str) -> str:
    """A time as subtitles have it."""
    whole = round(seconds * 1000)
    hours, rest = divmod(whole, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
