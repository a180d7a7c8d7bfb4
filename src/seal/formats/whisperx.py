"""WhisperX: `segments` with `words`, and the same words again in `word_segments`.

Words may be without `speaker` (nobody was heard there) or without times (numbers, as a rule). A
segment is the recogniser's, not a speaker's: it stays whole and names the speaker of most of its
words, also where it could not be aligned and has none. Only in a file without any words, whose
segments are all there is, are they split where the speaker changes. A list of segments, without the
object around it, is read and written as one.
"""

from functools import partial
from typing import Any

from seal.exact_json import dumps
from seal.formats import turns
from seal.formats.document import Edit, Path
from seal.formats.reading import (
    Entry,
    Original,
    Source,
    majority,
    objects,
    original,
    seconds,
    text_at,
)
from seal.parsing import split_time
from seal.words import Word

HOLDS = {"word times"}
NUMBERS = None


def recognise(name: str, content: Any) -> bool:
    segments = content.get("segments") if isinstance(content, dict) else None
    if segments == []:  # of silence
        return True
    if isinstance(content, list) and content and isinstance(content[0], dict):
        alone = content[0]  # the segments alone
        return "session_id" not in alone and {"text", "start", "end"} <= alone.keys()
    first = segments[0] if isinstance(segments, list) else None
    return isinstance(first, dict) and ("words" in first or {"text", "start"} <= first.keys())


def _above(root: Any) -> Path:
    """Where the segments are: in an object, or all there is."""
    return () if isinstance(root, list) else ("segments",)


def read(source: Source) -> Original:
    path = source.path
    entries: list[Entry] = []
    root = source.json.root
    segments = root if isinstance(root, list) else root.get("segments")
    for number, segment in enumerate(objects(segments, f"{path}")):
        place = f"{path}: segment {number + 1}"
        speaker = segment.get("speaker")
        words = objects(segment.get("words"), f"{place}: words")
        for position, word in enumerate(words):
            at = f"{place}: word {position + 1}"
            entries.append(
                Entry(
                    text_at(word, ("word", "text"), at),
                    seconds(word.get("start"), at),
                    seconds(word.get("end"), at),
                    word.get("speaker"),
                    place=(number, position),
                    segment=number,
                )
            )
        if words and speaker is not None and all(w.get("speaker") is None for w in words):
            for entry in entries[-len(words) :]:
                entry.fallback = speaker
        if not words:
            entries += _unaligned(segment, number, place)
    if all(entry.speaker is None for entry in entries if entry.place[1] is not None):
        for entry in entries:  # the segments alone name speakers, and go on doing so
            entry.speaker = entry.fallback if entry.speaker is None else entry.speaker
    return original(source, entries)


def _unaligned(segment: dict, number: int, place: str) -> list[Entry]:
    text = text_at(segment, ("text",), place)
    texts = [text[start:end] for start, end in turns.tokens(text)]
    start, end = seconds(segment.get("start"), place), seconds(segment.get("end"), place)
    times: list[Any] = [(None, None)] * len(texts)
    if texts and start is not None and end is not None:
        times = split_time(texts, start, end)
    return [
        Entry(
            *(word, begin, stop, segment.get("speaker"), (number, None), number),
            estimated=True,
            whole=whole,
        )
        for word, whole, (begin, stop) in zip(texts, turns.whole(text), times, strict=True)
    ]


def write(original: Original, words: list[Word]) -> str:
    document = original.source.json
    edit, above = Edit(document), _above(document.root)
    changed = original.changes(words)
    parts: dict[int, list[int]] = {}
    for index, ((segment, position), new) in enumerate(zip(original.places, changed, strict=True)):
        parts.setdefault(segment, []).append(index)
        if new and position is not None:
            value = original.value(words[index]["speaker"])
            edit.put((*above, segment, "words", position, "speaker"), value)
    aligned = any(position is not None for _, position in original.places)
    for segment, indices in parts.items():
        inside = [words[index] for index in indices]
        if not aligned:
            values = [original.value(word["speaker"]) for word in inside]
            touched = [changed[index] for index in indices]
            path = (*above, segment)
            turns.rewrite(edit, path, "speaker", values, touched, partial(_piece, inside))
        elif any(changed[i] for i in indices) or _nobodys(document.at((*above, segment))):
            edit.put((*above, segment, "speaker"), original.value(majority(inside)))
    if not above:
        return edit.text()
    again = objects(document.root.get("word_segments"), f"{original.source.path}: word_segments")
    places = [p for p in original.places if p[1] is not None]
    own = [document.at(("segments", p[0], "words", p[1])) for p in places]
    index_of = [i for i, p in enumerate(original.places) if p[1] is not None]
    for number, at in enumerate(turns.matched(map(_key, own), map(_key, again))):
        if at is not None and changed[index_of[at]]:
            value = original.value(words[index_of[at]]["speaker"])
            edit.put(("word_segments", number, "speaker"), value)
    return edit.text()


def _nobodys(segment: dict) -> bool:
    """Whether it names no speaker."""
    return segment.get("speaker") is None


def _piece(words: list[Word], turn: dict, first: int, last: int, value: Any) -> dict:
    return turn | {
        "start": turn["start"] if first == 0 else words[first]["start_time"],
        "end": turn["end"] if last == len(words) else words[last - 1]["end_time"],
        "text": turns.cut(turn["text"], first, last),
        "speaker": value,
    }


def _key(word: dict) -> tuple:
    return str(word.get("word")), str(word.get("start")), str(word.get("end"))


def new(words: list[Word]) -> str:
    segments = []
    for turn in turns.grouped(words):
        own = [
            {
                "word": word["words"],
                "start": word["start_time"],
                "end": word["end_time"],
                "speaker": word["speaker"],
            }
            for word in turn
        ]
        segments.append(
            {
                "start": turn[0]["start_time"],
                "end": turn[-1]["end_time"],
                "text": " " + turns.said(turn),
                "words": own,
                "speaker": turn[0]["speaker"],
            }
        )
    flat = [word for segment in segments for word in segment["words"]]
    return dumps({"segments": segments, "word_segments": flat})
