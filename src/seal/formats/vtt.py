"""WebVTT: subtitles with voices (`<v Ann>hello</v>`), or with names as SRT has them (`A: hello`).

A new voice may stand anywhere in a cue, so that cues stay as they are. Notes, styles and settings
are kept.
"""

import html
import re
from dataclasses import replace
from typing import Any

from seal.formats import labelled, srt, subtitles
from seal.formats.labelled import VOICE, Labelled, model_label
from seal.formats.reading import Original, Source
from seal.formats.subtitles import Layout
from seal.parsing import counted
from seal.words import Word

HOLDS = srt.HOLDS
NUMBERS = None

# After an empty line only: a line of a cue may begin with "NOTE", too.
_BLOCK = re.compile(
    r"(?:\A|(?<=\n\n)|(?<=\n\r\n))(?:WEBVTT|NOTE|STYLE|REGION)\b[^\n]*\n"
    r"(?:[ \t]*[^\s][^\n]*(?:\n|$))*"
)
_NAMES = {"NOTE": "note", "STYLE": "style sheet", "REGION": "region"}
_ID = re.compile(r"(?:\A|(?<=\n\n)|(?<=\n\r\n))(?![^\n]*-->)(?=[^\n]*\S)[^\n]*\n(?=[^\n]*-->)")


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, str) and content.startswith("WEBVTT")


def read(source: Source) -> Original:
    plain = replace(source, text=_blanked(source.text))
    found = srt.read_cues(plain, scanned(source), srt.cues(plain))
    found.source = source
    found.kept = found.kept._replace(text=source.text)
    found.styles += _beside(source.text)
    return found


def _beside(text: str) -> list[str]:
    """What is in the file and is no cue's text, in a few words each: what conversions leave out."""
    kinds: dict[str, int] = {}
    for block in _BLOCK.findall(text):
        kind = block.split(maxsplit=1)[0]
        if kind != "WEBVTT":
            kinds[kind] = kinds.get(kind, 0) + 1
        elif "\n" in block.strip():
            kinds["header"] = 1
    found = [
        counted(count, _NAMES[kind]) if kind in _NAMES else "the lines of its header"
        for kind, count in kinds.items()
    ]
    names = [line for line in map(str.strip, _ID.findall(text)) if not line.isdigit()]
    return found + ([f"names of {counted(len(names), 'cue')}"] if names else [])


def scanned(source: Source) -> Labelled:
    """The labels and words of its cues."""
    text = _blanked(source.text)
    bodies = [body for *_, body in srt.cues(replace(source, text=text))]
    voices = bool(VOICE.search(text))
    return labelled.scan(text, bodies, voices, cues=True, markup=True)


def _blanked(text: str) -> str:
    """The text in which what is no cue is blank: each cue stays where it is."""
    for pattern in (_BLOCK, _ID):
        text = pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    return text


def write(original: Original, words: list[Word]) -> str:
    return srt.rewritten(original, words, scanned)


def new(words: list[Word], layout: Layout = subtitles.DEFAULT) -> str:
    model_label({word["speaker"] for word in words}, "vtt")  # refuses what no label can hold
    blocks = [
        f"{srt.clock(cue.start, '.')} --> {srt.clock(cue.end, '.')}\n"
        f"<v {html.escape(cue.speaker, quote=False)}>{html.escape(cue.text(), quote=False)}\n"
        for cue in subtitles.cues(words, layout)
    ]
    return "WEBVTT\n\n" + "\n".join(blocks)
