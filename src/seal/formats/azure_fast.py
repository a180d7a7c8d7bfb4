"""Azure Speech's fast transcription: `phrases` with a speaker each, times in milliseconds.

A phrase is split where the speaker changes. Without words, its time is shared out among those of
its text.
"""

from functools import partial
from typing import Any

from seal.exact_json import dumps
from seal.formats import turns
from seal.formats.azure import by_channel, place_in, spread
from seal.formats.document import Edit
from seal.formats.reading import Entry, Original, Source, objects, original, seconds, text_at
from seal.words import Word

HOLDS = {"word times"}
NUMBERS = 0
MILLISECOND = 0.001


def recognise(name: str, content: Any) -> bool:
    phrases = content.get("phrases") if isinstance(content, dict) else None
    first = phrases[0] if isinstance(phrases, list) and phrases else None
    return isinstance(first, dict) and "text" in first


def read(source: Source) -> Original:
    entries: list[Entry] = []
    phrases = objects(source.json.root["phrases"], f"{source.path}")
    for number, phrase in enumerate(phrases):
        place = f"{source.path}: phrase {number + 1}"
        speaker = phrase.get("speaker")
        words = objects(phrase.get("words"), f"{place}: words")
        for position, word in enumerate(words):
            at = f"{place}: word {position + 1}"
            entries.append(
                Entry(text_at(word, ("text",), at), *_span(word, at), speaker, number, number)
            )
        if not words:
            texts = text_at(phrase, ("text",), place).split()
            entries += spread(texts, *_span(phrase, place), speaker, number)
    return original(source, by_channel(entries, phrases))


def _span(item: dict, place: str) -> tuple[float | None, float | None]:
    """Start and end; earlier versions call them `offset` and `duration`."""
    start = item.get("offsetMilliseconds", item.get("offset"))
    length = item.get("durationMilliseconds", item.get("duration"))
    begin = seconds(start, place, MILLISECOND)
    lasts = seconds(length, place, MILLISECOND)
    return begin, None if begin is None or lasts is None else round(begin + lasts, 4)


def write(original: Original, words: list[Word]) -> str:
    edit = Edit(original.source.json)
    changed = original.changes(words)
    parts: dict[int, list[int]] = {}
    for index, number in enumerate(original.places):
        parts.setdefault(number, []).append(index)
    for number, own in parts.items():
        values = [original.value(words[index]["speaker"]) for index in own]
        piece = partial(_piece, [words[index] for index in own])
        touched = [changed[index] for index in own]
        turns.rewrite(edit, ("phrases", number), "speaker", values, touched, piece)
    return edit.text()


def _piece(words: list[Word], phrase: dict, first: int, last: int, value: Any) -> dict:
    tokens, texts = phrase["text"].split(), [word["words"] for word in words]
    cuts = [place_in(texts, tokens, at) for at in (first, last)]
    text = " ".join(tokens[cuts[0] : cuts[1]])
    if len(tokens) != len(texts) and turns.placed(phrase["text"], texts):
        text = turns.part(phrase["text"], texts, first, last)
    part = phrase | {"speaker": value, "text": text}
    if isinstance(phrase.get("words"), list):
        part["words"] = phrase["words"][first:last]
    start, end = _span(phrase, "phrase")
    if start is None or end is None:
        return part
    begin = start if first == 0 else words[first]["start_time"]
    stop = end if last == len(words) else words[last - 1]["end_time"]
    return part | {key: time for key, time in _times(begin, stop).items() if key in phrase}


def _times(start: float, end: float) -> dict[str, int]:
    begin, length = round(start * 1000), round(end * 1000) - round(start * 1000)
    return {
        "offsetMilliseconds": begin,
        "durationMilliseconds": length,
        "offset": begin,
        "duration": length,
    }


def new(words: list[Word]) -> str:
    def times(own: list[Word]) -> dict[str, int]:
        made = _times(own[0]["start_time"], own[-1]["end_time"])
        return {key: made[key] for key in ("offsetMilliseconds", "durationMilliseconds")}

    phrases = [
        {
            "channel": 0,
            "speaker": int(turn[0]["speaker"]),
            **times(turn),
            "text": turns.said(turn),
            "words": [{"text": word["words"], **times([word])} for word in turn],
        }
        for turn in turns.grouped(words)
    ]
    combined = [{"channel": 0, "text": turns.said(words)}]
    return dumps({"combinedPhrases": combined, "phrases": phrases})
