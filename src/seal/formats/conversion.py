"""From one format to another by way of the words: what the other holds, and what is lost.

It knows formats by what their files say of themselves (`HOLDS`, `NUMBERS`) alone.
"""

from collections import Counter, deque
from collections.abc import Iterator
from itertools import chain, groupby, islice, pairwise
from pathlib import Path
from typing import Any

from seal import rulings
from seal.errors import SealError
from seal.formats import signs, turns
from seal.formats.reading import Original, Source
from seal.parsing import counted, quoted, split_time
from seal.unspaced import gap, has_letters, letters_and_words
from seal.words import Word, check_times, renamed, sessions, speakers

SCORES = "speaker_scores"

NEAR = 50
"""Words by which a word may stand elsewhere in what was written, and still be the same."""


def converted(words: list[Word], module: Any, to: str) -> list[Word]:
    """The words as a format can hold them, in time order, or as `turns.unbroken` has them where the
    format is one of turns.

    Text of several words becomes several words, each with its part of the time; speakers become
    numbers where the format has numbers. Raises SealError where there are several conversations
    and the format holds one.
    """
    if to == "words":
        return words
    check_times(words, to)
    groups = list(sessions(words))
    if len(groups) > 1 and "conversations" not in module.HOLDS:
        raise SealError(f"{to} holds one conversation, here are {len(groups)}; take seglst or stm")
    ordered = [words[index] for _, indices in groups for index in indices]
    found = [part for word in ordered for part in _parts(word)]
    if of_turns(module, to):
        found = [word for own in _conversations(found) for word in turns.unbroken(own)]
    if words and not found:
        raise SealError(f"{to}: there are no words to write")
    if module.NUMBERS is not None:
        names = speakers(found)
        if not all(_is_number(name, module.NUMBERS) for name in names):
            number = {name: str(place) for place, name in enumerate(names, module.NUMBERS)}
            found = [rulings.with_names(renamed(word, number), number) for word in found]
    return found


def of_turns(module: Any, to: str) -> bool:
    """Whether a format has what somebody says in one piece, and no words with times of their own.
    DiarizationLM's text is one of words, each with a label."""
    return "word times" not in module.HOLDS and to != "diarizationlm"


def _conversations(words: list[Word]) -> Iterator[list[Word]]:
    return (list(own) for _, own in groupby(words, key=lambda word: word["session_id"]))


def _is_number(name: str, first: int) -> bool:
    return name.isdecimal() and str(int(name)) == name and int(name) >= first


def _parts(word: Word) -> list[Word]:
    texts = word["words"].split()
    if texts == [word["words"]]:
        return [word]
    times = split_time(texts, word["start_time"], word["end_time"]) if texts else []
    parts = [
        {key: value for key, value in word.items() if key != signs.KEY}
        | {"words": text, "start_time": start, "end_time": end}
        for text, (start, end) in zip(texts, times, strict=True)
    ]
    before, after = signs.around(word)
    if before and parts:
        parts[0][signs.KEY] = f"{before} {parts[0]['words']}"
    if after and parts:
        parts[-1][signs.KEY] = f"{parts[-1].get(signs.KEY, parts[-1]['words'])} {after}"
    return parts


def lost(words: list[Word], module: Any, to: str, turns_timed: bool) -> list[str]:
    """What of the words the format does not hold, in a few words each. `turns_timed`: those of the
    turns were there, even where the words' are estimated."""
    holds = module.HOLDS
    found: list[str] = []
    if not words:
        return found
    if to != "words":
        found += _rearranged(words, of_turns(module, to))
    if "words" not in holds and to == "rttm":
        found.append("the words")
    timed = any("times_estimated" not in word for word in words)
    if (timed or turns_timed) and to != "words" and not holds & {"word times", "turn times"}:
        found.append("times")
    elif timed and "word times" not in holds:
        found.append("times of words")
    if (
        not timed
        and to != "words"
        and holds & {"word times", *(() if turns_timed else ("turn times",))}
    ):
        found.append("that its times are estimated")
    elif to != "words" and "word times" in holds and any("times_estimated" in w for w in words):
        found.append("which of its times are estimated")
    if any("asr_confidence" in word for word in words) and "word confidences" not in holds:
        found.append("confidences of words")
    if any(word.get("speaker_scores") for word in words) and "speaker scores" not in holds:
        found.append("scores of speakers")
    names = speakers(words)
    if module.NUMBERS is not None and not all(_is_number(n, module.NUMBERS) for n in names):
        found.append(f"names of speakers ({', '.join(names[:4])}), now numbers")
    if hasattr(module, "lost"):
        found += module.lost(words)
    return found


