"""Soniox' JSON: `tokens`, pieces of words with a speaker each; times in milliseconds.

A word begins at a token that begins with a space, where the speaker changes, and at each letter of
a script without spaces. Tokens of a translation, and marks such as `<end>`, are no words.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.document import Edit
from seal.formats.reading import (
    Entry,
    Original,
    Source,
    objects,
    original,
    seconds,
    share,
    text_at,
)
from seal.formats.signs import spoken
from seal.unspaced import gap
from seal.words import Word

HOLDS = {"word times", "word confidences"}
NUMBERS = None


def recognise(name: str, content: Any) -> bool:
    return utterances.has(content, ("tokens",), "text", "start_ms")


def read(source: Source) -> Original:
    entries: list[Entry] = []
    for number, token in enumerate(objects(source.json.root["tokens"], f"{source.path}: tokens")):
        place = f"{source.path}: token {number + 1}"
        text = text_at(token, ("text",), place)
        marked = text.startswith("<") and text.endswith(">")
        if token.get("translation_status") == "translation" or marked or not text.strip():
            continue
        start, end = (seconds(token.get(key), place, 0.001) for key in ("start_ms", "end_ms"))
        sure, who = share(token.get("confidence"), place), token.get("speaker")
        last = entries[-1] if entries else None
        begins = last is None or text[0].isspace() or (who != last.speaker and spoken(text))
        dense = last is not None and not gap(last.text, text)
        if begins or (dense and spoken(text)):
            entries.append(Entry(text.strip(), start, end, who, [number], confidence=sure))
        elif last is not None:
            last.text += text.strip()
            last.end = last.end if end is None else end
            last.place.append(number)
            if sure is not None and last.confidence is not None:
                last.confidence = min(sure, last.confidence)
    return original(source, [entry for entry in entries if spoken(entry.text)])


def write(original: Original, words: list[Word]) -> str:
    edit = Edit(original.source.json)
    for numbers, word, new in zip(original.places, words, original.changes(words), strict=True):
        for number in numbers if new else ():
            edit.put(("tokens", number, "speaker"), original.value(word["speaker"]))
    return edit.text()


def new(words: list[Word]) -> str:
    tokens: list[dict[str, Any]] = []
    for place, word in enumerate(words):
        token = {
            "text": (gap(words[place - 1]["words"], word["words"]) if tokens else "")
            + word["words"],
            "start_ms": round(word["start_time"] * 1000),
            "end_ms": round(word["end_time"] * 1000),
        }
        if "asr_confidence" in word:
            token["confidence"] = word["asr_confidence"]
        tokens.append(token | {"speaker": word["speaker"]})
    return dumps({"id": turns.session(words), "text": turns.said(words), "tokens": tokens})
