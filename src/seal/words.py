"""The word transcript: the one data type that passes between all parts of seal.

A word transcript is MeetEval's SegLST at word level: a list of dicts, one per word, in time order.
This file reads, checks, groups and writes it, and keeps every unknown key and every number as it
was written. It knows nothing of audio, of models or of any other file format.
"""

import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seal.errors import SealError

Word = dict[str, Any]
"""One word: `session_id`, `speaker`, `words`, `start_time`, `end_time` (seconds), perhaps
`speaker_scores` ({speaker: posterior in [0, 1]}), and any other keys, which are kept."""


@dataclass(frozen=True)
class Conversation:
    """The words of a recording in time order, and its K speakers."""

    words: Sequence[Word]
    names: Sequence[str]

    def draft(self) -> list[int]:
        """The first pass's speaker of each word, as a place in `names`."""
        number = {name: place for place, name in enumerate(self.names)}
        return [number[word["speaker"]] for word in self.words]


REQUIRED = ("session_id", "speaker", "words", "start_time", "end_time")

DEEPEST = 100
"""Levels of lists and objects in a key that seal does not know."""

_NOT_WORD = re.compile(r"[^\w\s']|_", re.UNICODE)


class _Number(float):
    """A float that remembers how it was written, so that writing it again changes no byte."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "_Number":
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return _Number, (self.text,)


class _TwiceError(Exception):
    """A key that an object has twice: one of its values could not be kept."""


def _float(text: str) -> float:
    """Most numbers are written as Python would: those need no memory of it, in neither sense."""
    number = float(text)
    return number if repr(number) == text else _Number(text)


def _integer(text: str) -> int | _Number:
    return _Number(text) if text == "-0" else int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(next(key for key in keys if keys.count(key) > 1))
    return found


def normalise(text: str) -> str:
    """Lower case, no punctuation: how a word is shown to the model and compared in scoring.

    Apostrophes inside a word stay (`don't`), hyphens become spaces, white space is folded.

    >>> normalise("Well-known, isn't it?")
    "well known isn't it"
    """
    text = text.replace("\u2019", "'").replace("-", " ").lower()
    text = _NOT_WORD.sub("", text)
    return " ".join(piece.strip("'") for piece in text.split() if piece.strip("'"))


def check(words: Any, name: str = "transcript") -> list[Word]:
    """Return `words` if it is a word transcript, else raise a SealError that names the place.

    `name` is what the message calls the input (a file's path, as a rule). Entries are counted
    from 1. Times must be finite and not negative, scores numbers in [0, 1].
    """
    if not isinstance(words, list):
        raise SealError(
            f"{name}: a word transcript is a JSON list of words, this is {_kind(words)}"
        )
    for number, word in enumerate(words, start=1):
        place = f"{name}: entry {number}"
        if not isinstance(word, dict):
            raise SealError(f"{place}: a word is a JSON object, this is {_kind(word)}")
        for field in REQUIRED:
            if field not in word:
                raise SealError(f"{place}: the field '{field}' is missing")
        for field in ("session_id", "speaker", "words"):
            if not isinstance(word[field], str):
                raise SealError(f"{place}: '{field}' must be a string, not {_kind(word[field])}")
        for field in ("start_time", "end_time"):
            if not _is_number(word[field]) or word[field] < 0:
                raise SealError(
                    f"{place}: '{field}' must be seconds, 0 or more, not {_show(word[field])}"
                )
        _check_scores(word.get("speaker_scores"), place)
        for field, value in word.items():
            if isinstance(value, (dict, list)) and too_deep(value):
                raise SealError(f"{place}: {_show(field)} is nested deeper than {DEEPEST}")
    return words


def too_deep(value: Any) -> bool:
    """Whether `dumps`, which calls itself, could not write it."""
    level, depth = [value], 0
    while level:
        depth += 1
        inner = [v.values() if isinstance(v, dict) else v for v in level]
        level = [v for part in inner for v in part if isinstance(v, (dict, list))]
        if depth > DEEPEST:
            return True
    return False


def _check_scores(scores: Any, place: str) -> None:
    if scores is None:
        return
    if not isinstance(scores, dict):
        raise SealError(
            f"{place}: 'speaker_scores' must map speakers to scores, not {_kind(scores)}"
        )
    for speaker, score in scores.items():
        if not isinstance(speaker, str):
            raise SealError(f"{place}: 'speaker_scores' has a speaker that is no string")
        if not _is_number(score) or not 0 <= score <= 1:
            raise SealError(
                f"{place}: 'speaker_scores' of {speaker!r} must lie in [0, 1], not {_show(score)}"
            )


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _show(value: Any) -> str:
    text = repr(float(value)) if isinstance(value, _Number) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    if value is None:
        return "null"
    return names.get(type(value), "a number")


def read(path: str | Path) -> list[Word]:
    """Read and check a word transcript. Raises SealError (one line, naming file and place)."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SealError(
            f"{path}: not a JSON text in UTF-8 (byte {error.start}); is it a word transcript?"
        ) from None
    except OSError as error:
        raise SealError(f"{path}: cannot be read: {error.strerror}") from None
    return check(parse(text, str(path)), str(path))


