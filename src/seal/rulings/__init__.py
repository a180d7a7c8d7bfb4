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
from seal.words import Word, renamed, speakers

KEY = "rulings"

KINDS = ("word", "turn", "like", "merge", "name")
"""One word; several; words that seal proposed after a ruling and a person accepted; two speakers
that are one; a speaker's name."""

SAID = ("speaker", "first_pass_speaker", "speaker_confidence", "reviewed")
"""What a word says of its speaker: the keys that a ruling changes and an undo puts back."""

MOST = 20
"""Rulings that are kept of one word; older ones are forgotten."""


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
    return rule_all(words, [(indices, speaker)], kind, at)


def rule_all(
    words: Sequence[Word],
    given: Iterable[tuple[Iterable[int], str | Sequence[str]]],
    kind: str | None = None,
    at: str | None = None,
) -> list[Word]:
    """The same for several answers, each an act of its own, in their order."""
    changed = [dict(word) for word in words]
    ruling = _ruling(words, kind or "word", at)
    for indices, speaker in given:
        chosen = list(dict.fromkeys(indices))
        names = [speaker] * len(chosen) if isinstance(speaker, str) else list(speaker)
        if not chosen:
            raise SealError("ruling: there is no word there")
        if not all(name.strip() for name in names):
            raise SealError("ruling: a speaker must have a name")
        if kind is None:
            ruling["kind"] = "word" if len(chosen) == 1 else "turn"
        for index, name in zip(chosen, names, strict=True):
            word = changed[index]
            before = said(word)
            word.setdefault("first_pass_speaker", word["speaker"])
            word |= {"speaker": name, "speaker_confidence": 1.0, "reviewed": True}
            add(word, ruling | {"was": before})
        ruling["act"] += 1
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
        add(word, ruling | {"was": before})
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
    add(changed[chosen[0]], ruling)
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


def add(word: Word, ruling: dict[str, Any]) -> None:
    """Add a ruling to the word's own, in place, the latest act last. Of more than MOST the first
    go, but none of those that say who is who."""
    found = sorted([*rulings_of(word), ruling], key=lambda each: int(each["act"]))
    own = [each for each in found if each["kind"] in KINDS[:3]]
    gone = own[: max(0, len(own) - MOST)]
    word[KEY] = [each for each in found if each not in gone]


def _ruling(words: Iterable[Word], kind: str, at: str | None) -> dict[str, Any]:
    latest = max((r["act"] for word in words for r in rulings_of(word)), default=0)
    return {"act": latest + 1, "kind": kind, "by": "person", "at": at or now()}


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
