"""CTM as NeMo writes it: a word a line, `session speaker start length word confidence`.

The second field is a channel to others; it names the speaker where there is more than one. A CTM
whose speakers are in an RTTM is `ctm-rttm`.
"""

import re
from typing import Any

from seal.errors import SealError
from seal.formats.reading import Entry, Original, Source, lines_of, original, share
from seal.formats.signs import spoken
from seal.formats.stm import field
from seal.parsing import quoted
from seal.parsing import seconds as time_of
from seal.words import Word

HOLDS = {"word times", "word confidences", "conversations"}
NUMBERS = None

_LINE = re.compile(
    r"(?P<session>\S+)[ \t]+(?P<channel>\S+)[ \t]+(?P<start>\S+)[ \t]+(?P<length>\S+)[ \t]+"
    r"(?P<word>\S+)(?:[ \t]+(?P<confidence>\S+))?[^\n]*"
)
_WORD = re.compile(r"(?=.*[^\W\d_])\S+")
_NUMBER = re.compile(r"\d+\.?\d*|\.\d+", re.ASCII)


def recognise(name: str, content: Any) -> bool:
    lines = [line for line in content.splitlines() if line.strip() and line[:2] != ";;"][:5]
    return bool(lines) and all(map(_is_word, lines))


def _is_word(line: str) -> bool:
    fields = line.split()
    numbers = all(map(_NUMBER.fullmatch, fields[2:4]))
    return len(fields) in (5, 6, 7, 8) and numbers and fields[0] != "SPEAKER"


def read(source: Source) -> Original:
    found = read_again(source)
    if len({word["speaker"] for word in found.words}) == 1:
        raise SealError(
            f"{source.path}: a CTM without speakers; put {source.path.stem}.rttm beside it, "
            "or name it with --rttm"
        )
    return found


def read_again(source: Source) -> Original:
    """The same for a CTM of seal's own: all words may have become one speaker's."""
    return original(source, lines(source))


def lines(source: Source) -> list[Entry]:
    """The words of a CTM, with their channel as the speaker. Their place is its span."""
    entries = []
    for number, begin, stop in lines_of(source.text):
        place, line = f"{source.path}: line {number}", source.text[begin:stop].strip()
        if not line or line.startswith(";;"):
            continue
        match = _LINE.match(source.text, begin, stop)
        if not match:
            raise SealError(f"{place}: not 'session channel start length word [confidence]'")
        fields = line.split()
        numbers = len(fields) > 5 and all(map(_NUMBER.fullmatch, fields[2:5]))
        if numbers and fields[5] not in ("NA", "<NA>") and _WORD.fullmatch(fields[5]):
            raise SealError(
                f"{place}: an id with a space ({quoted(' '.join(fields[:2]))}); write '_' for it"
            )
        start, length = time_of(match["start"], place), time_of(match["length"], place)
        if match["word"].startswith("<") or not spoken(match["word"]):
            continue
        sure = match["confidence"]
        if not _NUMBER.fullmatch((sure or "").removeprefix("-")):
            sure = None
        entries.append(
            Entry(
                match["word"],
                start,
                round(start + length, 6),
                match["channel"],
                place=match.span("channel"),
                confidence=share(sure, place),
                session_id=match["session"],
            )
        )
    return entries


def write(original: Original, words: list[Word]) -> str:
    text = original.source.text
    pieces, done = [], 0
    for (start, end), word, new in zip(
        original.places, words, original.changes(words), strict=True
    ):
        if new:
            pieces += [text[done:start], word["speaker"]]
            done = end
    return "".join([*pieces, text[done:]])


def new(words: list[Word]) -> str:
    return new_lines(words, [field(word["speaker"]) for word in words])


def new_lines(words: list[Word], channels: list[str]) -> str:
    """A line a word, with its channel."""
    return "".join(
        f"{field(word['session_id'])} {channel} {word['start_time']:.3f} "
        f"{max(word['end_time'] - word['start_time'], 0):.3f} {word['words']}"
        + (f" {word['asr_confidence']}\n" if "asr_confidence" in word else "\n")
        for word, channel in zip(words, channels, strict=True)
    )
