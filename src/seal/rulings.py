"""Rulings: what a person decided of a word, kept in the word itself, and how it is undone.

A word's `rulings` is the list of what was decided of it, the latest last. Each says in which act
(one answer of a person, which may be of many words), of what kind, when, and what the word said of
its speaker before, so that the latest act can be undone to the byte. A name that somebody gave a
speaker stands at the first word of the conversation. It knows nothing of models, files or pages,
and touches no word's text or time.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from seal.errors import SealError
from seal.words import Word, normalise, renamed, sessions, speakers

KEY = "rulings"

KINDS = ("word", "turn", "like", "merge", "name")
"""One word; several; words that seal proposed after a ruling and a person accepted; two speakers
that are one; a speaker's name."""

SAID = ("speaker", "first_pass_speaker", "speaker_confidence", "reviewed")
"""What a word says of its speaker: the keys that a ruling changes and an undo puts back."""

MOST = 20
"""Rulings that are kept of one word; older ones are forgotten."""

NEAR = 1.0
"""Seconds between the middles of two words, at most, that are one in two transcripts."""


class Act(NamedTuple):
    """One answer of a person."""

    number: int
    kind: str
    at: str
    words: int
    """How many words it is of; of a name, those that its speaker says."""


def now() -> str:
    """The time of a ruling: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rulings_of(word: Word) -> list[dict[str, Any]]:
    """The rulings of a word, the latest last; what is none is passed over."""
    found = word.get(KEY)
    return [each for each in found if _is_ruling(each)] if isinstance(found, list) else []


def said(word: Word) -> dict[str, Any]:
    """What a word says of its speaker, as a ruling keeps it."""
    return {key: word[key] for key in SAID if key in word}


def names_speakers(word: Word) -> bool:
    """Whether a ruling of speakers, a name or two that are one, stands in the word."""
    return any(each["kind"] in ("merge", "name") for each in rulings_of(word))


def is_certain(word: Word) -> bool:
    """Whether a person decided of this very word; of words that were accepted together with others
    (`like`) nobody is sure to have heard each."""
    found = [each["kind"] for each in rulings_of(word) if each["kind"] in KINDS[:3]]
    return word.get("reviewed") is True and not (found and found[-1] == "like")


def rule(
    words: Sequence[Word],
    indices: Iterable[int],
    speaker: str | Sequence[str],
    kind: str | None = None,
    at: str | None = None,
) -> list[Word]:
    """Give the words at `indices` to a speaker, or each to its own of a list, as one act; a copy.

    `kind` is "word" or "turn" by their number if not given. Raises SealError for no words or an
    empty name.
    """
    chosen = list(dict.fromkeys(indices))
    names = [speaker] * len(chosen) if isinstance(speaker, str) else list(speaker)
    if not chosen:
        raise SealError("ruling: there is no word there")
    if not all(name.strip() for name in names):
        raise SealError("ruling: a speaker must have a name")
    ruling = _ruling(words, kind or ("word" if len(chosen) == 1 else "turn"), at)
    changed = [dict(word) for word in words]
    for index, name in zip(chosen, names, strict=True):
        word = changed[index]
        before = said(word)
        word.setdefault("first_pass_speaker", word["speaker"])
        word |= {"speaker": name, "speaker_confidence": 1.0, "reviewed": True}
        _add(word, ruling | {"was": before})
    return changed


def merge(
    words: Sequence[Word], indices: Iterable[int], one: str, other: str, at: str | None = None
) -> list[Word]:
    """Say that in the conversation of the words at `indices` the speakers `one` and `other` are
    one person, called `other`. Later corrections know it (`merged`). Raises SealError for unknown
    ones."""
    chosen = list(indices)
    _check_known(words, chosen, one, other)
    if one == other:
        raise SealError(f"ruling: {one} and {other} are one already")
    ruling = _ruling(words, "merge", at) | {"from": one, "to": other}
    changed = [dict(word) for word in words]
    those = [index for index in chosen if words[index]["speaker"] == one]
    for index in those or chosen[:1]:
        word = changed[index]
        before = said(word)
        if index in those:
            word.setdefault("first_pass_speaker", one)
            word["speaker"] = other
        _add(word, ruling | {"was": before})
    return changed


def name(
    words: Sequence[Word], indices: Iterable[int], old: str, new: str, at: str | None = None
) -> list[Word]:
    """Give the speaker `old` of a conversation another name, in all that names it. Raises SealError
    where nobody is called `old`, or somebody is called `new` already."""
    chosen = list(indices)
    _check_known(words, chosen, old)
    if not new.strip():
        raise SealError("ruling: a speaker must have a name")
    if new in speakers([words[index] for index in chosen]):
        raise SealError(f"ruling: {new} is there already; --merge {old}={new} makes them one")
    ruling = _ruling(words, "name", at) | {"from": old, "to": new}
    changed = [dict(word) for word in words]
    for index in chosen:
        changed[index] = renamed(changed[index], {old: new})
    _add(changed[chosen[0]], ruling)
    return changed


def acts(words: Iterable[Word]) -> list[Act]:
    """The acts that can be undone, the latest last."""
    counts: Counter[int] = Counter()
    found: dict[int, dict[str, Any]] = {}
    said = list(words)
    names = Counter(word["speaker"] for word in said)
    for word in said:
        for ruling in rulings_of(word):
            counts[ruling["act"]] += 1
            found[ruling["act"]] = ruling
    return [
        Act(
            number,
            found[number]["kind"],
            str(found[number].get("at", "")),
            names[found[number].get("to", "")]
            if found[number]["kind"] == "name"
            else counts[number],
        )
        for number in sorted(found)
    ]


def undo(words: Sequence[Word]) -> list[Word]:
    """The words as they were before the latest act; a copy. Raises SealError for none."""
    latest = max((r["act"] for word in words for r in rulings_of(word)), default=None)
    if latest is None:
        raise SealError("ruling: there is none to be undone")
    changed = [dict(word) for word in words]
    for word in changed:
        found = rulings_of(word)
        if not found or found[-1]["act"] != latest:
            continue
        ruling, rest = found[-1], found[:-1]
        if rest:
            word[KEY] = rest
        else:
            del word[KEY]
        if ruling["kind"] == "name":
            back = {ruling["to"]: ruling["from"]}
            for index, each in enumerate(changed):
                if each["session_id"] == word["session_id"]:
                    # In place: `word` is one of them.
                    each.update(renamed(changed[index], back))
        else:
            before = ruling["was"]
            for key in SAID:
                if key in before:
                    word[key] = before[key]
                else:
                    word.pop(key, None)
    return changed


def with_names(word: Word, names: dict[str, str]) -> Word:
    """The word with other names in its rulings: for another format, which has its own names."""
    if KEY not in word:
        return word
    return word | {KEY: [_with_names(each, names) for each in rulings_of(word)]}


def _with_names(ruling: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    def one(key: str, value: Any) -> Any:
        return names.get(value, value) if key in ("from", "to", *SAID[:2]) else value

    changed = {key: one(key, value) for key, value in ruling.items()}
    if "was" in ruling:
        changed["was"] = {key: one(key, value) for key, value in ruling["was"].items()}
    return changed


def merges(words: Iterable[Word]) -> dict[str, str]:
    """Which speakers of a conversation are another one, as a person said: {name: whose it is}."""
    found: dict[int, tuple[str, str]] = {}
    given: dict[int, tuple[str, str]] = {}
    for word in words:
        for ruling in rulings_of(word):
            kinds = {"merge": found, "name": given}
            if ruling["kind"] in kinds:
                kinds[ruling["kind"]][ruling["act"]] = (ruling["from"], ruling["to"])
    result: dict[str, str] = {}
    for act in sorted(found | given):
        if act in given:
            old, new = given[act]
            result = {
                new if one == old else one: new if whose == old else whose
                for one, whose in result.items()
            }
        else:
            one, other = found[act]
            result = {key: other if whose == one else whose for key, whose in result.items()}
            result.pop(other, None)
            result[one] = other
    return result


def machine(words: Sequence[Word]) -> list[str]:
    """The speaker of each word of a conversation as it was before a person decided anything of it,
    under the names of today."""
    given = sorted(
        {
            (ruling["act"], ruling["from"], ruling["to"])
            for word in words
            for ruling in rulings_of(word)
            if ruling["kind"] == "name"
        }
    )
    found = []
    for word in words:
        own = [each for each in rulings_of(word) if each["kind"] != "name"]
        name = word["speaker"]
        if own:
            name = own[0]["was"]["speaker"]
            for act, old, new in given:
                if act > own[0]["act"] and name == old:
                    name = new
        elif word.get("reviewed") is True and isinstance(word.get("first_pass_speaker"), str):
            name = word["first_pass_speaker"]
        found.append(name)
    return found


def merged(word: Word, whose: dict[str, str]) -> Word:
    """The word as a corrector may see it where some speakers are others: `whose` of `merges`."""
    changed = word | {"speaker": whose.get(word["speaker"], word["speaker"])}
    if word.get("speaker_scores"):
        scores: dict[str, float] = {}
        for who, score in word["speaker_scores"].items():
            kept = whose.get(who, who)
            scores[kept] = max(scores.get(kept, 0.0), score)
        changed["speaker_scores"] = scores
    return changed


def carried(old: Sequence[Word], new: Sequence[Word]) -> tuple[list[Word], str | None]:
    """The words of `new`, made again of the same recording, with the rulings of `old`: those of
    words of the same text at about the same time, the names, and who is one. Where `new` holds
    rulings of its own, of a word or of the speakers, those are the later ones and stay. Also what
    is to be told of them, or None where there are none."""
    if not any(word.get(KEY) or word.get("reviewed") is True for word in old):
        return list(new), None
    result = [dict(word) for word in new]
    here, there = dict(sessions(old)), dict(sessions(new))
    if len(here) == len(there) == 1:
        here = dict(zip(there, here.values(), strict=True))
    ruled, lost, against = 0, 0, 0
    latest = max((each["act"] for word in new for each in rulings_of(word)), default=0)
    for session, indices in here.items():
        theirs = there.get(session, [])
        pairs = _paired(old, indices, new, theirs)
        if not any(names_speakers(new[index]) for index in theirs):
            names = _same_speakers([(old[a], new[b]) for a, b in pairs.items()])
            others = [who for who in speakers([new[i] for i in theirs]) if who not in names]
            names |= _fresh(others, set(names.values()))
            for index in theirs:
                result[index] = with_names(renamed(result[index], names), names)
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
            before = said(copy)
            copy.setdefault("first_pass_speaker", copy["speaker"])
            copy |= {"speaker": word["speaker"], "speaker_confidence": 1.0, "reviewed": True}
            own = [each for each in rulings_of(word) if each["kind"] in KINDS[:3]]
            if own:
                _add(copy, own[-1] | {"act": latest + own[-1]["act"], "was": before})
    told = f"{_counted(ruled, 'word')} as a person ruled"
    if against:
        told += f", {against} of them against seal's own answer"
    if lost:
        told += f"; {_counted(lost, 'ruling')} of words that are there no more"
    return result, told


def _carry(old: Iterable[Word], new: Sequence[Word], before_them: int) -> None:
    """Say of the words of a conversation, in place, what a person said of its speakers; the acts
    count on from `before_them`."""
    found = {
        ruling["act"]: ruling
        for word in old
        for ruling in rulings_of(word)
        if ruling["kind"] in ("merge", "name")
    }
    whose = merges([{KEY: list(found.values())}])
    latest = max((act for act in found if found[act]["kind"] == "merge"), default=None)
    for act in sorted(found):
        those = [word for word in new if act == latest and word["speaker"] in whose]
        for word in those or new[:1]:
            before = said(word)
            if those:
                word.setdefault("first_pass_speaker", word["speaker"])
                word["speaker"] = whose[word["speaker"]]
            was = {"was": before} if found[act]["kind"] == "merge" else {}
            _add(word, found[act] | {"act": before_them + act} | was)


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


def _ruling(words: Iterable[Word], kind: str, at: str | None) -> dict[str, Any]:
    latest = max((r["act"] for word in words for r in rulings_of(word)), default=0)
    return {"act": latest + 1, "kind": kind, "by": "person", "at": at or now()}


def _add(word: Word, ruling: dict[str, Any]) -> None:
    """Add a ruling to the word's, the latest act last. Of more than MOST the first go, but none of
    those that say who is who."""
    found = sorted([*rulings_of(word), ruling], key=lambda each: int(each["act"]))
    own = [each for each in found if each["kind"] in KINDS[:3]]
    gone = own[: max(0, len(own) - MOST)]
    word[KEY] = [each for each in found if each not in gone]


def _is_ruling(each: Any) -> bool:
    if not isinstance(each, dict) or each.get("kind") not in KINDS:
        return False
    if type(each.get("act")) is not int:
        return False
    if each["kind"] in ("merge", "name") and not all(
        isinstance(each.get(key), str) for key in ("from", "to")
    ):
        return False
    was = each.get("was")
    return each["kind"] == "name" or (isinstance(was, dict) and isinstance(was.get("speaker"), str))


def _check_known(words: Sequence[Word], indices: Sequence[int], *wanted: str) -> None:
    known = speakers([words[index] for index in indices])
    for who in wanted:
        if who not in known:
            raise SealError(f"ruling: there is no speaker {who}; there are {', '.join(known)}")


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
