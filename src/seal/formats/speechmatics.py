"""Speechmatics' JSON: `results`, words and punctuation with a speaker in their first alternative.

`UU` is nobody. Punctuation ends the word before it. With channels the channel is the speaker, and
a word that is another's gets a speaker of its own.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats.document import Edit
from seal.formats.reading import (
    Entry,
    Original,
    Source,
    in_time_order,
    objects,
    original,
    seconds,
    share,
    text_at,
)
from seal.words import Word

HOLDS = {"word times", "word confidences"}
NUMBERS = None
NOBODY = ("UU", None, "")


def recognise(name: str, content: Any) -> bool:
    results = content.get("results") if isinstance(content, dict) else None
    first = results[0] if isinstance(results, list) and results else None
    return isinstance(first, dict) and "alternatives" in first and "type" in first


def read(source: Source) -> Original:
    entries: list[Entry] = []
    latest: dict[Any, Entry] = {}  # of each channel
    results = objects(source.json.root["results"], f"{source.path}: results")
    channels = {result.get("channel") for result in results}
    for number, result in enumerate(results):
        place = f"{source.path}: result {number + 1}"
        best = (objects(result.get("alternatives"), place) or [{}])[0]
        text, channel = text_at(best, ("content",), place), result.get("channel")
        if result.get("type") == "punctuation":
            if channel in latest:
                latest[channel].text += text
            continue
        start, end = (seconds(result.get(key), place) for key in ("start_time", "end_time"))
        who = best.get("speaker")
        who = None if isinstance(who, str) and who in NOBODY else who
        if who is None and len(channels) > 1:
            who = channel
        sure = share(best.get("confidence"), place)
        latest[channel] = Entry(text, start, end, who, number, channel, sure)
        entries.append(latest[channel])
    return original(source, in_time_order(entries) if len(channels) > 1 else entries)


def write(original: Original, words: list[Word]) -> str:
    edit, changed = Edit(original.source.json), original.changes(words)
    index_of = {place: index for index, place in enumerate(original.places)}
    last: dict[Any, int] = {}
    for number, result in enumerate(original.source.json.root["results"]):
        channel = result.get("channel")
        last[channel] = index_of.get(number, last.get(channel, -1))
        index = last[channel]
        if index < 0 or not changed[index]:
            continue
        if number in index_of or "speaker" in result["alternatives"][0]:
            value = original.value(words[index]["speaker"])
            edit.put(("results", number, "alternatives", 0, "speaker"), value)
    return edit.text()


def new(words: list[Word]) -> str:
    results = []
    for word in words:
        best = {"content": word["words"], "speaker": word["speaker"]}
        if "asr_confidence" in word:
            best["confidence"] = word["asr_confidence"]
        times = {"start_time": word["start_time"], "end_time": word["end_time"]}
        results.append({"type": "word", **times, "alternatives": [best]})
    return dumps({"format": "2.9", "metadata": {"type": "transcription"}, "results": results})
