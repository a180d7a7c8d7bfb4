"""FunASR's JSON: `sentence_info` with a number (`spk`) and the times of words in milliseconds.

A list of recordings, or one alone. Where a sentence has as many times as words (in a script without
spaces: as letters), they are the words'; else its time is shared out. A sentence is split where the
speaker changes.
"""

from typing import Any

from seal.errors import SealError
from seal.exact_json import dumps
from seal.formats import turns, utterances
from seal.formats.document import Path
from seal.formats.reading import Entry, Original, Source, objects, original, seconds
from seal.formats.signs import spoken
from seal.formats.utterances import Shape, by_keys, shared_out
from seal.unspaced import characters
from seal.words import Word

HOLDS = {"word times"}
NUMBERS = 0
UNIT = 0.001
KEYS = ("text", "sentence")


def recognise(name: str, content: Any) -> bool:
    first = content[0] if isinstance(content, list) and content else content
    return isinstance(first, dict) and isinstance(first.get("sentence_info"), list)


def _path(source: Source) -> Path:
    root = source.json.root
    if isinstance(root, list) and len(root) > 1:
        raise SealError(f"{source.path}: {len(root)} recordings; give each a file of its own")
    return (0, "sentence_info") if isinstance(root, list) else ("sentence_info",)


def _stamps(turn: dict) -> list[Any] | None:
    """The times of a sentence's words, where there are as many."""
    stamps, text = turn.get("timestamp"), turn.get("text", turn.get("sentence"))
    if not isinstance(stamps, list) or not isinstance(text, str):
        return None
    return stamps if len(stamps) in (len(turns.tokens(text)), len(_letters(text))) else None


def _letters(text: str) -> list[str]:
    """The words of a text, in a script without spaces its letters, each with its marks."""
    return [one for one in characters(text) if spoken(one)]


def _cut(turn: dict, first: int, last: int, count: int) -> dict[str, Any]:
    stamps = turn.get("timestamp")
    if not isinstance(stamps, list):
        return {}
    low, high = (round(side * len(stamps) / count) for side in (first, last))
    return {"timestamp": stamps[low:high]}


def _shape(turn: dict) -> Shape:
    text = next((key for key in KEYS if key in turn), KEYS[0])
    return Shape(by_keys("start", "end", UNIT), speaker=("spk",), text=text, more=_cut)


def read(source: Source) -> Original:
    path = _path(source)
    name = f"{source.path}: sentence_info"
    entries: list[Entry] = []
    for number, turn in enumerate(objects(source.json.at(path), name)):
        place = f"{name}: entry {number + 1}"
        text = turn.get("text", turn.get("sentence"))
        if not isinstance(text, str):
            raise SealError(f"{place}: has no 'text' that is a string")
        start, end = (seconds(turn.get(key), place, UNIT) for key in ("start", "end"))
        stamps = _stamps(turn) or []
        own = shared_out(text, start, end, turn.get("spk"), number)
        if len(stamps) > len(own):
            own = [
                Entry(one, start, end, turn.get("spk"), (number, None), number)
                for one in _letters(text)
            ]
        for entry, stamp in zip(own, stamps, strict=False):
            if not isinstance(stamp, list) or len(stamp) != 2:
                raise SealError(f"{place}: 'timestamp' must be [start, end] a word")
            entry.start, entry.end = (seconds(time, place, UNIT) for time in stamp)
            entry.estimated = False
        entries += own
    return original(source, entries, kept=path)


def write(original: Original, words: list[Word]) -> str:
    turn = original.source.json.at(original.kept)[0]
    return utterances.write(original, words, _shape(turn))


def new(words: list[Word]) -> str:
    def stamp(own: list[Word]) -> list[int]:
        return [round(own[0]["start_time"] * 1000), round(own[-1]["end_time"] * 1000)]

    sentences = [
        {
            "text": turns.said(turn),
            "start": stamp(turn)[0],
            "end": stamp(turn)[1],
            "timestamp": [stamp([word]) for word in turn],
            "spk": int(turn[0]["speaker"]),
        }
        for turn in turns.grouped(words)
    ]
    recording = {
        "key": turns.session(words),
        "text": turns.said(words),
        "timestamp": [stamp([word]) for word in words],
        "sentence_info": sentences,
    }
    return dumps([recording])
