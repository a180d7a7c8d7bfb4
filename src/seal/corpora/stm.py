"""STM, NIST's reference format, to references.

`formats/stm.py` has the layout. Of alternatives (`{ a / b }`) the first is taken, optional words
`(uh)` stay, and segments that are not to be scored are left out. A segment's span is shared out
among its words by length. The channels of a session make one conversation.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seal.corpora.ldc import spoken_words
from seal.corpora.reading import find, in_time_order, spread
from seal.errors import SealError
from seal.formats import stm
from seal.parsing import quoted, read_text
from seal.words import Word

_BRACES = re.compile(r"\{([^{}]*)\}")
_HESITATION = re.compile(r"%hesitation\b", re.IGNORECASE)


class Segment(NamedTuple):
    """A line of an STM file: its channel, and its words with their session and speaker."""

    session_id: str
    channel: str
    words: list[Word]


def load(source: str | Path) -> dict[str, list[Word]]:
    """Read an STM file, or every `*.stm` below a folder.

    Raises SealError for a folder without such files, a damaged line, or a session in two files.
    """
    sessions: dict[str, list[Word]] = {}
    for segment in segments(find(source, "*.stm", "STM")):
        sessions.setdefault(segment.session_id, []).extend(segment.words)
    return in_time_order(sessions, source)


def segments(files: list[Path]) -> Iterator[Segment]:
    """The segments of several files that are to be scored. Raises SealError as `load` does."""
    first: dict[str, Path] = {}
    for file in files:
        for segment in _segments(file):
            name = segment.session_id
            if first.setdefault(name, file) != file:  # twice the words, if it were let through
                raise SealError(f"{file}: the session {quoted(name)} is in {first[name]} already")
            yield segment


def _segments(file: Path) -> Iterator[Segment]:
    for line in stm.segments(read_text(file, fallback="cp1252"), file):
        text = line.match["label"] + line.match["text"]
        texts = spoken_words(_HESITATION.sub(" ", _first_alternatives(text)))
        name, speaker = line.session_id, line.match["speaker"]
        yield Segment(name, line.channel, spread(name, speaker, texts, line.start, line.end))


def _first_alternatives(text: str) -> str:
    """`{ a / b }` to `a`, from the inside out; braces without a stroke hold a noise, and go."""
    while True:
        text, count = _BRACES.subn(lambda m: m[1].split("/")[0] if "/" in m[1] else " ", text)
        if not count:
            return text
