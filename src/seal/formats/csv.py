"""CSV: a table with commas or semicolons, a row a turn. `table` does the work."""

from typing import Any

from seal.formats import table
from seal.formats.reading import Original, Source
from seal.words import Word

HOLDS = {"turn times"}
NUMBERS = None
MARK = ","
write = table.write


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, str) and bool(table.columns_of(*_header(content)))


def _header(text: str) -> tuple[str, str]:
    """The first line, and what divides its fields: Excel takes `;` where numbers have a comma."""
    header = text.split("\n", 1)[0].removesuffix("\r")
    return header, ";" if table.columns_of(header, ";") else MARK


def read(source: Source) -> Original:
    return table.read(source, _header(source.text)[1])


def new(words: list[Word]) -> str:
    return table.new(words, MARK)