def _rearranged(words: list[Word], whole: bool) -> list[str]:
    """What the words go through to be written at all, in a few words each; `whole`: in turns."""
    found = []
    ordered = [words[index] for _, indices in sessions(words) for index in indices]
    final = ordered
    if whole:
        final = [word for own in _conversations(ordered) for word in turns.unbroken(own)]
    moved = _differ(final, words)
    if moved and not _differ(final, ordered):
        found.append(f"the order of {counted(moved, 'word')}, now that of their times")
    elif moved:
        found.append(f"the order of {counted(moved, 'word')} said at once: each turn stands whole")
    several = [word["words"] for word in words if len(word["words"].split()) > 1]
    if several:
        some = ", ".join(quoted(" ".join(word.split())) for word in several[:3])
        each = counted(len(several), "word")
        found.append(f"{each} with a space inside, now several words ({some})")
    unseen = _unseen(final) if whole else 0
    if unseen:
        found.append(f"where {counted(unseen, 'word')} of a script without spaces begin")
    empty = sum(not word["words"].strip() for word in words)
    if empty:
        found.append(counted(empty, "empty word"))
    return found


def _unseen(words: list[Word]) -> int:
    """Words that a text does not part from those before them."""
    return sum(
        not gap(one["words"], other["words"])
        for turn in turns.grouped(words)
        for one, other in pairwise(turn)
    )


def _differ(one: list[Word], other: list[Word]) -> int:
    """In how many places two orders of the same words differ."""
    return sum(a is not b for a, b in zip(one, other, strict=True))


def left_out(original: Original) -> list[str]:
    """What stands in a text that was read, and is not in what is made of its words."""
    found = []
    if original.asides:
        some = ", ".join(_short(mark) for mark in list(dict.fromkeys(original.asides))[:3])
        marks = counted(len(original.asides), "mark")
        found.append(f"{marks} of what nobody says ({some})")
    return found + original.styles


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:27] + "…"


def misread(words: list[Word], module: Any, to: str, text: str, beside: str | None) -> list[str]:
    """What of the words the new text, read again, does not say: a few words each.

    A mark that is no word there, speakers at once where the format has their turns alone, a name
    with a space. `words` are those that were written.
    """
    if to in ("words", "rttm") or not words:
        return []
    source = Source(Path(to), text)
    source.rttm = None if beside is None else Source(Path(to), beside)
    try:
        again = module.read(source).words
    except SealError as error:
        return [f"what it takes to be read again ({str(error).removeprefix(f'{to}: ')})"]
    if of_turns(module, to):  # a word of a script without spaces does not end there
        words, again = _in_letters(words), _in_letters(again)
    found = []
    missing = Counter(w["words"] for w in words) - Counter(w["words"] for w in again)
    extra = _signs(again) - _signs(words)
    beside_words = Counter({text: min(missing[text], extra[text]) for text in missing & extra})
    if beside_words:
        some = " ".join(list(beside_words)[:5])
        each = counted(beside_words.total(), "sign")
        found.append(f"that {each} ({some}) stood as words: there they are beside one")
    missing -= beside_words
    if missing:
        some = ", ".join(quoted(word) for word in list(missing)[:3])
        found.append(f"{counted(missing.total(), 'word')} as such: marks there ({some})")
    gone = _signs(words) - _signs(again)
    if gone:
        some = " ".join(list(gone)[:5])
        found.append(f"{counted(gone.total(), 'sign')} that stand alone ({some})")
    same = _paired(words, again)
    pairs = Counter((before["speaker"], after["speaker"]) for before, after in same)
    name = {one: other for (one, other), _ in reversed(pairs.most_common())}
    others = [f"{one!r} is {other!r}" for one, other in name.items() if one != other]
    if others:
        found.append(f"names of speakers ({', '.join(others[:3])})")
    if len(set(name.values())) < len(name):
        found.append("who is who of those who have one name there")
    wrong = sum(number for (one, other), number in pairs.items() if name[one] != other)
    if wrong:
        found.append(f"the speakers of {wrong} words")
    scored = [(a.get(SCORES), b[SCORES]) for a, b in same if SCORES in b]
    if any(_rounded(before) != _rounded(after) for before, after in scored):
        found.append("scores of speakers but the word's own")
    return found


def _in_letters(words: list[Word]) -> list[Word]:
    """The words, in scripts without spaces their letters."""
    if not any(has_letters(word["words"]) for word in words):
        return words
    return [
        word | {"words": letter} for word in words for letter in letters_and_words(word["words"])
    ]


def _signs(words: list[Word]) -> Counter[str]:
    return Counter(chain.from_iterable(map(signs.alone, words)))


def _paired(words: list[Word], again: list[Word]) -> list[tuple[Word, Word]]:
    """Each word that was read again beside what was written, about in their order: cues of two who
    talk at once stand in the order in which they begin."""
    places: dict[str, deque[int]] = {}
    for place, word in enumerate(words):
        places.setdefault(word["words"], deque()).append(place)
    pairs, reached = [], 0
    for after in again:
        same = places.get(after["words"], deque())
        near = [place for place in islice(same, NEAR) if place <= reached + NEAR]
        if not near:
            continue
        own = (place for place in near if words[place]["speaker"] == after["speaker"])
        place = next(own, near[0])
        same.remove(place)
        reached = max(reached, place)
        pairs.append((words[place], after))
    return pairs


def _rounded(scores: dict[str, float] | None) -> list[float]:
    return sorted(round(score, 3) for score in (scores or {}).values() if score)
