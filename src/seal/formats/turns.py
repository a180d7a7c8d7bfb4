"""Turns, utterances, paragraphs: what a tool derives from its words' speakers, derived anew.

A turn whose words all changed alike gets the other speaker; one in which the speaker now changes is
split there, and the pieces share its other fields. A turn of which no word changed is not touched.
"""

import re
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from seal.formats.document import Edit, Path
from seal.formats.reading import majority, objects, runs, seconds
from seal.formats.signs import spoken, told
from seal.unspaced import joined
from seal.words import Word

PAUSE = 1.5
"""Seconds of silence after which a new turn begins, where turns are made of words."""

BREATH = 0.5
"""Seconds of silence after which somebody who talks at once with others has ended what they say."""

LONGEST = 10.0
"""Seconds after which what somebody says is not kept whole any more while others talk, too."""

TOUCHING = 0.01
"""Seconds by which words may overlap that were said one after another: times are rounded."""

STOP = re.compile(r"[.?!…。？！][\"'”’)\]]*$")
"""How the last word of a sentence ends."""

Piece = Callable[[dict, int, int, Any], dict]
"""A part of a turn: the turn, the first and the last (exclusive) of its words, and the speaker."""

_TOKEN = re.compile(r"\S+")


def rewrite(
    edit: Edit, path: Path, key: str, speakers: Sequence[Any], changed: Iterable[bool], piece: Piece
) -> None:
    """Write the speakers of the turn at `path`, whose field `key` names its own.

    `speakers` are its words', as the tool writes them; `piece` makes the parts if it is split.
    """
    if not any(changed):
        return
    parts = list(runs(speakers))
    if len(parts) == 1:
        edit.put((*path, key), speakers[0])
        return
    turn = edit.document.at(path)
    edit.split(path, [piece(turn, first, last, value) for value, first, last in parts])


def matched(keys: Iterable[Hashable], wanted: Iterable[Hashable]) -> list[int | None]:
    """For each wanted key the place of the first of `keys` like it that is not taken yet."""
    free: dict[Hashable, deque[int]] = defaultdict(deque)
    for place, key in enumerate(keys):
        free[key].append(place)
    return [free[key].popleft() if free[key] else None for key in wanted]


@lru_cache(maxsize=4)  # a turn that is cut in many pieces is asked for each
def tokens(text: str) -> Sequence[tuple[int, int]]:
    """Where the words of a text stand: what is between spaces and is not punctuation alone."""
    return tuple(m.span() for m in _TOKEN.finditer(text) if spoken(m[0]))


def whole(text: str) -> list[str]:
    """Each word of a text with the signs behind it, the first with those before it, too."""
    spans = tokens(text)
    starts = [0, *(start for start, _ in spans[1:])]
    stops = [*starts[1:], len(text)]
    pairs = zip(starts, stops, strict=True) if spans else ()
    return [" ".join(text[start:stop].split()) for start, stop in pairs]


def cut(text: str, first: int, last: int) -> str:
    """The part of a text from its word `first` to `last` (exclusive), with what follows them."""
    spans = tokens(text)
    start = spans[first][0] if first else 0
    end = spans[last][0] if last < len(spans) else len(text)
    part = text[start:end]
    return part if last >= len(spans) else part.rstrip()


