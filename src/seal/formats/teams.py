"""Microsoft Teams' transcript as JSON: `entries` with a `speakerDisplayName` each.

Times are `00:00:00.5000000`. An entry that goes to somebody else gets their `speakerId`, too.
"""

import re
from typing import Any

from seal.errors import SealError
from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.reading import Original, Source
from seal.formats.utterances import Clock, Shape, Time
from seal.words import Word

HOLDS = {"turn times"}
NUMBERS = None
KEYS = ("startOffset", "endOffset")
_CLOCK = re.compile(r"(\d{1,3}):(\d{2}):(\d{2}(?:\.\d{1,9})?)", re.ASCII)


def recognise(name: str, content: Any) -> bool:
    return utterances.has(content, ("entries",), "text", "speakerDisplayName")


def _read(item: dict, place: str) -> tuple[Time, Time]:
    start, end = (_seconds(item.get(key), place) for key in KEYS)
    return start, end


def _seconds(value: Any, place: str) -> Time:
    if value is None:
        return None
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise SealError(f"{place}: not a time ('00:00:01.5')")
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])


def _write(item: dict, start: Time, end: Time) -> dict[str, Any]:
    times = zip(KEYS, (start, end), strict=True)
    return {key: _clock(time) for key, time in times if time is not None and key in item}


def _clock(time: float) -> str:
    whole = round(time * 1000)
    return f"{whole // 3600000:02}:{whole // 60000 % 60:02}:{whole % 60000 / 1000:010.7f}"


SHAPE = Shape(Clock(_read, _write), speaker=("speakerDisplayName",), also=("speakerId",))


def read(source: Source) -> Original:
    return utterances.read(source, ("entries",), SHAPE)


def write(original: Original, words: list[Word]) -> str:
    return utterances.write(original, words, SHAPE)


def new(words: list[Word]) -> str:
    entries = [
        {
            "id": str(number),
            "text": turns.said(turn),
            "speakerId": turn[0]["speaker"],
            "speakerDisplayName": turn[0]["speaker"],
            "startOffset": _clock(turn[0]["start_time"]),
            "endOffset": _clock(turn[-1]["end_time"]),
        }
        for number, turn in enumerate(turns.grouped(words))
    ]
    return dumps({"type": "Transcript", "entries": entries})
