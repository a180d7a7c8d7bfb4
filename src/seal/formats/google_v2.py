"""Google Speech-to-Text v2: `results` whose words have a `speakerLabel`, a text.

It is read and written as v1 is, under v2's names. A batch has `results` by the names of its files,
which are a conversation each.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats import google_v1, turns
from seal.formats.google_v1 import LABELS, STARTS, keys_of, new_word
from seal.words import Word

HOLDS = google_v1.HOLDS
NUMBERS = None
read, write = google_v1.read, google_v1.write


def recognise(name: str, content: Any) -> bool:
    keys = keys_of(content)
    return bool(keys.intersection(STARTS[2:] + LABELS)) and not google_v1.recognise(name, content)


def new(words: list[Word]) -> str:
    results = []
    for turn in turns.grouped(words):
        own = [
            new_word(word, "startOffset", "endOffset") | {"speakerLabel": word["speaker"]}
            for word in turn
        ]
        best = {"transcript": turns.said(turn), "words": own}
        results.append({"alternatives": [best], "resultEndOffset": own[-1]["endOffset"]})
    return dumps({"results": results})
