"""SegLST, MeetEval's JSON list, where its entries are segments of several words.

Segments are the speakers': one in which the speaker now changes is split. Its time is shared out
among its words; without times they are taken from the letters. Entries of a word each are word
transcripts, and are left to them.
"""

from typing import Any

from seal.errors import SealError
from seal.formats import turns
from seal.formats.document import Edit
from seal.formats.reading import (
    Entry,
    Original,
    Source,
    objects,
    original,
    seconds,
    text_at,
)
from seal.parsing import split_time
from seal.words import DECIDED_BY, Word, text_of

HOLDS = {"turn times", "conversations"}
NUMBERS = None
MEAN = 3
"""Words an entry has on average, if they are segments: a word transcript has a few that are two
("uh huh"), and must never be taken for anything else."""
OWN = {"speaker_scores", "first_pass_speaker", "speaker_confidence", DECIDED_BY}
"""What only word transcripts have."""


def recognise(name: str, content: Any) -> bool:
    if not isinstance(content, list) or not content:
        return False
    fields = {"session_id", "speaker", "words"}
    if not all(isinstance(entry, dict) and fields <= entry.keys() for entry in content):
        return False
    texts = [entry["words"] for entry in content]
    if not all(isinstance(text, str) for text in texts) or any(OWN & e.keys() for e in content):
        return False
    if any(isinstance(entry.get("start_time"), str) for entry in content):
        return True  # as CHiME has them: no word transcript
    return sum(len(text.split()) for text in texts) >= MEAN * len(texts)


def read(source: Source) -> Original:
    entries = []
    for number, segment in enumerate(objects(source.json.root, str(source.path))):
        place = f"{source.path}: entry {number + 1}"
        text = text_at(segment, ("words",), place)
        texts = [text[first:last] for first, last in turns.tokens(text)]
        start = seconds(segment.get("start_time"), place)
        end = seconds(segment.get("end_time"), place)
        known = bool(texts) and start is not None and end is not None
        if "session_id" not in segment:
            raise SealError(f"{place}: the field 'session_id' is missing")
        times: list[Any] = split_time(texts, start or 0, end or 0) if known else [(None, None)]
        times *= 1 if known else len(texts)
        for word, whole, (begin, stop) in zip(texts, turns.whole(text), times, strict=True):
            entries.append(
                Entry(
                    word,
                    begin,
                    stop,
                    segment.get("speaker"),
                    place=number,
                    segment=number,
                    estimated=len(texts) > 1 or not known,
                    session_id=str(segment["session_id"]),
                    whole=whole,
                )
            )
    return original(source, entries)


def write(original: Original, words: list[Word]) -> str:
    edit = Edit(original.source.json)
    changed = original.changes(words)
    parts: dict[int, list[int]] = {}
    for index, number in enumerate(original.places):
        parts.setdefault(number, []).append(index)
    for number, own in parts.items():

        def piece(turn: dict, first: int, last: int, value: Any, own: list[int] = own) -> dict:
            part = {"speaker": value, "words": turns.cut(turn["words"], first, last)}
            if first and turn.get("start_time") is not None:
                part["start_time"] = words[own[first]]["start_time"]
            if last < len(own) and turn.get("end_time") is not None:
                part["end_time"] = words[own[last - 1]]["end_time"]
            return turn | part

        values = [original.value(words[index]["speaker"]) for index in own]
        turns.rewrite(edit, (number,), "speaker", values, [changed[i] for i in own], piece)
    return edit.text()


def new(words: list[Word]) -> str:
    segments = [
        {
            "session_id": turn[0]["session_id"],
            "speaker": turn[0]["speaker"],
            "start_time": turn[0]["start_time"],
            "end_time": turn[-1]["end_time"],
            "words": turns.said(turn),
        }
        for turn in turns.grouped(words)
    ]
    return text_of(segments)
