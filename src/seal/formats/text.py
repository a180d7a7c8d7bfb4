"""Plain text with names: `A: hello there`, a turn a line or a paragraph; whisper-diarization's too.

There are no times: they are taken from the letters alone. Where the speaker changes inside a turn,
the rest stands on a line (or in a paragraph) of its own.
"""

import re
from typing import Any

from seal.formats import labelled, relabel, turns
from seal.formats.labelled import Labelled
from seal.formats.names import is_name
from seal.formats.reading import LETTER, Entry, Original, Source, original
from seal.parsing import split_time
from seal.words import Word

HOLDS: set[str] = set()
NUMBERS = None
_CLOCK = re.compile(
    r"^[ \t]{0,20}(?:\d{1,2}:\d{2}:\d{2}(?:\.\d{1,3})?|0\d:\d{2})(?=[ \t]{0,20}\r?$)", re.M
)


def recognise(name: str, content: Any) -> bool:
    """A text of which the first line that says something has a name."""
    if not isinstance(content, str) or not content.strip():
        return False
    start = len(content) - len(content.lstrip())
    stop = content.find("\n", start)
    label = labelled.label_at(content, start, len(content) if stop < 0 else stop, False, False)
    return label is not None and (label.sure or is_name(str(label.name)))


def read(source: Source) -> Original:
    scanned = _scanned(source.text)
    texts = [token.text for token in scanned.tokens]
    length = LETTER * sum(len(text) + 1 for text in texts)
    times = split_time(texts, 0.0, length) if texts else []
    entries = [
        Entry(token.text, *time, speaker, estimated=True, whole=token.whole)
        for token, time, speaker in zip(scanned.tokens, times, scanned.speakers(), strict=True)
    ]
    return original(source, entries, scanned, scanned.asides, scanned.styles)


def _scanned(text: str) -> Labelled:
    """A time alone on a line, as Google Meet puts it between turns, is no word."""
    plain = _CLOCK.sub(lambda match: " " * len(match[0]), text)
    return labelled.scan(plain, [(0, len(text))], voices=False)._replace(text=text)


def write(original: Original, words: list[Word]) -> str:
    scanned: Labelled = original.kept
    line = "\r\n" if "\r\n" in scanned.text else "\n"
    gaps = re.findall(r"\n[ \t]*\r?\n", scanned.text.strip())
    paragraph = line * 2 if len(gaps) * 2 >= len(scanned.labels) - 1 > 0 else line
    speakers = [str(original.values.get(word["speaker"], word["speaker"])) for word in words]
    if speakers == scanned.speakers():
        return scanned.text
    return relabel.rewrite(scanned, speakers, paragraph, _scanned)


def new(words: list[Word]) -> str:
    label = labelled.model_label({word["speaker"] for word in words}, "text")
    lines = [
        f"{label.format(turn[0]['speaker'])}{turns.said(turn)}\n" for turn in turns.grouped(words)
    ]
    return "".join(lines)
