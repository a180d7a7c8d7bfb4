"""Gecko's JSON, which NeMo writes, too: `monologues` of a speaker (`id`) with `terms`."""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.reading import Original, Source
from seal.formats.utterances import Shape, by_keys
from seal.words import Word

HOLDS = {"word times"}
NUMBERS = None
SHAPE = Shape(
    by_keys("start", "end"),
    speaker=("speaker", "id"),
    text=None,
    words="terms",
    word="text",
    mark=lambda item: item.get("type", "WORD") != "WORD",
)


def recognise(name: str, content: Any) -> bool:
    return utterances.has(content, ("monologues",), "terms")


def read(source: Source) -> Original:
    return utterances.read(source, ("monologues",), SHAPE)


def write(original: Original, words: list[Word]) -> str:
    return utterances.write(original, words, SHAPE)


def new(words: list[Word]) -> str:
    monologues = []
    for turn in turns.grouped(words):
        terms = [
            {"start": w["start_time"], "end": w["end_time"], "text": w["words"], "type": "WORD"}
            for w in turn
        ]
        speaker = {"name": None, "id": turn[0]["speaker"]}
        monologues.append({"speaker": speaker, "terms": terms})
    return dumps({"schemaVersion": 2.0, "monologues": monologues})
