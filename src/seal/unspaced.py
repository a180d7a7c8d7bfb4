"""Scripts that are written without spaces between words.

Those of Chinese, Japanese, Thai, Lao, Khmer and Burmese; Korean has spaces. In a text words of such
a script touch, and where one ends is not to be seen. It knows nothing of transcripts.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain, pairwise
from typing import Literal

Unit = Literal["auto", "word", "character"]
"""What is counted of a text: words; characters; or words, and the characters of scripts without
spaces (`auto`)."""

_LETTERS = (
    "\u0e00-\u0eff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\uff66-\uff9f"  # kana, bopomofo, 々
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
_WIDE = (
    "\u2e80-\u2e9f\u3001-\u3004\u3008-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
"""Marks that are as wide as a Chinese character, and have their own space in that."""

_UNUSUAL = re.compile(f"[{_LETTERS}{_WIDE}]")
_LETTER = re.compile(f"[{_LETTERS}]")
_BEGINS_WIDE, _ENDS_WIDE = re.compile(f"[{_WIDE}]"), re.compile(f"[{_WIDE}]\\Z")
_TWICE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f"
    "\uff01-\uff60\uffe0-\uffe6\U00020000-\U0003fffd]"
)
_ENDS = re.compile(r"^[\W_]+|[\W_]+$")
_NUMBER = re.compile(r"\d")
_EAST = re.compile("[\u3005-\u312f\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def has_letters(text: str) -> bool:
    """Whether there are letters of such a script in a text."""
    return not text.isascii() and _LETTER.search(text) is not None


def gap(before: str, after: str) -> str:
    """What stands between two words in a text: a space, or nothing.

    >>> gap("你", "好"), gap("tea", "please"), gap("3", "月"), gap("用", "Python")
    ('', ' ', '', ' ')
    """
    if before.isascii() and after.isascii():
        return " "
    if _ENDS_WIDE.search(before) or _BEGINS_WIDE.match(after):
        return ""
    last, first = _letter(reversed(before)), _letter(after)
    dense = [_LETTER.match(letter) is not None for letter in (last, first)]
    if all(dense):
        return ""
    numbers = [_NUMBER.match(letter) is not None for letter in (last, first)]
    east = any(_EAST.match(letter) for letter in (last, first))
    return "" if east and any(numbers) else " "


def _letter(letters: Iterable[str]) -> str:
    """The first that is no punctuation, or nothing."""
    return next((one for one in letters if one.isalnum() or _LETTER.match(one)), "")


def joined(words: Iterable[str]) -> str:
    """The words as one line of text, as people would write it: with spaces, but for such scripts.

    >>> joined(["你", "好，", "我", "用", "Python"]), joined(["tea", "please"])
    ('你好，我用 Python', 'tea please')
    """
    words = list(words)
    if not any(map(_needs_look, words)):
        return " ".join(words)
    gaps = (gap(before, after) for before, after in pairwise(words))
    return "".join(chain(*zip(words, [*gaps, ""], strict=True)))


def _needs_look(word: str) -> bool:
    return not word.isascii() and _UNUSUAL.search(word) is not None


def characters(text: str) -> list[str]:
    """A text's words, where such scripts have a word for each character.

    A mark belongs to the character before it, an opening one to that after it; vowel signs stay
    with their letter. Words of other scripts stay whole.

    >>> characters("包裹到了吗？ OK"), characters("tea please")
    (['包', '裹', '到', '了', '吗？', 'OK'], ['tea', 'please'])
    """
    return [text[first:last] for first, last in spans(text)]


def spans(text: str) -> list[tuple[int, int]]:
    """Where the `characters` of a text stand."""
    found: list[tuple[int, int]] = []
    whole = True  # whether what was last found ends here
    dense = said = False  # whether it is a character of such a script, and whether it says anything
    for place, letter in enumerate(text):
        if letter.isspace():
            whole = True
            continue
        kind = unicodedata.category(letter)
        character = _LETTER.match(letter) is not None and kind[0] not in "MP"
        opens = kind in ("Ps", "Pi")
        parts = character or (dense and (opens or letter.isalnum()))
        parts = parts or (opens and _BEGINS_WIDE.match(letter) is not None)
        if whole or (said and parts):
            found.append((place, place))
            whole = dense = said = False
        found[-1] = (found[-1][0], place + 1)
        dense, said = dense or character, said or letter.isalnum()
    return found


def in_units(text: str, unit: Unit = "auto") -> str:
    """A text with a space between each two units, which are Unicode's characters or words.

    >>> in_units("用python 写"), in_units("用python 写", "character"), in_units("tea please")
    ('用 python 写', '用 p y t h o n 写', 'tea please')
    """
    if unit == "character":
        return " ".join("".join(text.split()))
    if unit == "word" or not has_letters(text):
        return text
    return " ".join(_LETTER.sub(r" \g<0> ", text).split())


def columns(text: str) -> int:
    """How wide a text is, in letters: those that are as wide as a Chinese character count twice."""
    return len(text) if text.isascii() else len(text) + len(_TWICE.findall(text))


def letters_and_words(text: str) -> list[str]:
    """What is left of a text to compare, however its words were joined: each letter of such a
    script, and what stands between them, spaces and wide marks, without the marks at its ends.

    >>> letters_and_words("你好，Tom."), letters_and_words("tea, please")
    (['你', '好', 'Tom'], ['tea', 'please'])
    """
    parts = _LETTER.sub(r" \g<0> ", _BEGINS_WIDE.sub(" ", text)).split()
    return [bare for part in parts if (bare := _ENDS.sub("", part))]
