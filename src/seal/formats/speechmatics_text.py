"""Speechmatics' text: a line `SPEAKER: S1`, on the next what is said; no times."""

import re
from typing import Any

from seal.formats import blocks, turns
from seal.formats.blocks import Head
from seal.formats.names import canonical
from seal.formats.reading import Original, Source
from seal.words import Word

HOLDS: set[str] = set()
NUMBERS = None
_HEAD = re.compile(r"SPEAKER:[ \t]*(?P<name>\S[^\n]{0,79})")


def recognise(name: str, content: Any) -> bool:
    if not isinstance(content, str):
        return False
    lines = [content[slice(*place)] for place in blocks.lines_of(content[:2000])]
    heads = [_HEAD.fullmatch(line) is not None for line in lines]
    # A head is followed by what is said: "SPEAKER: hello" in a text of turns is none.
    return bool(heads) and heads[0] and not all(heads)


def _heads(text: str) -> list[Head]:
    found = []
    for start, stop in blocks.lines_of(text):
        match = _HEAD.fullmatch(text, start, stop)
        if match is not None:
            found.append(Head(start, stop, canonical(match["name"]), match.span("name")))
    return found


def read(source: Source) -> Original:
    return blocks.read(source, _heads(source.text))


def write(original: Original, words: list[Word]) -> str:
    return blocks.write(original, words, blocks.gap_of(original))


def new(words: list[Word]) -> str:
    made = []
    for turn in turns.grouped(words):
        name = blocks.new_name(turn[0]["speaker"], "speechmatics-text")
        made.append(f"SPEAKER: {name}\n{turns.said(turn)}\n")
    return "".join(made)
