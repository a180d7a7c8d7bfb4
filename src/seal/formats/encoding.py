"""From a file's bytes to its text: UTF-8, UTF-16 where it says so, and what other bytes may be.

It knows of a format only whether it is a text or JSON.
"""

import re
from pathlib import Path

from seal.errors import SealError
from seal.formats import foreign
from seal.formats.reading import BROKEN, Source

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a]")
_OTHER = re.compile("[^\x00-\x7f\udc80-\udcff]+")


def read_source(path: Path, text_wanted: bool = False, data: bytes | None = None) -> Source:
    """A file's text, or that of `data`, which `path` then only names. Raises SealError if it cannot
    be read, or is no text.

    UTF-8, or UTF-16 where it says so; if `text_wanted`, else what `_guessed` takes it for.
    """
    try:
        data = path.read_bytes() if data is None else data
    except OSError as error:
        raise SealError(f"{path}: cannot be read: {error.strerror}") from None
    foreign.refuse_documents(path, data)
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(data[:2], "utf-8")
    source = Source(path, "", encoding=encoding)
    try:
        source.text = data.decode(encoding)
    except UnicodeDecodeError as error:
        problem = f"{path}: not a JSON text in UTF-8 (byte {error.start}); is it a word transcript?"
        if text_wanted:
            line = data.count(b"\n", 0, error.start) + 1
            problem = (
                f"{path}: line {line}: no text in UTF-8 (byte {error.start}); save it as UTF-8"
            )
        if foreign.is_recording(data):
            problem = f"{path}: a recording, no transcript; seal transcribe makes one of it"
        if not text_wanted or _CONTROL.search(data.decode("latin-1")):
            raise SealError(problem) from None
        if not _guessed(source, data, error.start):
            raise SealError(f"{problem} (iconv -f ENCODING -t UTF-8)") from None
    source.bom = source.text[:1] if source.text.startswith("\ufeff") else ""
    source.text = source.text[len(source.bom) :]
    if text_wanted and "\r" in source.text and "\n" not in source.text:
        source.text, source.returns = source.text.replace("\r", "\n"), True
    return source


def _guessed(source: Source, data: bytes, first: int) -> bool:
    """Read bytes that are not UTF-8, and say so: a few broken ones stay as they are, single letters
    beyond ASCII are cp1252, which old subtitles are in. Whole words of them could be anything."""
    line = data.count(b"\n", 0, first) + 1
    text = data.decode("utf-8", "surrogateescape")
    broken, other = len(BROKEN.findall(text)), len(_OTHER.findall(text))
    few = other > 0 and broken <= max(1, other // 4)
    if source.encoding == "utf-8" and (few or data.startswith(b"\xef\xbb\xbf")):
        source.text, source.errors = text, "surrogateescape"
        source.notes.append(f"line {line}: a byte that is no UTF-8 stays as it is, shown as \ufffd")
        return True
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    runs = _OTHER.findall(text)
    letters = sum(map(str.isalpha, text))
    if any(len(run) > 3 for run in runs) or 3 * sum(map(len, runs)) > letters:
        return False
    source.text, source.encoding = text, "cp1252"
    source.notes.append(f"line {line}: no UTF-8, taken for cp1252 (Western European)")
    return True
