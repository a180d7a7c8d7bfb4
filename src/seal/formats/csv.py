"""CSV: a table with commas, a row a turn. `table` does the work."""

from typing import Any

from seal.formats import table
from seal.formats.reading import Original, Source
from seal.words import Word

HOLDS = {"turn times"}
NUMBERS = None
MARK = ","
write = table.write


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, str) and bool(table.columns_of(content.split("\n", 1)[0], MARK))


def read(source: Source) -> Original:
    return table.read(source, MARK)


def new(words: list[Word]) -> str:
    return table.new(words, MARK)
