"""The word transcript: the one data type that passes between all parts of seal.

A word transcript is MeetEval's SegLST at word level: a list of dicts, one per word, in time order.
This file reads, checks, groups and writes it, and keeps every unknown key and every number as it
was written. It knows nothing of audio, of models or of any other file format.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from seal.errors import SealError
from seal.exact_json import MAX_DEPTH, dumps, parse, too_deep
from seal.files import write_text
from seal.parsing import LATEST

Word = dict[str, Any]
"""One word: `session_id`, `speaker`, `words`, `start_time`, `end_time` (seconds), perhaps
`speaker_scores` ({speaker: posterior in [0, 1]}), and any other keys, which are kept."""


@dataclass(frozen=True)
class Conversation:
    """The words of a recording in time order, and its K speakers."""

    words: Sequence[Word]
    names: Sequence[str]

    def draft(self) -> list[int]:
        """The first pass's speaker of each word, as an index into `names`."""
        indices = {name: index for index, name in enumerate(self.names)}
        return [indices[word["speaker"]] for word in self.words]


REQUIRED = ("session_id", "speaker", "words", "start_time", "end_time")
"""The keys that every word has."""

REASONS = ("text", "voice", "scores")
"""What may speak for another speaker than the first pass's: the words, the voice, or the first
pass's own scores."""

DECIDED_BY = "decided_by"
"""The key for those of a changed word, a list, the strongest first; only where it is asked for."""

MAX_GAP = 0.3
"""Seconds of silence between two words of a speaker that still make one turn."""

_NOT_WORD = re.compile(r"[^\w\s'.,:/]|_", re.UNICODE)
_BETWEEN_DIGITS = re.compile(r"(?<!\d)[.,:/]|[.,:/](?!\d)")
_THOUSANDS = re.compile(r"(?<![\d,])\d{1,3}(?:,\d{2,3})*,\d{3}(?![\d,])")
_MARKS = ("Mn", "Mc")
_VARIATIONS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def normalise(text: str) -> str:
    """Lower case, no punctuation: as a word is shown to the model and compared in scoring.

    Apostrophes inside a word stay (`don't`), and so do marks between digits (`3.5`, `10:30`), but
    for the commas of thousands; hyphens become spaces, white space is folded. Marks that belong to
    a letter stay (the vowel signs of Hindi or Thai), composed as Unicode's NFC has them.

    >>> normalise("Well-known, isn't it?")
    "well known isn't it"
    """
    if not text.isascii():
        text = _composed(text)
    text = text.replace("-", " ").lower()
    text = _BETWEEN_DIGITS.sub("", _NOT_WORD.sub("", text) if text.isascii() else _plain(text))
    text = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    text = " ".join(piece.strip("'") for piece in text.split() if piece.strip("'"))
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _composed(text: str) -> str:
    """NFC, and one apostrophe. What makes a picture of a letter (an emoji's selector) goes."""
    text = _VARIATIONS.sub("", text.replace("\u2019", "'"))
    return unicodedata.normalize("NFC", text).replace("\u0130", "i")  # its small letter has two


def _plain(text: str) -> str:
    """The text without punctuation. A mark stays with the letter before it: without its vowel
    signs a word of many scripts is another word."""
    kept, follows = [], False
    for letter in text:
        word = letter.isalnum() or (follows and unicodedata.category(letter) in _MARKS)
        if word or letter in "'.,:/" or letter.isspace():
            kept.append(letter)
        follows = word
    return "".join(kept)


def check(words: Any, name: str = "transcript") -> list[Word]:
    """Return `words` if it is a word transcript, else raise a SealError that names the place.

    `name` is what the message calls the input, usually a file's path. Entries are counted from 1.
    Times must be finite and not negative, scores numbers in [0, 1].
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
                raise SealError(f"{place}: {_show(field)} is nested deeper than {MAX_DEPTH}")
    return words


def check_times(words: Iterable[Word], purpose: str) -> None:
    """Raise SealError where a time is beyond LATEST seconds: a transcript may have any unit, but
    what is made of seconds may not. `purpose` is what the message begins with."""
    for number, word in enumerate(words, start=1):
        for field in ("start_time", "end_time"):
            if word[field] > LATEST:
                raise SealError(
                    f"{purpose}: entry {number}: '{field}' of {float(word[field]):g} s is beyond "
                    f"{LATEST:.0f} s; are these seconds?"
                )


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
    if isinstance(value, bool) or not isinstance(value, Real):  # numpy's are such, too
        return False
    try:
        return math.isfinite(value)
    except (OverflowError, TypeError):
        return False


def _show(value: Any) -> str:
    text = repr(value)
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


def write(words: Iterable[Word], path: str | Path) -> None:
    """Write a word transcript, one word a line. The file appears whole or not at all."""
    write_text(text_of(words), path)


def text_of(words: Iterable[Word]) -> str:
    """The text of a word transcript, as `write` writes it."""
    lines = ",\n".join(" " + dumps(word) for word in words)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


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
    """A recording's speakers: those of words in order of appearance, then those of scores alone."""
    of_words: dict[str, None] = {}
    of_scores: dict[str, None] = {}
    for word in words:
        of_words.setdefault(word["speaker"])
        for speaker in word.get("speaker_scores") or {}:
            of_scores.setdefault(speaker)
    return list(of_words | of_scores)


def channel_of(word: Word) -> int | None:
    """The recording's channel that the word clearly is of, counted from 1; None where that is not
    known, or the key is somebody else's."""
    channel = word.get("channel")
    return int(channel) if isinstance(channel, int) and not isinstance(channel, bool) else None


def turns(reference: Sequence[Word]) -> list[tuple[float, float, str]]:
    """(start, end, speaker) of each turn, in order of starts, in seconds. A turn is one speaker's
    words in time order, joined over gaps shorter than MAX_GAP."""
    result: list[tuple[float, float, str]] = []
    latest: dict[str, int] = {}
    for word in reference:
        speaker = word["speaker"]
        index = latest.get(speaker)
        if index is not None and word["start_time"] - result[index][1] < MAX_GAP:
            start, end, _ = result[index]
            result[index] = (start, max(end, word["end_time"]), speaker)
        else:
            latest[speaker] = len(result)
            result.append((word["start_time"], word["end_time"], speaker))
    return result


def renamed(word: Word, names: Mapping[str, str]) -> Word:
    """A copy of the word in which speakers have their new names, old ones by `names`, wherever the
    word tells of them."""
    changed = dict(word)
    for key in ("speaker", "first_pass_speaker"):
        if isinstance(word.get(key), str):
            changed[key] = names.get(word[key], word[key])
    if word.get("speaker_scores"):
        scores = word["speaker_scores"]
        changed["speaker_scores"] = {names.get(name, name): score for name, score in scores.items()}
    return changed


def reasons(word: Word) -> list[str]:
    """What spoke for the speaker of a changed word, as far as the word says."""
    found = word.get(DECIDED_BY)
    return [one for one in found if one in REASONS] if isinstance(found, list) else []


def without_scores(word: Word) -> Word:
    """A copy of the word without its `speaker_scores`."""
    return {key: value for key, value in word.items() if key != "speaker_scores"}
