"""Lists of utterances, the layout of most JSON: a speaker and a text each, perhaps timed words.

A format says in its `Shape` what the fields are called. An utterance is split where the speaker
changes; the pieces share its other fields, and its text, words and times are cut.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from seal.formats import turns
from seal.formats.document import Edit, Path
from seal.formats.reading import (
    Entry,
    Original,
    Source,
    objects,
    original,
    runs,
    seconds,
    share,
    text_at,
)
from seal.formats.signs import spoken
from seal.parsing import split_time
from seal.words import Word

Time = float | None

_MARKS = re.compile(r"[^\w\s–—-]*")


class Clock(NamedTuple):
    """How an item says when it was: what it says in seconds, and the fields that say another."""

    read: Callable[[dict, str], tuple[Time, Time]]
    write: Callable[[dict, Time, Time], dict[str, Any]]
    """The item, and its new start and end (None: as before)."""


class Shape(NamedTuple):
    """What the fields of an utterance are called."""

    clock: Clock
    speaker: Path = ("speaker",)
    text: str | None = "text"
    words: str | None = None
    word: str = "word"
    """The text of an item of `words`."""
    word_clock: Clock | None = None
    confidence: str | None = None
    mark: Callable[[dict], bool] = lambda item: False
    """Whether an item is punctuation, which ends the word before it."""
    unknown: tuple[Any, ...] = (None, "")
    """Speakers that are none."""
    also: tuple[str, ...] = ()
    """Fields that go with the speaker: another's utterances have that one's."""
    more: Callable[[dict, int, int, int], dict[str, Any]] = lambda turn, first, last, count: {}
    """Fields that are cut with the words, from the first to the last (exclusive) of `count`."""


def by_keys(start: str, end: str, unit: float = 1.0) -> Clock:
    """Times in two fields, in seconds or parts of one."""

    def read(item: dict, place: str) -> tuple[Time, Time]:
        return seconds(item.get(start), place, unit), seconds(item.get(end), place, unit)

    def write(item: dict, first: Time, last: Time) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for key, time in ((start, first), (end, last)):
            if time is not None and item.get(key) is not None:
                value = round(time, 3) if unit == 1 else round(time / unit)
                new[key] = str(value) if isinstance(item[key], str) else value
        return new

    return Clock(read, write)


def at(item: Any, path: Path) -> Any:
    """What stands at a path inside an item; None where there is nothing."""
    for step in path:
        item = item.get(step) if isinstance(item, dict) else None
    return item


def read(source: Source, path: Path, shape: Shape) -> Original:
    """The words of the utterances that are listed at `path`."""
    name = f"{source.path}: {path[-1] if path else 'list'}"
    entries: list[Entry] = []
    for number, turn in enumerate(objects(source.json.at(path), name)):
        place = f"{name}: entry {number + 1}"
        speaker = at(turn, shape.speaker)
        if isinstance(speaker, (str, int, type(None))) and speaker in shape.unknown:
            speaker = None
        items = objects(turn.get(shape.words), f"{place}: {shape.words}") if shape.words else []
        first = len(entries)
        for position, item in enumerate(items):
            text = text_at(item, (shape.word,), f"{place}: word {position + 1}").strip()
            if shape.mark(item) or not spoken(text):
                # A mark ends the word before it; a dash between two is neither's.
                if len(entries) > first and _MARKS.fullmatch(text):
                    entries[-1].text += text
                elif len(entries) > first:
                    entries[-1].whole = f"{entries[-1].whole or entries[-1].text} {text}"
                continue
            clock = shape.word_clock or shape.clock
            start, end = clock.read(item, f"{place}: word {position + 1}")
            sure = item.get(shape.confidence) if shape.confidence else None
            sure = share(sure, f"{place}: word {position + 1}")
            entries.append(Entry(text, start, end, speaker, (number, position), number, sure))
        if len(entries) == first and shape.text is not None and not items:
            text = text_at(turn, (shape.text,), place)
            entries += shared_out(text, *shape.clock.read(turn, place), speaker, number)
    return original(source, entries, kept=path)


def shared_out(text: str, start: Time, end: Time, speaker: Any, number: int) -> list[Entry]:
    """The words of a text, each with its part of the time."""
    texts = [text[first:last] for first, last in turns.tokens(text)]
    times: list[Any] = [(start, None)] + [(None, None)] * (len(texts) - 1)
    if texts and start is not None and end is not None:
        times = split_time(texts, start, end)
    return [
        Entry(word, begin, stop, speaker, (number, None), number, estimated=True, whole=whole)
        for word, whole, (begin, stop) in zip(
            texts, turns.whole(text), times[: len(texts)], strict=True
        )
    ]


def write(original: Original, words: list[Word], shape: Shape) -> str:
    """The document with other speakers."""
    document, path = original.source.json, original.kept
    edit, changed = Edit(document), original.changes(words)
    items = document.at(path)
    known = {str(at(item, shape.speaker)): item for item in reversed(items)} if shape.also else {}
    parts: dict[int, list[int]] = {}
    for index, (number, _) in enumerate(original.places):
        parts.setdefault(number, []).append(index)
    for number, own in parts.items():
        if not any(changed[index] for index in own):
            continue
        turn, inside = items[number], [words[index] for index in own]
        positions = [original.places[index][1] for index in own]

        def fields(name: str, turn: dict = turn) -> dict[str, Any]:
            value = original.value(name)
            found = known.get(name, {})
            new = {key: found[key] for key in shape.also if key in found and key in turn}
            first = str(shape.speaker[0])
            if len(shape.speaker) == 1:
                return new | {first: value}
            return new | {first: {**(turn.get(first) or {}), shape.speaker[1]: value}}

        pieces = list(runs(word["speaker"] for word in inside))
        if len(pieces) == 1:
            for key, value in fields(pieces[0][0]).items():
                edit.put((*path, number, key), value)
            continue
        cuts = [_piece(shape, turn, inside, positions, first, last) for _, first, last in pieces]
        made = [turn | cut | fields(name) for (name, *_), cut in zip(pieces, cuts, strict=True)]
        edit.split((*path, number), made)
    return edit.text()


def _piece(
    shape: Shape, turn: dict, words: list[Word], positions: list[Any], first: int, last: int
) -> dict[str, Any]:
    """The fields of an utterance that differ in its part from the word `first` to `last`."""
    start = None if first == 0 else words[first]["start_time"]
    end = None if last == len(words) else words[last - 1]["end_time"]
    part = shape.clock.write(turn, start, end) | shape.more(turn, first, last, len(words))
    if shape.words and positions[0] is not None:
        begin = 0 if first == 0 else positions[first]
        stop = positions[last] if last < len(words) else len(turn[shape.words])
        part[shape.words] = turn[shape.words][begin:stop]
    text = turn.get(shape.text) if shape.text else None
    if shape.text and isinstance(text, str):
        if len(turns.tokens(text)) == len(words):
            cut = turns.cut(text, first, last)
        else:
            cut = turns.part(text, [word["words"] for word in words], first, last)
        part[shape.text] = " " * (text[:1] == " " and cut[:1] != " ") + cut
    return part


def has(content: Any, path: Path, *keys: str) -> bool:
    """Whether a list of objects stands at a path, whose first has such keys. For `recognise`."""
    for step in path:
        content = content.get(step) if isinstance(content, dict) else None
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        return False
    return all(key in content[0] for key in keys)
