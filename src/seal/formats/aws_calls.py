"""Amazon Transcribe's Call Analytics: `Transcript`, a turn each by a `ParticipantRole`.

Times are milliseconds; punctuation is an item without any, the end of the word before it. A turn is
split where the speaker changes; what it says of itself as a whole (sentiment, loudness) stays with
each piece.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.reading import Original, Source
from seal.formats.utterances import Shape, by_keys
from seal.words import Word

HOLDS = {"word times", "word confidences"}
NUMBERS = None
SHAPE = Shape(
    by_keys("BeginOffsetMillis", "EndOffsetMillis", 0.001),
    speaker=("ParticipantRole",),
    text="Content",
    words="Items",
    word="Content",
    confidence="Confidence",
    mark=lambda item: item.get("Type") == "punctuation",
)


def recognise(name: str, content: Any) -> bool:
    return utterances.has(content, ("Transcript",), "ParticipantRole")


def read(source: Source) -> Original:
    return utterances.read(source, ("Transcript",), SHAPE)


def write(original: Original, words: list[Word]) -> str:
    return utterances.write(original, words, SHAPE)


def new(words: list[Word]) -> str:
    made = []
    for number, turn in enumerate(turns.grouped(words), start=1):
        items = []
        for word in turn:
            item = {"Type": "pronunciation", "Content": word["words"], **_times([word])}
            if "asr_confidence" in word:
                item["Confidence"] = str(word["asr_confidence"])
            items.append(item)
        made.append(
            {
                "Id": str(number),
                "ParticipantRole": turn[0]["speaker"],
                **_times(turn),
                "Content": turns.said(turn),
                "Items": items,
            }
        )
    roles = [{"ParticipantRole": name} for name in dict.fromkeys(w["speaker"] for w in words)]
    return dumps({"JobStatus": "COMPLETED", "Participants": roles, "Transcript": made})


def _times(words: list[Word]) -> dict[str, int]:
    start, end = words[0]["start_time"], words[-1]["end_time"]
    return {"BeginOffsetMillis": round(start * 1000), "EndOffsetMillis": round(end * 1000)}