def parse(text: str, name: str) -> Any:
    """The value of a JSON text, its numbers as they were written. Raises SealError as `read`."""
    try:
        return json.loads(text, parse_float=_float, parse_int=_integer, object_pairs_hook=_object)
    except _TwiceError as error:
        raise SealError(f"{name}: the key {str(error)!r} stands twice in one object") from None
    except json.JSONDecodeError as error:
        raise SealError(
            f"{name}: not JSON (line {error.lineno}, column {error.colno}: {error.msg})"
        ) from None
    except (RecursionError, ValueError):
        raise SealError(
            f"{name}: not usable JSON (nested too deep, or a number too long)"
        ) from None


def write(words: Iterable[Word], path: str | Path) -> None:
    """Write a word transcript, one word a line. The file appears whole or not at all."""
    write_text(text_of(words), path)


def text_of(words: Iterable[Word]) -> str:
    """The text of a word transcript, as `write` writes it."""
    lines = ",\n".join(" " + dumps(word) for word in words)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def dumps(value: Any) -> str:
    """JSON text of `value`; numbers read by `read` come out as they were written."""
    if isinstance(value, _Number):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{dumps(str(k))}: {dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(dumps(item) for item in value) + "]"
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        # A lone surrogate has no UTF-8 form: only the escape can carry it.
        return json.dumps(value) if re.search("[\ud800-\udfff]", text) else text
    return json.dumps(value)


def scratch_name(path: Path) -> str:
    """What the name of a file's temporary neighbour begins with: as much as there is room for."""
    return path.name.encode("utf-8", "surrogateescape")[:200].decode("utf-8", "ignore")


def write_text(text: str, path: str | Path, encoding: str = "utf-8") -> None:
    """Write `text` to `path` by way of a temporary neighbour, so that no half file is ever seen.

    Line ends are written as they are in `text`.
    """
    path = Path(path)
    real = Path(os.path.realpath(path))  # a link stays one
    scratch = None
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        # A pipe cannot be replaced; /dev/stdout must not be, also where it leads to a file.
        folders = path.absolute().parents
        device = Path("/dev") in folders and Path("/dev/shm") not in folders
        if path.exists() and (device or not path.is_file()):
            if path.is_dir():
                raise SealError(f"{path}: is a folder; name a file, or end the name in '/'")
            path.write_text(text, encoding=encoding, newline="")
            return
        with tempfile.NamedTemporaryFile(
            "w",
            encoding=encoding,
            newline="",
            dir=real.parent,
            prefix=f".{scratch_name(real)}.",
            delete=False,
        ) as file:
            scratch = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        scratch.chmod(real.stat().st_mode & 0o777 if real.exists() else 0o666 & ~umask)
        scratch.replace(real)
    except UnicodeEncodeError as error:
        part = error.object[error.start : error.end]
        raise SealError(
            f"{path}: cannot be written: {part!a} is no character of {encoding}"
        ) from None
    except OSError as error:
        raise SealError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        if scratch is not None:
            scratch.unlink(missing_ok=True)


def sessions(words: Sequence[Word]) -> Iterator[tuple[str, list[int]]]:
    """Yield (session_id, indices of its words in time order) for each conversation of a transcript.

    Words with the same start keep the order of the list.
    """
    groups: dict[str, list[int]] = {}
    for index, word in enumerate(words):
        groups.setdefault(word["session_id"], []).append(index)
    for session_id, indices in groups.items():
        yield session_id, sorted(indices, key=lambda index: words[index]["start_time"])


def speakers(words: Iterable[Word]) -> list[str]:
    """A recording's speakers in order of appearance: as a `speaker`, or in the scores alone."""
    found: dict[str, None] = {}
    in_scores: dict[str, None] = {}
    for word in words:
        found.setdefault(word["speaker"])
        for speaker in word.get("speaker_scores") or {}:
            in_scores.setdefault(speaker)
    return list(found | in_scores)


def without_scores(word: Word) -> Word:
    """The word as a tool without scores would give it."""
    return {key: value for key, value in word.items() if key != "speaker_scores"}
