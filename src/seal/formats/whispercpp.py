"""whisper.cpp's JSON: `transcription` with a segment each, times in milliseconds.

A speaker is there with `--diarize` on a stereo file; "?" is nobody. A segment is split where the
speaker changes, with its `timestamps` and, where they are as many as its words, its `tokens`.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.reading import Original, Source, seconds
from seal.formats.srt import clock
from seal.formats.utterances import Clock, Shape, Time
from seal.words import Word

HOLDS = {"turn times"}
NUMBERS = None


def recognise(name: str, content: Any) -> bool:
    return utterances.has(content, ("transcription",), "text", "offsets")


def _read(item: dict, place: str) -> tuple[Time, Time]:
    offsets = item["offsets"]
    return seconds(offsets.get("from"), place, 0.001), seconds(offsets.get("to"), place, 0.001)


def _write(item: dict, start: Time, end: Time) -> dict[str, Any]:
    offsets, stamps = dict(item["offsets"]), dict(item.get("timestamps") or {})
    for key, time in (("from", start), ("to", end)):
        if time is not None:
            offsets[key] = round(time * 1000)
            stamps[key] = clock(time, ",")
    return {"offsets": offsets} | ({"timestamps": stamps} if "timestamps" in item else {})


def _tokens(turn: dict, first: int, last: int, count: int) -> dict[str, Any]:
    """Tokens are pieces of words: each piece has those whose words it has."""
    if not isinstance(turn.get("tokens"), list):
        return {}
    word, own = -1, []
    for token in turn["tokens"]:
        text = str(token.get("text", "")) if isinstance(token, dict) else ""
        word += text.startswith(" ") or word < 0
        if first <= min(word, count - 1) < last:
            own.append(token)
    return {"tokens": own}


SHAPE = Shape(Clock(_read, _write), unknown=(None, "", "?"), more=_tokens)


def read(source: Source) -> Original:
    return utterances.read(source, ("transcription",), SHAPE)


def write(original: Original, words: list[Word]) -> str:
    return utterances.write(original, words, SHAPE)


def new(words: list[Word]) -> str:
    segments = []
    for turn in turns.grouped(words):
        start, end = turn[0]["start_time"], turn[-1]["end_time"]
        segments.append(
            {
                "timestamps": {"from": clock(start, ","), "to": clock(end, ",")},
                "offsets": {"from": round(start * 1000), "to": round(end * 1000)},
                "text": " " + turns.said(turn),
                "speaker": turn[0]["speaker"],
            }
        )
    return dumps({"result": {"language": ""}, "transcription": segments})
