"""WebVTT: subtitles with voices (`<v Ann>hello</v>`), or with names as SRT has them (`A: hello`).

A new voice may stand anywhere in a cue, so that cues stay as they are. Notes, styles and settings
are kept.
"""

import html
import re
from typing import Any

from seal.formats import srt
from seal.formats.labelled import VOICE, model_label
from seal.formats.reading import Original, Source
from seal.formats.turns import said
from seal.words import Word

HOLDS = srt.HOLDS
NUMBERS = None
write = srt.write

# After an empty line only: a line of a cue may begin with "NOTE", too.
_BLOCK = re.compile(
    r"(?:\A|(?<=\n\n)|(?<=\n\r\n))(?:WEBVTT|NOTE|STYLE|REGION)\b[^\n]*\n"
    r"(?:[ \t]*[^\s][^\n]*(?:\n|$))*"
)
_ID = re.compile(r"(?:\A|(?<=\n\n)|(?<=\n\r\n))(?![^\n]*-->)(?=[^\n]*\S)[^\n]*\n(?=[^\n]*-->)")


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, str) and content.startswith("WEBVTT")


def read(source: Source) -> Original:
    # What is no cue is made blank for reading: each cue stays where it is.
    text = source.text
    for pattern in (_BLOCK, _ID):
        text = pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    voices = bool(VOICE.search(text))
    plain = Source(source.path, text, source.bom, source.encoding)
    found = srt.read_cues(plain, voices)
    for word in found.words:
        word["words"] = html.unescape(word["words"])
    found.source = source
    found.kept = found.kept._replace(text=source.text)
    return found


def new(words: list[Word]) -> str:
    model_label({word["speaker"] for word in words}, "vtt")  # refuses what no label can hold
    blocks = [
        f"{srt.clock(cue[0]['start_time'], '.')} --> {srt.clock(cue[-1]['end_time'], '.')}\n"
        f"<v {cue[0]['speaker']}>{html.escape(said(cue), quote=False)}\n"
        for cue in srt.new_cues(words)
    ]
    return "WEBVTT\n\n" + "\n".join(blocks)
