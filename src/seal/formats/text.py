"""Plain text with names: `A: hello there`, a turn a line or a paragraph; whisper-diarization's too.

There are no times: they are taken from the letters alone. Where the speaker changes inside a turn,
the rest stands on a line (or in a paragraph) of its own.
"""

import re
from typing import Any

from seal.formats import labelled, turns
from seal.formats.labelled import PREFIX, is_name
from seal.formats.reading import LETTER, Entry, Original, Source, original
from seal.parsing import split_time
from seal.words import Word

HOLDS: set[str] = set()
NUMBERS = None


def recognise(name: str, content: Any) -> bool:
    """A text of which the first line that says something has a name."""
    match = isinstance(content, str) and PREFIX.match(content.lstrip())
    return bool(match and (match["bracket"] or is_name(match["plain"])))


def read(source: Source) -> Original:
    scanned = labelled.scan(source.text, [(0, len(source.text))], voices=False)
    texts = [token.text for token in scanned.tokens]
    length = LETTER * sum(len(text) + 1 for text in texts)
    times = split_time(texts, 0.0, length) if texts else []
    entries = [
        Entry(text, *time, speaker, estimated=True)
        for text, time, speaker in zip(texts, times, scanned.speakers(), strict=True)
    ]
    return original(source, entries, kept=scanned)


def write(original: Original, words: list[Word]) -> str:
    scanned = original.kept
    line = "\r\n" if "\r\n" in scanned.text else "\n"
    gaps = re.findall(r"\n[ \t]*\r?\n", scanned.text.strip())
    paragraph = line * 2 if len(gaps) * 2 >= len(scanned.labels) - 1 > 0 else line
    return labelled.rewrite(scanned, [word["speaker"] for word in words], paragraph)


def new(words: list[Word]) -> str:
    label = labelled.model_label({word["speaker"] for word in words}, "text")
    lines = [
        f"{label.format(turn[0]['speaker'])}{turns.said(turn)}\n" for turn in turns.grouped(words)
    ]
    return "".join(lines)
