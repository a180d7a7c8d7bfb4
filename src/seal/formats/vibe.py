"""Vibe's JSON: a list of segments with `start` and `stop` in hundredths of a second."""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.reading import Original, Source
from seal.formats.utterances import Shape, by_keys
from seal.words import Word

HOLDS = {"turn times"}
NUMBERS = None
SHAPE = Shape(by_keys("start", "stop", 0.01))


def recognise(name: str, content: Any) -> bool:
    return utterances.has(content, (), "start", "stop", "text")


def read(source: Source) -> Original:
    return utterances.read(source, (), SHAPE)


def write(original: Original, words: list[Word]) -> str:
    return utterances.write(original, words, SHAPE)


def new(words: list[Word]) -> str:
    segments = [
        {
            "start": round(turn[0]["start_time"] * 100),
            "stop": round(turn[-1]["end_time"] * 100),
            "text": turns.said(turn),
            "speaker": turn[0]["speaker"],
        }
        for turn in turns.grouped(words)
    ]
    return dumps(segments)
