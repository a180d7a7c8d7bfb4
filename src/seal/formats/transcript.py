"""The word transcript itself, as `seal.words` reads and writes it."""

from typing import Any

from seal.exact_json import dumps
from seal.formats.document import Lines
from seal.formats.reading import Original, Source
from seal.words import Word, check, text_of

HOLDS = {"word times", "word confidences", "speaker scores", "conversations"}
NUMBERS = None


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, list)


def read(source: Source) -> Original:
    words = check(source.json.root, str(source.path))
    if not words:
        source.notes.append("has no words: nobody was heard")
    return Original(source, words, holes=[False] * len(words))


def write(original: Original, words: list[Word]) -> str:
    if isinstance(original.source.json, Lines):
        return "".join(f"{dumps(word)}\n" for word in words)
    return text_of(words)


def new(words: list[Word]) -> str:
    return text_of(words)
