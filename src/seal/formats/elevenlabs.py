"""ElevenLabs Scribe's JSON: `words` with a `speaker_id` each, and the spaces between them.

A space has the speaker of the word before it. Sounds (`audio_event`) are no words.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.document import Edit
from seal.formats.reading import Entry, Original, Source, objects, original, seconds, text_at
from seal.words import Word

HOLDS = {"word times"}
NUMBERS = None


def recognise(name: str, content: Any) -> bool:
    if not utterances.has(content, ("words",), "text", "type"):
        return False
    return (
        any(isinstance(word, dict) and "speaker_id" in word for word in content["words"][:50])
        or "language_probability" in content
    )


def read(source: Source) -> Original:
    entries = []
    for number, word in enumerate(objects(source.json.root["words"], f"{source.path}: words")):
        place = f"{source.path}: word {number + 1}"
        text = text_at(word, ("text",), place).strip()
        if word.get("type", "word") == "word" and text:
            start, end = (seconds(word.get(key), place) for key in ("start", "end"))
            entries.append(Entry(text, start, end, word.get("speaker_id"), number))
    return original(source, entries)


def write(original: Original, words: list[Word]) -> str:
    edit, changed = Edit(original.source.json), original.changes(words)
    index_of = {place: index for index, place in enumerate(original.places)}
    last = None
    for number, word in enumerate(original.source.json.root["words"]):
        last = index_of.get(number, last)
        if last is None or not changed[last]:
            continue
        if number in index_of or (word.get("type") == "spacing" and "speaker_id" in word):
            value = original.value(words[last]["speaker"])
            edit.put(("words", number, "speaker_id"), value)
    return edit.text()


def new(words: list[Word]) -> str:
    made: list[dict[str, Any]] = []
    for word in words:
        if made:
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
