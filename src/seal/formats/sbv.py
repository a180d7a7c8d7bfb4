"""SubViewer's `.sbv` of YouTube and Google Meet: `0:00:00.500,0:00:01.400`, then the text.

Names and dashes are as in SRT.
"""

import re
from typing import Any

from seal.errors import SealError
from seal.formats import labelled, srt, subtitles
from seal.formats.labelled import Labelled
from seal.formats.reading import Original, Source
from seal.formats.srt import Cue
from seal.formats.subtitles import Layout
from seal.words import Word

HOLDS = srt.HOLDS
NUMBERS = None
_CLOCK = r"(\d{1,3}):(\d{1,2}):(\d{1,2})\.(\d{1,3})"
_TIMES = re.compile(rf"{_CLOCK},{_CLOCK}", re.ASCII)


def recognise(name: str, content: Any) -> bool:
    if not isinstance(content, str):
        return False
    return _TIMES.fullmatch(content.lstrip().split("\n", 1)[0].strip()) is not None


def cues(source: Source) -> list[Cue]:
    """Start, end and place of the text of each cue. Raises SealError for text before the first."""
    found: list[Cue] = []
    start = 0
    for number, line in enumerate(source.text.split("\n"), start=1):
        after = min(start + len(line) + 1, len(source.text))
        match = _TIMES.fullmatch(line.strip())
        if match is not None:
            times = srt.seconds(match.groups()[:4]), srt.seconds(match.groups()[4:])
            found.append((*times, (after, after)))
        elif found:
            begin, end, (first, _) = found[-1]
            found[-1] = (begin, end, (first, after))
        elif line.strip():
            raise SealError(f"{source.path}: line {number}: not '0:00:01.000,0:00:02.500'")
        start = after
    return found


def scanned(source: Source) -> Labelled:
    """The labels and words of its cues."""
    return labelled.scan(source.text, [body for *_, body in cues(source)], False, cues=True)


def read(source: Source) -> Original:
    return srt.read_cues(source, scanned(source), cues(source))


def write(original: Original, words: list[Word]) -> str:
    return srt.rewritten(original, words, scanned)


def new(words: list[Word], layout: Layout = subtitles.DEFAULT) -> str:
    label = labelled.model_label({word["speaker"] for word in words}, "sbv")
    blocks = [
        f"{_clock(cue.start)},{_clock(cue.end)}\n{label.format(cue.speaker)}{cue.text()}\n"
        for cue in subtitles.cues(words, layout, label.format)
    ]
    return "\n".join(blocks)


def _clock(seconds: float) -> str:
    return srt.clock(seconds, ".").removeprefix("0")
