"""Names from the words: what speakers call themselves and each other, as proposals with their
place.

"This is Helen at the parcel desk" names who says it, "thanks, Tom" somebody else who has just
spoken or speaks next. Nobody is given a name here: a person reads the words and decides. It knows
nothing of voices.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seal.correctors.unread import COMMON
from seal.unspaced import joined
from seal.words import Word, normalise, speakers


class Called(NamedTuple):
    """A name that is proposed for a speaker."""

    speaker: str
    name: str
    place: int
    """The index of the word that is the name, in the words that were given."""
    quote: str
    """The words about it."""
    heard: int
    """How often the words say so."""


_OWN = re.compile(
    r"(?:my name is|my name's|this is|i'm called|call me|you're speaking to|you are speaking to|"
    r"you're speaking with|speaking to you is|i am|i'm) $"
)
"""What stands before one's own name."""

_SURE = re.compile(r"(?:my name is|my name's|call me|i'm called) $")
"""Those after which a name follows, even if it is written small."""

_OTHER = re.compile(
    r"(?:thanks|thank you|hi|hello|hey|bye|goodbye|good morning|good afternoon|welcome|cheers|"
    r"thanks a lot|thank you very much|thank you so much|over to you|dear) $"
)
"""What stands before the name of somebody else."""

_AFTER = re.compile(r"(?:speaking|here|from|at|calling|with|on)\b")
"""What follows a name that somebody says of himself: `this is` and `i'm` want that, or the end of
the sentence, for other things follow them."""

_WEAK = re.compile(r"(?:this is|i'm|i am) $")

_NOT_NAMES = """
there here everyone everybody all guys folks ladies gentlemen sir madam doctor nurse mum dad again
today tomorrow monday tuesday wednesday thursday friday saturday sunday god lord please january
february march april may june july august september october november december english hello hi hey
bye bye-bye goodbye thanks thank alright nice yep nope bullet sorry fine good great okay sure afraid
glad happy calling speaking going just not so very too
"""

_NOBODY = frozenset(_NOT_NAMES.split())
"""Words that stand in such a place and are no names."""

_SHOWN = 4
"""Words before and after a name that are shown with it."""


def called(words: Sequence[Word]) -> list[Called]:
    """The names that the words of one conversation, in time order, propose: one for a speaker at
    most, the most often heard first. Speakers who have that name already are left out."""
    written = any(word["words"][:1].isupper() for word in words)
    votes: dict[tuple[str, str], list[int]] = {}
    for index, speaker, name in _heard(words, written):
        votes.setdefault((speaker, name), []).append(index)
    found, taken = [], {name.casefold() for name in speakers(words)}
    named: set[str] = set()
    for (speaker, name), places in sorted(votes.items(), key=lambda vote: -len(vote[1])):
        if speaker in named or name.casefold() in taken:
            continue
        named.add(speaker)
        taken.add(name.casefold())
        first = max(0, places[0] - _SHOWN)
        who = words[places[0]]["speaker"]
        around = words[first : places[0] + _SHOWN + 1]
        quote = joined(word["words"] for word in around if word["speaker"] == who)
        found.append(Called(speaker, name, places[0], quote, len(places)))
    return found


def _heard(words: Sequence[Word], written: bool) -> Iterator[tuple[int, str, str]]:
    """(index of the word, speaker, name) of each place that names a speaker."""
    for index, word in enumerate(words):
        name = _name(word["words"], written)
        if name is None or not index:
            continue
        who = word["speaker"]
        own = [
            other["words"] for other in words[max(0, index - 5) : index] if other["speaker"] == who
        ]
        if own and own[-1].rstrip('"”')[-1:] in (".", "?", "!"):
            continue  # another sentence
        text = " ".join(map(normalise, own)) + " "
        after = [other for other in words[index + 1 : index + 2] if other["speaker"] == who]
        follows = normalise(after[0]["words"]) if after else ""
        ends = not after or word["words"][-1:] in ".,!?"
        small = not word["words"][:1].isupper()
        if _OWN.search(text):
            if small and not _SURE.search(text):
                continue
            if _WEAK.search(text) and not (ends or _AFTER.match(follows)):
                continue
            yield index, who, name
        elif _OTHER.search(text) and not small:
            other = _other(words, index)
            if other is not None:
                yield index, other, name
        elif follows == "speaking" and not small:
            yield index, who, name


def _name(text: str, written: bool) -> str | None:
    """The name that a word is, or None. Where the words have no capitals every word may be one."""
    bare = text.strip(".,!?;:\"”“'")
    if len(bare) < 2 or not bare.replace("-", "").isalpha():
        return None
    plain = bare.lower()
    if plain in COMMON or plain in _NOBODY or plain.endswith("ing"):
        return None
    if written and not bare[0].isupper():
        return None
    return bare if bare[0].isupper() else bare.capitalize()


def _other(words: Sequence[Word], index: int) -> str | None:
    """Who is spoken to: the one other speaker, or who speaks on both sides of the turn, or before
    it."""
    who = words[index]["speaker"]
    others = [name for name in speakers(words) if name != who]
    if len(others) == 1:
        return others[0]
    before = next((w["speaker"] for w in reversed(words[:index]) if w["speaker"] != who), None)
    after = next((w["speaker"] for w in words[index:] if w["speaker"] != who), None)
    return before if before is not None else after
