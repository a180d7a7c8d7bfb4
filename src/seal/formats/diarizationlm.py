"""DiarizationLM's JSON: `utterances` with the words in `hyp_text` and a number each in `hyp_spk`.

An utterance is a conversation. There are no times: they are taken from the letters alone.
`hyp_diarized_text` (`<speaker:1> …`) is written anew; the reference stays.
"""

from typing import Any

from seal.errors import SealError
from seal.exact_json import dumps
from seal.formats.document import Edit
from seal.formats.reading import LETTER, Entry, Original, Source, objects, original, text_at
from seal.formats.reading import runs as stretches
from seal.formats.turns import spaced
from seal.parsing import split_time
from seal.words import Word, sessions

HOLDS = {"conversations"}
NUMBERS = 1


def recognise(name: str, content: Any) -> bool:
    items = content.get("utterances") if isinstance(content, dict) else None
    first = items[0] if isinstance(items, list) and items else None
    return isinstance(first, dict) and {"hyp_text", "hyp_spk"} <= first.keys()


def read(source: Source) -> Original:
    entries = []
    for number, item in enumerate(objects(source.json.root["utterances"], f"{source.path}")):
        place = f"{source.path}: utterance {number + 1}"
        texts = text_at(item, ("hyp_text",), place).split()
        names = text_at(item, ("hyp_spk",), place).split()
        if len(texts) != len(names):
            raise SealError(f"{place}: {len(texts)} words in hyp_text, {len(names)} in hyp_spk")
        length = LETTER * sum(len(text) + 1 for text in texts)
        session = str(item.get("utterance_id", f"{source.path.stem}-{number + 1}"))
        times = split_time(texts, 0.0, length) if texts else []
        for text, name, (start, end) in zip(texts, names, times, strict=True):
            entries.append(
                Entry(text, start, end, name, number, estimated=True, session_id=session)
            )
    return original(source, entries)


def write(original: Original, words: list[Word]) -> str:
    document = original.source.json
    edit = Edit(document)
    changed = original.changes(words)
    parts: dict[int, list[int]] = {}
    for index, number in enumerate(original.places):
        parts.setdefault(number, []).append(index)
    for number, own in parts.items():
        if any(changed[index] for index in own):
            path = ("utterances", number)
            after = [words[index] for index in own]
            edit.put((*path, "hyp_spk"), " ".join(word["speaker"] for word in after))
            text = document.at(path).get("hyp_diarized_text")
            if text == _diarized([original.words[index] for index in own]):
                edit.put((*path, "hyp_diarized_text"), _diarized(after))
    return edit.text()


def _diarized(words: list[Word]) -> str:
    parts = stretches(word["speaker"] for word in words)
    return " ".join(f"<speaker:{name}> {spaced(words[first:last])}" for name, first, last in parts)


def new(words: list[Word]) -> str:
    utterances = []
    for session, indices in sessions(words):
        own = [words[index] for index in indices]
        utterances.append(
            {
                "utterance_id": session,
                "hyp_text": spaced(own),
                "hyp_spk": " ".join(word["speaker"] for word in own),
                "hyp_diarized_text": _diarized(own),
            }
        )
    return dumps({"utterances": utterances})
