"""What a reviewer changed, applied to a word transcript.

The page sends, for one conversation: the speaker of each word, which words were looked at, which
speakers have new names, which words somebody has written anew, and in which acts all that was
decided. No other word is sent, so no other can change. It knows nothing of pages or servers.
"""

from collections.abc import Sequence
from typing import Any

from seal import rulings
from seal.errors import SealError
from seal.words import Word
from seal.words import renamed as with_new_names


def apply(words: Sequence[Word], indices: Sequence[int], edits: Any) -> list[Word]:
    """The transcript with the edits in it; a copy, the same words in the same order.

    `edits` is {"speakers": [a name per word of `indices`], "reviewed": [positions in `indices`],
    "renamed": {old name: new name}, "texts": {position: the word as somebody wrote it}}. A word
    whose speaker was set by hand gets `first_pass_speaker` (if it has none) and a
    `speaker_confidence` of 1; one that was looked at gets `reviewed`: true; one that was written
    anew keeps what it was as `words_before`. With "acts" ([{"kind": "turn", "words": [positions]}],
    a merge with "from" and "to" as well) and "at", their time, what was decided becomes rulings
    (`seal.rulings`); later acts of a word count. Raises SealError for edits of another shape.
    """
    names, reviewed, renamed, texts = _checked(edits, len(indices))
    acts = _acts(edits, len(indices))
    changed = [dict(word) for word in words]
    number = max((each["act"] for word in words for each in rulings.rulings_of(word)), default=0)
    swapped = set(renamed) & set(renamed.values())  # names that are undone one by one would meet
    named = len(renamed) if acts is not None and indices and not swapped else 0
    decided = _decided(acts or [], number + named, renamed)
    for position, index in enumerate(indices):
        word = changed[index] = with_new_names(words[index], renamed)
        before = word["speaker"]
        was = rulings.said(word)
        if names[position] != before:
            word.setdefault("first_pass_speaker", word["speaker"])
            word["speaker_confidence"] = 1.0
        word["speaker"] = names[position]
        if position in reviewed:
            word["reviewed"] = True
        elif word.pop("reviewed", None) is True and not rulings.names_speakers(word):
            word.pop(rulings.KEY, None)
        _take_back(word, before, position in decided)
        new = names[position] != before or (position in reviewed and not was.get("reviewed"))
        if position in decided and new:
            _add(word, decided[position] | {"at": edits["at"], "was": was})
        text = texts.get(str(position), word["words"])
        if text != word["words"]:
            before = word.setdefault("words_before", word["words"])
            word["words"] = text
            if text == before:
                del word["words_before"]
    for place, (old, new_name) in enumerate(renamed.items() if named else [], start=1):
        ruling = {"act": number + place, "kind": "name", "by": "person", "at": edits["at"]}
        _add(changed[indices[0]], ruling | {"from": old, "to": new_name}, first=True)
    return changed


def _take_back(word: Word, before: str, decided: bool) -> None:
    """Forget the ruling that joined two speakers where a word has the first of them again, and
    nothing new was decided of it: it was undone."""
    found = rulings.rulings_of(word)
    last = found[-1] if found else None
    if not last or last["kind"] != "merge" or decided:
        return
    if (before, word["speaker"]) == (last["to"], last["from"]):
        word[rulings.KEY] = found[:-1]
        if not word[rulings.KEY]:
            del word[rulings.KEY]


def _add(word: Word, ruling: dict[str, Any], first: bool = False) -> None:
    """Add a ruling to those of a word; a name goes before what was decided in the same act."""
    found = word.get(rulings.KEY)
    found = list(found) if isinstance(found, list) else []
    latest = found[-1].get("act") if found and isinstance(found[-1], dict) else None
    later = first and type(latest) is int and latest > ruling["act"]
    word[rulings.KEY] = [*found[:-1], ruling, found[-1]] if later else [*found, ruling]


def _decided(
    acts: list[dict[str, Any]], number: int, renamed: dict[str, str]
) -> dict[int, dict[str, Any]]:
    """The ruling of each position, without its time: the acts count on from `number`, and speakers
    have the names that they are given with them."""
    found: dict[int, dict[str, Any]] = {}
    for place, act in enumerate(acts, start=1):
        ruling = {"act": number + place, "kind": act["kind"], "by": "person"}
        if act["kind"] == "merge":
            ruling |= {key: renamed.get(act[key], act[key]) for key in ("from", "to")}
        found |= dict.fromkeys(act["words"], ruling)
    return found


def _acts(edits: dict[str, Any], count: int) -> list[dict[str, Any]] | None:
    """The acts of the edits; None where they tell of none. Raises SealError for another shape."""
    acts = edits.get("acts")
    if acts is None:
        return None
    if not isinstance(edits.get("at"), str):
        raise SealError("edits: at must be the time of the acts")
    if not isinstance(acts, list):
        raise SealError("edits: acts must be a list")
    for act in acts:
        if not isinstance(act, dict) or act.get("kind") not in ("word", "turn", "like", "merge"):
            raise SealError("edits: an act must have a kind")
        places = act.get("words")
        if not isinstance(places, list) or not all(
            type(each) is int and 0 <= each < count for each in places
        ):
            raise SealError("edits: an act must have words, by their places")
        names = [act.get(key) for key in ("from", "to")]
        if act["kind"] == "merge" and not all(isinstance(each, str) and each for each in names):
            raise SealError("edits: a merge must say who is whom")
    return acts


def _checked(edits: Any, count: int) -> tuple[list[str], set[int], dict[str, str], dict[str, str]]:
    """The edits' speakers, reviewed positions, new names and new texts. Raises SealError for
    another shape."""
    if not isinstance(edits, dict):
        raise SealError("edits: must be an object")
    names, reviewed = edits.get("speakers"), edits.get("reviewed", [])
    renamed, texts = edits.get("renamed", {}), edits.get("texts", {})
    if not (isinstance(names, list) and len(names) == count):
        raise SealError(f"edits: speakers must be a list of {count} names, one per word")
    if not all(isinstance(name, str) and name for name in names):
        raise SealError("edits: a speaker must have a name")
    if not (isinstance(reviewed, list) and all(type(each) is int for each in reviewed)):
        raise SealError("edits: reviewed must be a list of places")
    if not (
        isinstance(renamed, dict) and all(type(new) is str and new for new in renamed.values())
    ):
        raise SealError("edits: renamed must give each old name a new one")
    if len(set(renamed.values())) < len(renamed):
        raise SealError("edits: two speakers got the same name")
    places = {str(place) for place in range(count)}
    if not (
        isinstance(texts, dict)
        and all(place in places and type(text) is str for place, text in texts.items())
    ):
        raise SealError("edits: texts must give places their new words")
    if not all(text.strip() for text in texts.values()):
        raise SealError("edits: a word cannot be taken away, only written otherwise")
    return names, set(reviewed), renamed, texts
