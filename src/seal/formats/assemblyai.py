"""AssemblyAI: `words`, and the same words in the speakers' `utterances`; times in milliseconds.

Utterances are split where the speaker changes. A transcript that has utterances alone is read from
them.
"""

from typing import Any

from seal.errors import SealError
from seal.exact_json import dumps
from seal.formats import turns
from seal.formats.document import Edit, Path
from seal.formats.reading import (
    Entry,
    Original,
    Source,
    in_time_order,
    objects,
    original,
    seconds,
    share,
    text_at,
)
from seal.parsing import quoted
from seal.words import Word

HOLDS = {"word times", "word confidences"}
NUMBERS = None
MILLISECOND = 0.001


def recognise(name: str, content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    lists = [content.get(key) for key in ("words", "utterances")]
    items = [items[0] for items in lists if isinstance(items, list) and items]
    return any(isinstance(i, dict) and {"text", "start", "end"} <= i.keys() for i in items)


def read(source: Source) -> Original:
    root, name = source.json.root, str(source.path)
    flat: list[tuple[Path, dict, Any]] = [
        (("words", number), word, None)
        for number, word in enumerate(objects(root.get("words"), f"{name}: words"))
    ]
    utterances = objects(root.get("utterances"), f"{name}: utterances")
    for number, turn in enumerate(utterances, start=1):
        if not isinstance(turn.get("words"), list):
            raise SealError(f"{name}: utterance {number}: has no 'words' to tell whose it is by")
    inside: list[tuple[Path, dict, Any]] = [
        (("utterances", number, "words", position), word, turn.get("speaker"))
        for number, turn in enumerate(utterances)
        for position, word in enumerate(objects(turn.get("words"), f"{name}: utterances: words"))
    ]
    speakers = [word.get("speaker") for _, word, _ in flat]
    for (_, word, speaker), index in zip(
        inside,
        turns.matched((_key(w) for _, w, _ in flat), (_key(w) for _, w, _ in inside)),
        strict=True,
    ):
        if index is None and flat:
            text = quoted(str(word.get("text")))
            raise SealError(f"{name}: the word {text} is in the utterances alone")
        if index is not None and speakers[index] is None:
            speakers[index] = speaker
    if not flat:
        flat = inside
        speakers = [
            speaker if word.get("speaker") in (None, "") else word["speaker"]
            for _, word, speaker in inside
        ]
    channels = {word.get("channel") for _, word, _ in flat} - {None}
    entries = []
    for number, ((path, word, _), speaker) in enumerate(zip(flat, speakers, strict=True), start=1):
        at = f"{name}: word {number}"
        entries.append(
            Entry(
                text_at(word, ("text",), at),
                seconds(word.get("start"), at, MILLISECOND),
                seconds(word.get("end"), at, MILLISECOND),
                word.get("channel") if speaker is None and len(channels) > 1 else speaker,
                place=path,
                segment=word.get("channel"),
                confidence=share(word.get("confidence"), at),
            )
        )
    return original(source, in_time_order(entries) if len(channels) > 1 else entries)


def _key(word: dict) -> tuple:
    return str(word.get("text")), str(word.get("start")), str(word.get("end"))


def write(original: Original, words: list[Word]) -> str:
    document = original.source.json
    edit = Edit(document)
    changed = original.changes(words)
    values = [original.value(word["speaker"]) for word in words]
    for path, value, new in zip(original.places, values, changed, strict=True):
        if new and path[0] == "words":
            edit.put((*path, "speaker"), value)
    utterances = objects(document.root.get("utterances"), "utterances")
    inside = [(number, word) for number, turn in enumerate(utterances) for word in turn["words"]]
    own = [_key(document.at(path)) for path in original.places]
    found: dict[int, list[int]] = {}
    for (number, _), index in zip(
        inside, turns.matched(own, (_key(word) for _, word in inside)), strict=True
    ):
        assert index is not None  # `read` has refused the others
        found.setdefault(number, []).append(index)
    for number, places in found.items():
        _utterance(edit, number, [values[i] for i in places], [changed[i] for i in places])
    return edit.text()


def _utterance(edit: Edit, number: int, values: list[Any], changed: list[bool]) -> None:
    path: Path = ("utterances", number)

    def piece(turn: dict, first: int, last: int, value: Any) -> dict:
        inside = [
            word | ({"speaker": value} if "speaker" in word else {})
            for word in turn["words"][first:last]
        ]
        texts = [text_at(word, ("text",), "word") for word in turn["words"]]
        return turn | {
            "text": turns.part(str(turn.get("text", "")), texts, first, last),
            "start": turn["start"] if first == 0 else inside[0]["start"],
            "end": turn["end"] if last == len(values) else inside[-1]["end"],
            "words": inside,
            "speaker": value,
        }

    turns.rewrite(edit, path, "speaker", values, changed, piece)
    if len(set(values)) == 1:
        for position, new in enumerate(changed):
            if new:
                edit.put((*path, "words", position, "speaker"), values[position])


def new(words: list[Word]) -> str:
    utterances = []
    for turn in turns.grouped(words):
        own = []
        for word in turn:
            entry = {
                "text": word["words"],
                "start": round(word["start_time"] * 1000),
                "end": round(word["end_time"] * 1000),
                "speaker": word["speaker"],
            }
            if "asr_confidence" in word:
                entry["confidence"] = word["asr_confidence"]
            own.append(entry)
        utterances.append(
            {
                "speaker": turn[0]["speaker"],
                "text": turns.said(turn),
                "start": own[0]["start"],
                "end": own[-1]["end"],
                "words": own,
            }
        )
    flat = [word for utterance in utterances for word in utterance["words"]]
    return dumps(
        {
            "id": turns.session(words),
            "status": "completed",
            "text": turns.said(words),
            "words": flat,
            "utterances": utterances,
        }
    )
