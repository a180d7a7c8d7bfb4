"""What a reviewer changed, applied to a word transcript.

The page sends, for one conversation: the speaker of each word, which words were looked at, which
speakers have new names, and which words somebody has written anew. No other word is sent, so no
other can change. It knows nothing of pages or servers.
"""

from collections.abc import Sequence
from typing import Any

from seal.errors import SealError
from seal.words import Word
from seal.words import renamed as with_new_names


def apply(words: Sequence[Word], indices: Sequence[int], edits: Any) -> list[Word]:
    """The transcript with the edits in it; a copy, the same words in the same order.

    `edits` is {"speakers": [a name per word of `indices`], "reviewed": [positions in `indices`],
    "renamed": {old name: new name}, "texts": {position: the word as somebody wrote it}}. A word
    whose speaker was set by hand gets `first_pass_speaker` (if it has none) and a
    `speaker_confidence` of 1; one that was looked at gets `reviewed`: true; one that was written
    anew keeps what it was as `words_before`. Raises SealError for edits of another shape.
    """
    names, reviewed, renamed, texts = _checked(edits, len(indices))
    changed = [dict(word) for word in words]
    for position, index in enumerate(indices):
        word = changed[index] = with_new_names(words[index], renamed)
        if names[position] != word["speaker"]:
            word.setdefault("first_pass_speaker", word["speaker"])
            word["speaker_confidence"] = 1.0
        word["speaker"] = names[position]
        if position in reviewed:
            word["reviewed"] = True
        else:
            word.pop("reviewed", None)
        text = texts.get(str(position), word["words"])
        if text != word["words"]:
            before = word.setdefault("words_before", word["words"])
            word["words"] = text
            if text == before:
                del word["words_before"]
    return changed


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
