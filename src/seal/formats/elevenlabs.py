"""ElevenLabs Scribe's JSON: `words` with a `speaker_id` each, and the spaces between them.

A space has the speaker of the word before it. Sounds (`audio_event`) are no words. Of several
channels each has a list of its own in `transcripts`; they are the sides of a call.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.document import Edit, Path
from seal.formats.reading import (
    Entry,
    Original,
    Source,
    in_time_order,
    objects,
    original,
    seconds,
    text_at,
)
from seal.unspaced import gap
from seal.words import Word

HOLDS = {"word times"}
NUMBERS = None


def recognise(name: str, content: Any) -> bool:
    if utterances.has(content, ("transcripts",), "words", "channel_index"):
        return True
    if not utterances.has(content, ("words",), "text", "type"):
        return False
    return (
        any(isinstance(word, dict) and "speaker_id" in word for word in content["words"][:50])
        or "language_probability" in content
    )


def _lists(root: Any) -> list[Path]:
    """Where the lists of words are."""
    if "words" in root:
        return [("words",)]
    return [("transcripts", number, "words") for number in range(len(root["transcripts"]))]


def read(source: Source) -> Original:
    entries = []
    lists = _lists(source.json.root)
    for path in lists:
        channel = f"{source.path}: " + (f"channel {path[1]}: " if len(lists) > 1 else "")
        for number, word in enumerate(objects(source.json.at(path), f"{channel}words")):
            place = f"{channel}word {number + 1}"
            text = text_at(word, ("text",), place).strip()
            if word.get("type", "word") == "word" and text:
                start, end = (seconds(word.get(key), place) for key in ("start", "end"))
                who = word.get("speaker_id")
                who = path[1] if who is None and len(lists) > 1 else who
                entries.append(Entry(text, start, end, who, (*path, number), path))
    return original(source, in_time_order(entries) if len(lists) > 1 else entries)


def write(original: Original, words: list[Word]) -> str:
    document = original.source.json
    edit, changed = Edit(document), original.changes(words)
    index_of = {place: index for index, place in enumerate(original.places)}
    for path in _lists(document.root):
        last = None
        for number, word in enumerate(document.at(path)):
            place: Path = (*path, number)
            last = index_of.get(place, last)
            if last is None or not changed[last]:
                continue
            if place in index_of or (word.get("type") == "spacing" and "speaker_id" in word):
                edit.put((*place, "speaker_id"), original.value(words[last]["speaker"]))
    return edit.text()


def new(words: list[Word]) -> str:
    made: list[dict[str, Any]] = []
    for place, word in enumerate(words):
        if made and gap(words[place - 1]["words"], word["words"]):
            space = {"text": " ", "start": made[-1]["end"], "end": word["start_time"]}
            made.append(space | {"type": "spacing", "speaker_id": made[-1]["speaker_id"]})
        made.append(
            {
                "text": word["words"],
                "start": word["start_time"],
                "end": word["end_time"],
                "type": "word",
                "speaker_id": word["speaker"],
            }
        )
    return dumps({"language_code": "", "text": turns.said(words), "words": made})
