"""Rev.ai's JSON: `monologues` with `elements`, words and marks between them; times in seconds.

Speakers are numbers. A mark ends the word before it. A monologue is split where the speaker
changes.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.reading import Original, Source
from seal.formats.utterances import Shape, by_keys
from seal.words import Word

HOLDS = {"word times", "word confidences"}
NUMBERS = 0
SHAPE = Shape(
    by_keys("ts", "end_ts"),
    text=None,
    words="elements",
    word="value",
    confidence="confidence",
    mark=lambda item: item.get("type") != "text",
)


def recognise(name: str, content: Any) -> bool:
    return utterances.has(content, ("monologues",), "elements")


def read(source: Source) -> Original:
    return utterances.read(source, ("monologues",), SHAPE)


def write(original: Original, words: list[Word]) -> str:
    return utterances.write(original, words, SHAPE)


def new(words: list[Word]) -> str:
    monologues = []
    for turn in turns.grouped(words):
        elements: list[dict[str, Any]] = []
        for word in turn:
            if elements:
                elements.append({"type": "punct", "value": " "})
            entry = {"type": "text", "value": word["words"]}
            entry |= {"ts": word["start_time"], "end_ts": word["end_time"]}
            if "asr_confidence" in word:
                entry["confidence"] = word["asr_confidence"]
            elements.append(entry)
        monologues.append({"speaker": int(turn[0]["speaker"]), "elements": elements})
    return dumps({"monologues": monologues})