def grouped(words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words' turns: one after another by the same speaker, without a long pause."""
    turn: list[Word] = []
    for word in words:
        if turn and (
            (word["session_id"], word["speaker"]) != (turn[0]["session_id"], turn[0]["speaker"])
            or word["start_time"] - turn[-1]["end_time"] > PAUSE
        ):
            yield turn
            turn = []
        turn.append(word)
    if turn:
        yield turn


def unbroken(words: Sequence[Word]) -> list[Word]:
    """The words of a conversation, in time order, as they are read: where people talk at once, what
    each says stands whole, in the order in which they begin.

    It ends with a sentence, at a silence of BREATH, where somebody speaks between two of its words
    and not over them, or after LONGEST. Words whose times are estimated stay in their order.
    """
    latest: dict[str, int] = {}
    begun: list[int] = []  # for each word, the first of what its speaker says at once
    for place, word in enumerate(words):
        before = latest.get(word["speaker"])
        goes_on = before is not None and _goes_on(words, begun[before], before, place)
        begun.append(begun[before] if goes_on and before is not None else place)
        latest[word["speaker"]] = place
    return [words[place] for place in sorted(range(len(words)), key=begun.__getitem__)]


def _goes_on(words: Sequence[Word], first: int, before: int, place: int) -> bool:
    """Whether a word belongs to what its speaker has been saying since the word at `first`."""
    one, other = words[before], words[place]
    low, high = one["end_time"] - TOUCHING, other["start_time"] + TOUCHING
    return (
        "times_estimated" not in one
        and "times_estimated" not in other
        and not STOP.search(told(one))
        and other["start_time"] - one["end_time"] < BREATH
        and other["start_time"] - words[first]["start_time"] < LONGEST
        and all(
            low > between["start_time"] or between["end_time"] > high
            for between in words[before + 1 : place]
        )
    )


def said(words: Iterable[Word]) -> str:
    """The words as one line of text, as people would write it."""
    return joined(word["words"] for word in words)


def spaced(words: Iterable[Word]) -> str:
    """The words with a space between each two, for formats in which that parts words."""
    return " ".join(word["words"] for word in words)


def placed(text: str, words: Sequence[str]) -> list[tuple[int, int]] | None:
    """Where words stand in a text that consists of them, with spaces and signs between some; None
    where it does not."""
    found: list[tuple[int, int]] = []
    reached = 0
    for word in words:
        start = text.find(word, reached) if word else -1
        if start < 0 or spoken(text[reached:start]):
            return None
        reached = start + len(word)
        found.append((start, reached))
    return None if spoken(text[reached:]) else found


def part(text: str, words: Sequence[str], first: int, last: int) -> str:
    """The part of a text from its word `first` to `last` (exclusive), as it is written there; the
    words joined, where the text does not consist of them."""
    spans = placed(text, words)
    if spans is None:
        return joined(words[first:last])
    start = spans[first][0] if first else 0
    end = spans[last][0] if last < len(spans) else len(text)
    return text[start:end] if last >= len(spans) else text[start:end].rstrip()


def session(words: Sequence[Word]) -> str:
    """The conversation that the words are of; "" where nobody says any."""
    return str(words[0]["session_id"]) if words else ""


def clock(seconds: float) -> str:
    """When a turn begins, for people: minutes and seconds, and hours where there are some."""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def rewrite_texts(
    edit: Edit,
    path: Path,
    keys: tuple[str, str, str],
    words: Sequence[Word],
    changed: Sequence[bool],
    values: Sequence[Any],
) -> None:
    """Write the speakers of a list of turns that repeat the words as text alone, in their order.

    `keys` are those of a turn's text, start and end. If its texts have not as many words as there
    are, each turn, uncut, gets the speaker of the words in its time.
    """
    items = objects(edit.document.at(path), str(path[-1]))
    said_there = [str(item.get(keys[0], "")) for item in items]
    counts = _counts(said_there, [word["words"] for word in words])
    alike = sum(counts) == len(words)
    order = sorted(range(len(words)), key=lambda place: words[place]["start_time"])
    starts = [words[place]["start_time"] for place in order]
    value_of = {w["speaker"]: value for w, value in reversed(list(zip(words, values, strict=True)))}
    done = 0
    for number, (item, count) in enumerate(zip(items, counts, strict=True)):
        if alike:
            inside = list(range(done, done + count))
            done += count
        else:
            low, high = (seconds(item.get(key), f"{path[-1]} {number + 1}") for key in keys[1:])
            if low is None or high is None:
                continue
            inside = sorted(order[bisect_left(starts, low) : bisect_left(starts, high)])
        if not any(changed[i] for i in inside):
            continue
        whose = "speaker_label" if "speaker_label" in item else "speaker"
        if not alike:
            most = majority([words[i] for i in inside])
            edit.put((*path, number, whose), value_of[most])
            continue

        def piece(
            turn: dict,
            first: int,
            last: int,
            value: Any,
            own: list[int] = inside,
            whose: str = whose,
        ) -> dict:
            text, start, end = keys
            return turn | {
                text: _tokens_from(turn[text], [words[i]["words"] for i in own], first, last),
                start: turn[start] if first == 0 else words[own[first]]["start_time"],
                end: turn[end] if last == len(own) else words[own[last - 1]]["end_time"],
                whose: value,
            }

        rewrite(edit, (*path, number), whose, [values[i] for i in inside], [True], piece)


def _counts(texts: Sequence[str], words: Sequence[str]) -> list[int]:
    """How many of the words each text has: what is between spaces, or, where those are not as many
    as there are words, the words that fit into it."""
    counts = [len(text.split()) for text in texts]
    if sum(counts) == len(words):
        return counts
    fits, done = [], 0
    for text in texts:
        left, count = "".join(text.split()), 0
        while done + count < len(words) and words[done + count] and left:
            word = "".join(words[done + count].split())
            if not left.startswith(word):
                break
            left, count = left[len(word) :], count + 1
        if left:
            return counts
        fits.append(count)
        done += count
    return fits if done == len(words) else counts


def _tokens_from(text: str, words: Sequence[str], first: int, last: int) -> str:
    tokens = text.split()
    return (
        " ".join(tokens[first:last])
        if len(tokens) == len(words)
        else part(text, words, first, last)
    )
