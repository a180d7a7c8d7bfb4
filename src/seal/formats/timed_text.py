"""Lines with times and names: `[00:00.500 --> 00:01.400] SPEAKER_00: Tea please.`

What Whisper's command line prints with names put in, `[0.50-1.40] A: …`, and Descript's and others'
`[00:00:05] A: …`. A line without a name goes on with the last one, one without a time belongs to
that above it.
"""

import re
from typing import Any

from seal.formats import blocks, labelled, turns
from seal.formats.blocks import TIME, Head
from seal.formats.reading import Original, Source
from seal.formats.srt import clock
from seal.words import Word

HOLDS = {"turn times"}
NUMBERS = None

_SECONDS = r"\d{1,6}\.\d{1,6}"
_ANY = rf"(?:{TIME}|{_SECONDS})"
_LEAD = re.compile(
    rf"(?:\[(?P<s1>{_ANY})(?:[ \t]*(?:-->|[-–—])[ \t]*(?P<e1>{_ANY}))?\]"
    rf"|\((?P<s2>{TIME})(?:[ \t]*(?:-->|[-–—])[ \t]*(?P<e2>{TIME}))?\)"
    rf"|(?P<s3>{TIME})(?:[ \t]*(?:-->|[-–—])[ \t]*(?P<e3>{TIME}))?):?[ \t]+"
)


def recognise(name: str, content: Any) -> bool:
    if not isinstance(content, str):
        return False
    heads = _heads("\n".join(content.lstrip().split("\n", 40)[:40]))
    named = [head for head in heads if head.name is not None]
    first = len(content.lstrip().split("\n", 1)[0])
    return bool(heads) and heads[0].first <= first and (bool(named) or heads[0].end is not None)


def _heads(text: str) -> list[Head]:
    found = []
    for start, stop in blocks.lines_of(text):
        lead = _LEAD.match(text, start, stop)
        if lead is None:
            continue
        kind = next(kind for kind in "123" if lead[f"s{kind}"] is not None)
        label = labelled.label_at(text, lead.end(), stop, cues=False, markup=False)
        end = lead.span(f"e{kind}") if lead[f"e{kind}"] is not None else None
        named = (lead.end(), lead.end()) if label is None else (label.name_start, label.name_end)
        last = lead.end() if label is None else label.end
        name = None if label is None else label.name
        found.append(Head(start, last, name, named, lead.span(f"s{kind}"), end))
    known = {head.name for head in blocks.accepted(found)}
    return [
        head
        if head.name in known or head.name is None
        else head._replace(last=_after(text, head), name=None, named=(_after(text, head),) * 2)
        for head in found
    ]


def _after(text: str, head: Head) -> int:
    """Where what is said begins, if there is no name."""
    lead = _LEAD.match(text, head.first)
    return head.last if lead is None else lead.end()


def read(source: Source) -> Original:
    return blocks.read(source, _heads(source.text))


def write(original: Original, words: list[Word]) -> str:
    return blocks.write(original, words, "\r\n" if "\r\n" in original.kept.text else "\n")


def new(words: list[Word]) -> str:
    label = labelled.model_label({word["speaker"] for word in words}, "timed-text")
    return "".join(
        f"[{clock(turn[0]['start_time'], '.')} --> {clock(turn[-1]['end_time'], '.')}] "
        f"{label.format(turn[0]['speaker'])}{turns.said(turn)}\n"
        for turn in turns.grouped(words)
    )
