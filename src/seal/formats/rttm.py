"""RTTM: who spoke when, without words. It is written; words cannot be read from it alone."""

import re
from typing import Any

from seal.errors import SealError
from seal.formats import turns
from seal.formats.reading import Original, Source
from seal.formats.stm import field
from seal.words import Word

HOLDS = {"turn times", "conversations"}
NUMBERS = None


def recognise(name: str, content: Any) -> bool:
    return bool(re.match(r"(?:;;[^\n]*\n|\s)*(?:SPEAKER|SPKR-INFO)[ \t]", content))


def read(source: Source) -> Original:
    raise SealError(
        f"{source.path}: says who spoke when, but has no words; give the CTM with the words "
        "(and this file as --rttm, if its name is another)"
    )


def write(original: Original, words: list[Word]) -> str:
    raise NotImplementedError  # nothing is read from it


def new(words: list[Word]) -> str:
    return "".join(
        line(turn[0]["session_id"], turn[0]["start_time"], turn[-1]["end_time"], turn[0]["speaker"])
        for turn in turns.grouped(words)
    )


def line(session: str, start: float, end: float, speaker: str) -> str:
    """A speaker's turn."""
    times = f"{start:.3f} {max(end - start, 0):.3f}"
    return f"SPEAKER {field(session)} 1 {times} <NA> <NA> {field(speaker)} <NA> <NA>\n"
