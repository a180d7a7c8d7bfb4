"""Recordings that the default does not read, since their text says nothing of who speaks.

The embedded encoder reads English: a `language` key of the words says whether it is that, else the
words that English cannot do without are counted. It has learnt from people who talk with each
other: what is read aloud, as from a book, has hardly any of the words that talk is full of. And
where people speak at once all the time, words of one stand among the other's, and it errs as often
as not.
"""

from collections import Counter
from collections.abc import Sequence

from seal.words import Word, normalise

_COMMON = """
a about all and are at be because but can could do don't for from get go going good got had have he
he's her here him his how i i'll i'm i've if in is it it's just know like look mean mm my no not
now of oh okay on one or our out really right say see she so some that that's the them then there
there's these they they're thing things think this time to uh um up very want was we we're well
were what what's when where which who will with would yeah yes you you're your
"""

COMMON = frozenset(_COMMON.split())
"""Half of what is said in English."""

FEWEST = 12
"""Words below which their share says nothing."""

SHARE = 0.3
"""Of the words, so many are common ones in any English conversation; German and Dutch, with their
`in` and `was`, stay under it."""

LATIN = 0.7
"""Of the letters, so many are Latin ones."""

_SAID = """
actually ah alright bit bye can't cos didn't doesn't don't erm gonna got gotta guess he's hello hi
hmm i i'd i'll i'm i've isn't it's just kind know let's like lot maybe mean mhm mm oh ok okay please
pretty really right she's so sorry sort stuff sure thank thanks that's there's they're thing things
think uh um wanna we'll we're we've well what what's yeah yep yes you you'd you'll you're you've
"""

SAID = frozenset(_SAID.split())
"""A quarter of what is said in conversations, and hardly anything of what is read aloud."""

FEWEST_SAID, SAID_SHARE = 30, 0.08
"""Words below which their share says nothing, and the share under which nobody talks. Of the
conversations of the development sets none is under it; of their pieces of 60 words 1 in 250 in
meetings, 1 in 16 in everyday talk; of two readers' books laid over each other four of five are."""

BOTH, AT_ONCE = 0.5, 0.2
"""Where the second best score is above BOTH, two speak at once. In the conversations of the
development sets that is at most 0.14 of the words, in two people's monologues laid over each other
mostly more than AT_ONCE."""


def why_unread(words: Sequence[Word]) -> str | None:
    """Why a recording is not read, in a few words, or None where it is."""
    if not is_english(words):
        return "not in English, which is all that is read"
    if not is_talk(words):
        return "not the words of people who talk with each other, which is all that is read"
    if is_at_once(words):
        return "people speak at once in much of it, which its text does not sort out"
    return None


def is_talk(words: Sequence[Word]) -> bool:
    """Whether an English recording's words are those of people who talk, or too few to tell."""
    texts = _texts(words)
    return len(texts) < FEWEST_SAID or sum(t in SAID for t in texts) >= SAID_SHARE * len(texts)


def is_at_once(words: Sequence[Word]) -> bool:
    """Whether two speak at once in much of a recording, by its scores."""
    return share_at_once(words) > AT_ONCE


def is_heard(words: Sequence[Word]) -> bool:
    """Whether voices can say who speaks: not where readers are mixed, for none of them is alone."""
    return not (is_at_once(words) and is_english(words) and not is_talk(words))


def share_at_once(words: Sequence[Word]) -> float:
    """The share of the words with scores in which two speakers have a high one."""
    scored = [
        sorted(word["speaker_scores"].values()) for word in words if word.get("speaker_scores")
    ]
    both = sum(len(scores) > 1 and scores[-2] > BOTH for scores in scored)
    return both / max(len(scored), 1)


def is_english(words: Sequence[Word]) -> bool:
    """Whether the words of a recording are English: by their `language`, where most have one, else
    by the words themselves; a few words of Latin letters pass."""
    told = Counter(str(word["language"]).lower() for word in words if word.get("language"))
    if told and 2 * told.total() >= len(words):
        return told.most_common(1)[0][0].replace("_", "-").split("-")[0] in ("en", "eng", "english")
    texts = _texts(words)
    letters = [letter for text in texts for letter in text if letter.isalpha()]
    if sum(letter < "\u0250" for letter in letters) < LATIN * len(letters):
        return False
    return len(texts) < FEWEST or sum(text in COMMON for text in texts) >= SHARE * len(texts)


def _texts(words: Sequence[Word]) -> list[str]:
    return [text for word in words for text in normalise(word["words"]).split()]
