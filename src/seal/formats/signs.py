"""Signs that stand alone (`&`, `+`, a dash, a French `?`): no words, and yet to be seen.

A corrector sees the words without them. A word that has some beside it says so in `with_signs`
("Flour &"), and what is made of the words for people, or for turns' texts, has them from there.
"""

from collections.abc import Iterable
from typing import Any

from seal.words import Word

KEY = "with_signs"


def spoken(text: str) -> bool:
    """Whether it is a word: has a letter or digit, and is not punctuation alone."""
    return any(map(str.isalnum, text))


def around(word: Word) -> tuple[str, str]:
    """The signs before and behind a word; none where the word was written anew since."""
    whole: Any = word.get(KEY)
    if not whole or not word["words"]:
        return "", ""
    before, found, after = str(whole).partition(str(word["words"]))
    if not found or spoken(before) or spoken(after):
        return "", ""
    return before.strip(), after.strip()


def told(word: Word) -> str:
    """The word with the signs beside it."""
    before, after = around(word)
    return " ".join(filter(None, (before, str(word["words"]), after)))


def alone(word: Word) -> list[str]:
    """The signs beside a word."""
    return " ".join(around(word)).split()


def shown(words: Iterable[Word]) -> list[Word]:
    """The words as they are written for people: each with its signs."""
    return [word | {"words": told(word)} if KEY in word else word for word in words]
