"""Rev's text: `Speaker 1 (00:03):`, below it or behind it what is said, then an empty line.

The time may stand behind the colon, too: `Speaker 1: (00:03) …`.
"""

import re
from typing import Any

from seal.formats import blocks, turns
from seal.formats.blocks import TIME, Head
from seal.formats.names import canonical
from seal.formats.reading import Original, Source
from seal.words import Word

HOLDS = {"turn times"}
NUMBERS = None
_HEAD = re.compile(
    rf"(?P<name>[^\s:()][^\n:()]{{0,59}}?)[ \t]*"
    rf"(?:[(\[](?P<s1>{TIME})[)\]](?:[:：][ \t]*|(?=\s*$))"
    rf"|[:：][ \t]*[(\[](?P<s2>{TIME})[)\]][ \t]*)"
)


def recognise(name: str, content: Any) -> bool:
    if not isinstance(content, str):
        return False
    first = content.strip().split("\n", 1)[0].strip()
    return _HEAD.match(first) is not None


def _heads(text: str) -> list[Head]:
    found = []
    for start, stop in blocks.lines_of(text):
        match = _HEAD.match(text, start, stop)
        if match is not None:
            place = match.span("s1" if match["s1"] is not None else "s2")
            name = canonical(match["name"])
            found.append(Head(start, match.end(), name, match.span("name"), place))
    return blocks.accepted(found)


def read(source: Source) -> Original:
    return blocks.read(source, _heads(source.text))


def write(original: Original, words: list[Word]) -> str:
    return blocks.write(original, words, blocks.gap_of(original))


def new(words: list[Word]) -> str:
    made = []
    for turn in turns.grouped(words):
        name = blocks.new_name(turn[0]["speaker"], "rev", ":()")
        hours, rest = divmod(int(turn[0]["start_time"]), 3600)
        time = f"{hours:02}:" * (hours > 0) + f"{rest // 60:02}:{rest % 60:02}"
        made.append(f"{name} ({time}):\n{turns.said(turn)}\n")
    return "\n".join(made)
