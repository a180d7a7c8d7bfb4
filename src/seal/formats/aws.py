"""Amazon Transcribe: `results.items`, and the same words by time in the speakers' segments.

Times and confidences are texts. Punctuation is an item without times: no word, but the end of the
one before it, whose speaker it names. `speaker_labels.segments` and `audio_segments` are turns:
they are split where the speaker changes. Where each side of a call has a channel (`channel_label`),
that is the speaker, and a word that is another's gets a `speaker_label`.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from seal.errors import SealError
from seal.exact_json import dumps
from seal.formats import turns
from seal.formats.document import Edit, Path
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
ITEMS: Path = ("results", "items")
SEGMENTS: Path = ("results", "speaker_labels", "segments")
AUDIO: Path = ("results", "audio_segments")


def recognise(name: str, content: Any) -> bool:
    results = content.get("results") if isinstance(content, dict) else None
    return isinstance(results, dict) and isinstance(results.get("items"), list)


def read(source: Source) -> Original:
    path, results = source.path, source.json.root["results"]
    labels = _labels(results, str(path))
    entries: list[Entry] = []
    latest: dict[Any, Entry] = {}  # of each channel
    for number, item in enumerate(objects(results.get("items"), f"{path}: items")):
        place = f"{path}: item {number + 1}"
        best = (objects(item.get("alternatives"), f"{place}: alternatives") or [{}])[0]
        channel = item.get("channel_label")
        if item.get("type") == "punctuation":
            if channel in latest:
                latest[channel].text += text_at(best, ("content",), place)
            continue
        start = item.get("start_time")
        entries.append(
            Entry(
                text_at(best, ("content",), place),
                seconds(start, place),
                seconds(item.get("end_time"), place),
                item.get("speaker_label", labels.get((str(start), str(item.get("end_time"))))),
                place=number,
                confidence=share(best.get("confidence"), place),
            )
        )
        latest[channel] = entries[-1]
    channels = {item.get("channel_label") for item in results["items"]}
    if len(channels - {None}) > 1:  # two sides of a call, each with a channel
        for entry in entries:
            entry.segment = results["items"][entry.place].get("channel_label")
            entry.speaker = entry.segment if entry.speaker is None else entry.speaker
        entries = in_time_order(entries)
    return original(source, entries)


def _labels(results: dict, name: str) -> dict[tuple[str, str], Any]:
    """The speaker of each time: older results name it in the segments alone."""
    found = {}
    for segment in _list(results, "speaker_labels", "segments", name=name):
        for item in objects(segment.get("items"), f"{name}: speaker_labels: items"):
            label = item.get("speaker_label", segment.get("speaker_label"))
            found[str(item.get("start_time")), str(item.get("end_time"))] = label
    return found


def _list(results: dict, *keys: str, name: str) -> list[dict]:
    value: Any = results
    for key in keys:
        if value is not None and not isinstance(value, dict):
            raise SealError(f"{name}: {key}: not where it belongs")
        value = (value or {}).get(key)
    return objects(value, f"{name}: {keys[-1]}")


def write(original: Original, words: list[Word]) -> str:
    document, name = original.source.json, str(original.source.path)
    labels = document.root["results"].get("speaker_labels")
    items = document.at(ITEMS)
    edit = Edit(document)
    changed = original.changes(words)
    index_of = {place: index for index, place in enumerate(original.places)}
    latest: dict[Any, int | None] = {}  # of each channel
    for number, item in enumerate(items):
        channel = item.get("channel_label")
        last = latest[channel] = index_of.get(number, latest.get(channel))
        if last is None or not changed[last]:
            continue
        # Older results have the label in the segments alone.
        if (
            "speaker_label" in item
            or (number in index_of and original.holes[last])
            or ("channel_label" in item and number in index_of and not labels)
        ):
            value = original.value(words[last]["speaker"])
            edit.put((*ITEMS, number, "speaker_label"), value)
    times = [(items[p].get("start_time"), items[p].get("end_time")) for p in original.places]
    segments = _list(document.root["results"], "speaker_labels", "segments", name=name)
    flat = [
        (number, position, (item.get("start_time"), item.get("end_time")))
        for number, segment in enumerate(segments)
        for position, item in enumerate(objects(segment.get("items"), name))
    ]
    found: dict[int, list[int | None]] = {}
    where = turns.matched(map(str, times), (str(time) for _, _, time in flat))
    for (number, _, _), index in zip(flat, where, strict=True):
        found.setdefault(number, []).append(index)
    for number, indices in found.items():
        _segment(edit, (*SEGMENTS, number), original, words, changed, indices)
    audio = _list(document.root["results"], "audio_segments", name=name)
    # Two segments may not have one id; those of the others stay.
    ids = [segment["id"] for segment in audio if isinstance(segment.get("id"), int)]
    free = count(max(ids, default=0) + 1)
    for number, segment in enumerate(audio):
        path = (*AUDIO, number)
        _audio_segment(edit, path, segment, original, words, changed, free, index_of)
    return edit.text()


def _segment(
    edit: Edit,
    path: Path,
    original: Original,
    words: list[Word],
    changed: list[bool],
    indices: list[int | None],
) -> None:
    if not any(index is not None and changed[index] for index in indices):
        return
    segment = edit.document.at(path)
    values = [
        item.get("speaker_label", segment.get("speaker_label"))
        if index is None
        else original.value(words[index]["speaker"])
        for index, item in zip(indices, segment["items"], strict=True)
    ]

    def piece(turn: dict, first: int, last: int, value: Any) -> dict:
        inside = [
            item | ({"speaker_label": value} if "speaker_label" in item else {})
            for item in turn["items"][first:last]
        ]
        return turn | {
            "start_time": turn["start_time"] if first == 0 else inside[0]["start_time"],
            "end_time": turn["end_time"] if last == len(values) else inside[-1]["end_time"],
            "speaker_label": value,
            "items": inside,
        }

    turns.rewrite(edit, path, "speaker_label", values, [True], piece)
    if len(set(values)) == 1:
        for position, item in enumerate(segment["items"]):
            if "speaker_label" in item:
                edit.put((*path, "items", position, "speaker_label"), values[0])


def _audio_segment(
    edit: Edit,
    path: Path,
    segment: dict,
    original: Original,
    words: list[Word],
    changed: list[bool],
    free: Iterator[int],
    index_of: dict[int, int],
) -> None:
    """Its `items` are the ids of items; where those are not their places, it is left alone."""
    items = edit.document.at(ITEMS)
    ids = segment.get("items")
    if not isinstance(ids, list) or not all(
        isinstance(i, int) and 0 <= i < len(items) and items[i].get("id", i) == i for i in ids
    ):
        return
    own: list[int] = []
    for number in ids:  # punctuation goes with the word before it
        own.append(index_of.get(number, own[-1] if own else -1))
    own = [next((i for i in own if i >= 0), -1) if index < 0 else index for index in own]
    if not own or own[0] < 0:
        return
    values = [original.value(words[index]["speaker"]) for index in own]

    def piece(turn: dict, first: int, last: int, value: Any) -> dict:
        inside = [words[index] for index in own[first:last]]
        start, end = items[original.places[own[first]]], items[original.places[own[last - 1]]]
        new_id = {"id": next(free)} if first and isinstance(turn.get("id"), int) else {}
        return turn | {
            **new_id,
            "transcript": _text([items[number] for number in ids[first:last]]),
            "start_time": turn.get("start_time") if first == 0 else start.get("start_time"),
            "end_time": turn.get("end_time") if last == len(ids) else end.get("end_time"),
            "speaker_label": original.value(inside[0]["speaker"]),
            "items": ids[first:last],
        }

    touched = [changed[index] for index in own]
    turns.rewrite(edit, path, "speaker_label", values, touched, piece)


def _text(items: list[dict]) -> str:
    text = ""
    for item in items:
        mark = "" if item.get("type") == "punctuation" or not text else " "
        text += mark + item["alternatives"][0]["content"]
    return text


def new(words: list[Word]) -> str:
    items = [
        {
            "type": "pronunciation",
            "start_time": f"{word['start_time']:.3f}",
            "end_time": f"{word['end_time']:.3f}",
            "speaker_label": word["speaker"],
            "alternatives": [
                {"confidence": str(word["asr_confidence"])} | {"content": word["words"]}
                if "asr_confidence" in word
                else {"content": word["words"]}
            ],
        }
        for word in words
    ]
    times = ("start_time", "end_time", "speaker_label")
    segments, done = [], 0
    for turn in turns.grouped(words):
        own = [{key: item[key] for key in times} for item in items[done : done + len(turn)]]
        done += len(turn)
        segments.append(
            {
                "start_time": own[0]["start_time"],
                "end_time": own[-1]["end_time"],
                "speaker_label": turn[0]["speaker"],
                "items": own,
            }
        )
    count = len({word["speaker"] for word in words})
    results = {
        "transcripts": [{"transcript": turns.said(words)}],
        "speaker_labels": {"speakers": count, "segments": segments},
        "items": items,
    }
    return dumps({"jobName": turns.session(words), "results": results, "status": "COMPLETED"})
