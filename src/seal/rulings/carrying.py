"""Rulings carried on to the words of another transcript of the same recording.

Words are the same where they have the same text at about the same time; who is called what there
follows from the first passes of both.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from seal import rulings
from seal.words import Word, normalise, renamed, sessions, speakers

NEAR = 1.0
"""Seconds between the middles of two words, at most, that are one in two transcripts."""


def carried(old: Sequence[Word], new: Sequence[Word]) -> tuple[list[Word], str | None]:
    """The words of `new`, made again of the same recording, with the rulings of `old`: those of
    words of the same text at about the same time, the names, and who is one. Where `new` holds
    rulings of its own, of a word or of the speakers, those are the later ones and stay. Also what
    is to be told of them, or None where there are none."""
    if not _is_ruled(old):
        return list(new), None
    result = [dict(word) for word in new]
    here, there = dict(sessions(old)), dict(sessions(new))
    if len(here) == len(there) == 1:
        here = dict(zip(there, here.values(), strict=True))
    ruled, lost, against = 0, 0, 0
    latest = max((each["act"] for word in new for each in rulings.rulings_of(word)), default=0)
    for session, indices in here.items():
        theirs = there.get(session, [])
        pairs = _paired(old, indices, new, theirs)
        if not any(rulings.names_speakers(new[index]) for index in theirs):
            names = _same_speakers([(old[a], new[b]) for a, b in pairs.items()])
            others = [who for who in speakers([new[i] for i in theirs]) if who not in names]
            names |= _fresh(others, set(names.values()))
            for index in theirs:
                result[index] = rulings.with_names(renamed(result[index], names), names)
            if theirs:
                _carry(
                    [old[index] for index in indices], [result[index] for index in theirs], latest
                )
        for index in indices:
            word, place = old[index], pairs.get(index)
            if word.get("reviewed") is not True:
                continue
            if place is None:
                lost += 1
                continue
            ruled += 1
            copy = result[place]
            if copy.get("reviewed") is True:
                continue
            against += copy["speaker"] != word["speaker"]
            before = rulings.said(copy)
            copy.setdefault("first_pass_speaker", copy["speaker"])
            copy |= {"speaker": word["speaker"], "speaker_confidence": 1.0, "reviewed": True}
            own = [each for each in rulings.rulings_of(word) if each["kind"] in rulings.KINDS[:3]]
            if own:
                rulings.add(copy, own[-1] | {"act": latest + own[-1]["act"], "was": before})
    told = f"{_counted(ruled, 'word')} as a person ruled"
    if against:
        told += f", {against} of them against seal's own answer"
    if lost:
        told += f"; {_counted(lost, 'ruling')} of words that are there no more"
    return (result if _is_ruled(result) else list(new)), told


def _is_ruled(words: Sequence[Word]) -> bool:
    return any(word.get(rulings.KEY) or word.get("reviewed") is True for word in words)


def _carry(old: Iterable[Word], new: Sequence[Word], before_them: int) -> None:
    """Say of the words of a conversation, in place, what a person said of its speakers; the acts
    count on from `before_them`."""
    found = {
        ruling["act"]: ruling
        for word in old
        for ruling in rulings.rulings_of(word)
        if ruling["kind"] in ("merge", "name")
    }
    whose = rulings.merges([{rulings.KEY: list(found.values())}])
    latest = max((act for act in found if found[act]["kind"] == "merge"), default=None)
    for act in sorted(found):
        those = [word for word in new if act == latest and word["speaker"] in whose]
        for word in those or new[:1]:
            before = rulings.said(word)
            if those:
                word.setdefault("first_pass_speaker", word["speaker"])
                word["speaker"] = whose[word["speaker"]]
            was = {"was": before} if found[act]["kind"] == "merge" else {}
            rulings.add(word, found[act] | {"act": before_them + act} | was)


def _paired(
    old: Sequence[Word], here: Sequence[int], new: Sequence[Word], there: Sequence[int]
) -> dict[int, int]:
    """The index in `new` of each word of `old` that is there, by its text and time."""
    if [old[index]["words"] for index in here] == [new[index]["words"] for index in there]:
        return dict(zip(here, there, strict=True))
    places: dict[str, list[int]] = {}
    for index in there:
        places.setdefault(normalise(new[index]["words"]), []).append(index)
    pairs: dict[int, int] = {}
    for index in here:
        candidates = places.get(normalise(old[index]["words"]), [])
        middle = _middle(old[index])
        near = [place for place in candidates if abs(_middle(new[place]) - middle) <= NEAR]
        if near:
            pairs[index] = min(near, key=lambda place: abs(_middle(new[place]) - middle))
            candidates.remove(pairs[index])
    return pairs


def _middle(word: Word) -> float:
    return (float(word["start_time"]) + float(word["end_time"])) / 2


def _same_speakers(pairs: Iterable[tuple[Word, Word]]) -> dict[str, str]:
    """What the speakers of new words are called in old ones, by what the first pass said of them:
    the most words in common first."""
    counts: Counter[tuple[str, str]] = Counter()
    for before, after in pairs:
        first = (each.get("first_pass_speaker", each["speaker"]) for each in (after, before))
        counts[tuple(map(str, first))] += 1  # type: ignore[index]
    names: dict[str, str] = {}
    for (theirs, ours), _ in counts.most_common():
        if theirs not in names and ours not in names.values():
            names[theirs] = ours
    return names


def _fresh(others: Iterable[str], taken: set[str]) -> dict[str, str]:
    """Names for speakers that were not there before, which nobody has."""
    names: dict[str, str] = {}
    for other in sorted(others):
        candidate, number = other, 1
        while candidate in taken:
            number += 1
            candidate = f"{other} {number}"
        taken.add(candidate)
        names[other] = candidate
    return names


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
