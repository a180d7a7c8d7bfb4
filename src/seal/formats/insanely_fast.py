"""insanely-fast-whisper's JSON: `speakers` with a text and a `timestamp` [start, end] each.

`chunks` are the recogniser's, without speakers, and stay. An end may be missing.
"""

from typing import Any

from seal.errors import SealError
from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.reading import Original, Source, seconds
from seal.formats.utterances import Clock, Shape, Time
from seal.words import Word

HOLDS = {"turn times"}
NUMBERS = None


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(content.get(key), list) for key in ("speakers", "chunks")
    )


def _read(item: dict, place: str) -> tuple[Time, Time]:
    stamp = item.get("timestamp")
    if not isinstance(stamp, list) or len(stamp) != 2:
        raise SealError(f"{place}: 'timestamp' must be [start, end]")
    return seconds(stamp[0], place), seconds(stamp[1], place)


def _write(item: dict, start: Time, end: Time) -> dict[str, Any]:
    first, last = item["timestamp"]
    first = first if start is None else round(start, 3)
    return {"timestamp": [first, last if end is None else round(end, 3)]}


SHAPE = Shape(Clock(_read, _write))


def read(source: Source) -> Original:
    if not source.json.root["speakers"]:
        raise SealError(
            f"{source.path}: no speakers in it; run it with --hf-token, which adds them"
        )
    return utterances.read(source, ("speakers",), SHAPE)


def write(original: Original, words: list[Word]) -> str:
    return utterances.write(original, words, SHAPE)


def new(words: list[Word]) -> str:
    chunks = [
        {
            "timestamp": [turn[0]["start_time"], turn[-1]["end_time"]],
            "text": " " + turns.said(turn),
        }
        for turn in turns.grouped(words)
    ]
    names = [turn[0]["speaker"] for turn in turns.grouped(words)]
    speakers = [{"speaker": name, **chunk} for name, chunk in zip(names, chunks, strict=True)]
    return dumps({"speakers": speakers, "chunks": chunks, "text": " " + turns.said(words)})
