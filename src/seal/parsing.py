"""What people or tools wrote: a file's text, its lines, a time in seconds, a word's share of one.

Everything that cannot be read is refused in one line with its file and place. It knows no format
and no corpus.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from seal.errors import SealError

LATEST = 1e6
"""Seconds. A later time (eleven days and more) is damage, or some other unit."""

_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Control characters, but for tab, line feed and the mark (U+0015) around CHAT's times.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x14\x16-\x1f\x7f-\x9f]")


def read_bytes(file: Path) -> bytes:
    """A file's content. Raises SealError if it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise SealError(f"{file}: cannot be read: {error.strerror}") from None


def read_text(file: Path, fallback: str | None = None) -> str:
    """A file's text with plain line feeds; UTF-8, or UTF-16 if it says so, else `fallback`.

    Raises SealError with the line for bytes that are no text.
    """
    data = read_bytes(file)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        try:
            if fallback is None:
                raise
            text = data.decode(fallback)
        except UnicodeDecodeError:
            line = data.count(b"\n", 0, error.start) + 1
            raise SealError(f"{file}: line {line}: not text in {encoding[:6].upper()}") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    damage = _CONTROL.search(text)
    if damage:
        raise SealError(f"{file}: line {line_at(text, damage.start())}: control characters in it")
    return text


def lines(text: str, comment: str) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of the lines that are neither blank nor start with `comment`."""
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if line and not line.startswith(comment):
            yield number, line


def line_at(text: str, position: int) -> int:
    """The number (from 1) of the line that holds the character at `position`."""
    return text.count("\n", 0, position) + 1


def seconds(text: str, place: str) -> float:
    """A time. Raises SealError naming `place` if it is negative, no number or out of bounds."""
    value = float(text) if _NUMBER.fullmatch(text) else -1.0
    if text[:1] == "-" and _NUMBER.fullmatch(text[1:]) and float(text) == 0:
        return 0.0  # a rounding below nothing
    if not 0 <= value <= LATEST:
        raise SealError(f"{place}: not a time in seconds: {quoted(text)}")
    return value


def quoted(text: str) -> str:
    """`text` as a message shows it: in quotation marks, on one line and not too long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def split_time(texts: Sequence[str], start: float, end: float) -> list[tuple[float, float]]:
    """Each word's part of [start, end] seconds, by its number of letters."""
    length = max(end - start, 0.0)
    total = sum(len(text) + 1 for text in texts)
    found, position = [], 0
    for text in texts:
        first = start + length * position / total
        position += len(text) + 1
        found.append((round(first, 3), round(start + length * position / total, 3)))
    return found


def counted(count: int, name: str) -> str:
    """So many things of a name.

    >>> counted(1, "word"), counted(2, "word")
    ('1 word', '2 words')
    """
    return f"{count} {name}" + "s" * (count != 1)
