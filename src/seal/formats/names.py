"""What before a colon is a speaker's name, and what is said: judged by the whole of a text.

A name opens cues (or lines) again and again; what does so once ("Remember: never lie") is one only
if it looks like a name and others speak there, too. It knows names and counts, no text.
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

PLAIN = re.compile(r"[^\s\[\]():<>,.?!;\"][^\[\]:<>,?!;\"\n]{0,39}")
"""A name that needs no brackets, wherever it stands."""

HIDDEN = "\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
"""Characters without a shape, which set a direction or allow a break: no part of a name's ends."""

COVERED = 0.3
"""The part of all cues that names open at least, if those that look like none are to be some."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PARTICLES = _words(
    "af al and av bin bint da de degli dei del della den der di dos du e el et ibn la le les mac "
    "of op 't ten ter und v. van vom von y zu zum zur"
)
"""Small words inside names: `Ludwig van Dyke`."""

SAID = _words(
    "achtung alright also answer antwort anyway atención attention aviso beispiel caution "
    "conclusion date duration example exemple fact finally first frage friday hello hey hi hint "
    "hinweis http https important link listen location look meanwhile merke monday no nota note "
    "notice now ok okay plus pregunta problem ps question re recall remarque remember reminder "
    "respuesta result right rule saturday second so subject summary sunday third thursday time "
    "tip title topic tuesday update warning wednesday well yeah yes"
)
"""Words that come before a colon in speech: names only where they open cues again and again."""

_HIDDEN = re.compile(rf"[{HIDDEN}\s]+")

_SPEAKS = _words(
    "are ask asked asks following goes is like mean means said saying says say that this thing "
    "think thinks thought was were wrote"
)
"""A last word that tells of speech ("and then he said: no") is no end of a name."""


class Candidate(NamedTuple):
    """What stands before a colon: as a name, whether in brackets, and whether on a later line."""

    name: str
    sure: bool
    later: bool


def canonical(raw: str, markup: bool = False) -> str:
    """A name as it is told from others: composed, with plain spaces, its entities resolved."""
    if markup:
        raw = html.unescape(raw)
    first, last = ends(raw)
    raw = raw[first:last]
    return " ".join(unicodedata.normalize("NFC", raw).split())


def ends(raw: str) -> tuple[int, int]:
    """Where a name begins and ends in what stands there, without spaces and what is not seen."""
    lead = _HIDDEN.match(raw)
    first, last = (0 if lead is None else lead.end()), len(raw)
    while last > first and _HIDDEN.match(raw[last - 1]):
        last -= 1
    return first, last


def is_name(name: str) -> bool:
    """Whether it looks like a speaker's name, and not like the start of a sentence."""
    words = name.split()
    if not PLAIN.fullmatch(name) or not any(map(str.isalnum, name)):
        return False
    if len(words) == 1 or (len(words) == 2 and words[0].lower() in ("speaker", "spk", "channel")):
        return name.lower() not in ("http", "https")
    if len(words) > 4 or words[-1][0].islower():
        return False
    return all(not word[0].islower() or word in PARTICLES for word in words)


def _may_be(name: str) -> bool:
    """Whether it is a name where it opens cues again and again."""
    words = name.split()
    if len(words) > 6 or not any(map(str.isalpha, name)) or words[-1].lower() in _SPEAKS:
        return False
    return words[0].lower() not in ("http", "https") and not re.search(r"[.?!…] ", name[4:])


def accepted(candidates: Sequence[Candidate], opened: int, cues: bool) -> set[str]:
    """Those of the candidates that are names, of a text with so many cues (or lines).

    On a later line of a cue stands a name only if it is one elsewhere, too.
    """
    sure = {one.name for one in candidates if one.sure}
    opening = Counter(one.name for one in candidates if not one.later or one.sure)
    often = Counter(one.name for one in candidates)
    repeated = {name for name, count in often.items() if count > 1 and plain([name])}
    loose = {name for name in opening if often[name] > 1 and _may_be(name)} - repeated
    # What may be a name counts for what is one: all cues of a file may open so.
    once = {n for n in opening if is_name(n) and n.lower() not in SAID} - repeated - sure
    covered = sum(opening[name] for name in repeated | once | sure | loose)
    if covered >= COVERED * opened:
        repeated |= loose
    names = sure | repeated
    first = candidates[0].name if candidates else None
    if names or 2 * len(once) >= opened or (first in once and (len(once) > 1 or not cues)):
        names |= once
    return names


def plain(names: Iterable[str]) -> bool:
    """Whether all names are read as such before a colon."""
    return all(is_name(name) and name.lower() not in SAID for name in names)
