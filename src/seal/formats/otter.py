"""Otter's text: a line `Ann Lee  0:05`, below it what she says, then an empty line.

Its last line, `Transcribed by https://otter.ai`, is nobody's. Zoom's saved captions have
`[Ann Lee] 10:00:05` for a head, a time of the day.
"""

import re
from typing import Any

from seal.formats import blocks, turns
from seal.formats.blocks import Head
from seal.formats.names import canonical
from seal.formats.reading import Original, Source
from seal.words import Word

HOLDS = {"turn times"}
NUMBERS = None
_HEAD = re.compile(
    r"(?:\[(?P<bracket>[^\s\[\]][^\n\t\[\]]{0,79})\][ ]|(?P<name>\S(?:[^\n\t]{0,78}?\S)??)"
    r"(?:[ ]{2,4}|[ ]?\t[ ]?))(?P<start>\d{1,3}(?::\d{2}){1,2})"
)
_FOOTER = re.compile(
    r"(?<=\n)[ \t]*Transcribed by (?:https?://)?(?:www\.)?otter\.ai/?\s*\Z", re.IGNORECASE
)


def recognise(name: str, content: Any) -> bool:
    if not isinstance(content, str):
        return False
    lines = [line.strip() for line in content.split("\n", 12)[:12]]
    return any(_HEAD.fullmatch(line) for line in lines if line)


def _heads(text: str) -> list[Head]:
    found = []
    for start, stop in blocks.lines_of(text):
        match = _HEAD.fullmatch(text, start, stop)
        if match is not None:
            group = "name" if match["bracket"] is None else "bracket"
            name, named = canonical(match[group]), match.span(group)
            found.append(Head(start, stop, name, named, match.span("start")))
    return blocks.accepted(found, sure=True)


def read(source: Source) -> Original:
    said = _FOOTER.sub(lambda match: re.sub(r"\S", " ", match[0]), source.text)
    found = blocks.read(source, _heads(source.text), said)
    found.asides += [match[0].strip() for match in _FOOTER.finditer(source.text)]
    return found


def write(original: Original, words: list[Word]) -> str:
    return blocks.write(original, words, blocks.gap_of(original))


def new(words: list[Word]) -> str:
    made = []
    for turn in turns.grouped(words):
        name = blocks.new_name(turn[0]["speaker"], "otter")
        made.append(f"{name}  {turns.clock(turn[0]['start_time'])}\n{turns.said(turn)}\n")
    return "\n".join(made)
