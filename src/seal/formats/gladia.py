"""Gladia's JSON: `utterances` with words, times in seconds, speakers that are numbers.

It stands in the job's `result.transcription`, or alone. Utterances without a speaker, of several
channels, have their channel's.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.document import Path
from seal.formats.reading import Original, Source
from seal.formats.utterances import Shape, by_keys
from seal.unspaced import gap
from seal.words import Word

HOLDS = {"word times", "word confidences"}
NUMBERS = 0
SHAPE = Shape(by_keys("start", "end"), words="words", confidence="confidence")
_PLACES: tuple[Path, ...] = (
    ("result", "transcription", "utterances"),
    ("transcription", "utterances"),
)


def recognise(name: str, content: Any) -> bool:
    return any(utterances.has(content, path, "text", "start", "end") for path in _PLACES)


def read(source: Source) -> Original:
    root = source.json.root
    path = _PLACES[0] if utterances.has(root, _PLACES[0]) else _PLACES[1]
    spoken = utterances.at(root, path)
    channels = {turn.get("channel") for turn in spoken if isinstance(turn, dict)}
    nobody = all(turn.get("speaker") is None for turn in spoken if isinstance(turn, dict))
    if nobody and len(channels) > 1:
        return utterances.read(source, path, SHAPE._replace(speaker=("channel",)))
    return utterances.read(source, path, SHAPE)


def write(original: Original, words: list[Word]) -> str:
    nobody = all(turn.get("speaker") is None for turn in original.source.json.at(original.kept))
    shape = SHAPE._replace(speaker=("channel",)) if nobody else SHAPE
    return utterances.write(original, words, shape)


def new(words: list[Word]) -> str:
    spoken = []
    for turn in turns.grouped(words):
        own = []
        for place, word in enumerate(turn):
            before = gap(turn[place - 1]["words"], word["words"]) if place else " "
            entry = {
                "word": before + word["words"],
                "start": word["start_time"],
                "end": word["end_time"],
            }
            if "asr_confidence" in word:
                entry["confidence"] = word["asr_confidence"]
            own.append(entry)
        spoken.append(
            {
                "text": turns.said(turn),
                "start": turn[0]["start_time"],
                "end": turn[-1]["end_time"],
                "channel": 0,
                "speaker": int(turn[0]["speaker"]),
                "words": own,
            }
        )
    transcription = {"full_transcript": turns.said(words), "utterances": spoken}
    return dumps({"status": "done", "result": {"transcription": transcription}})
