"""Who trains and who tests: the lists of recordings that training must not touch.

The public lists are in `lists/`, PriMock57's are ours. It knows names only, no recordings.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from seal.corpora import NAMES
from seal.errors import SealError
from seal.words import Word

LISTS = Path(__file__).parent / "lists"


@cache
def listed(corpus: str, part: str) -> frozenset[str]:
    """The names in the public list of `corpus` for `part` (`dev`, `test`); none without a list."""
    file = LISTS / f"{corpus}_{part}.txt"
    return frozenset(file.read_text(encoding="ascii").split()) if file.is_file() else frozenset()


AMI_DEV = listed("ami", "dev")
AMI_TEST = listed("ami", "test")

CLIP_MEETINGS = frozenset(
    [
        "ES2003a",
        "ES2003b",
        "EN2001a",
        "EN2001b",
        "EN2001d",
        "EN2001e",
        "EN2003a",
        "EN2004a",
        "EN2005a",
        "EN2006a",
    ]
)
"""Meetings whose first 30 s are the ten real clips that seal is tested on."""

PRIMOCK57_TEST = frozenset(
    [
        "day1_consultation05",
        "day1_consultation11",
        "day2_consultation02",
        "day2_consultation07",
        "day3_consultation03",
        "day3_consultation09",
        "day4_consultation05",
        "day4_consultation10",
        "day5_consultation06",
        "day5_consultation12",
    ]
)
PRIMOCK57_DEV = frozenset(
    [
        "day1_consultation02",
        "day1_consultation14",
        "day2_consultation10",
        "day4_consultation02",
        "day5_consultation03",
    ]
)


def ami_split(meeting: str) -> str:
    """`train`, `dev` or `test` of AMI's public lists."""
    return "dev" if meeting in AMI_DEV else "test" if meeting in AMI_TEST else "train"


def primock57_split(consultation: str) -> str:
    """`train`, `dev` or `test`: five consultations to tune on, ten to test on."""
    if consultation in PRIMOCK57_DEV:
        return "dev"
    return "test" if consultation in PRIMOCK57_TEST else "train"


def split(corpus: str, name: str) -> str:
    """`train`, `dev` or `test`: where a recording belongs.

    A corpus without lists (ICSI, one's own recordings) trains. Fisher has no public development
    list: the calls whose number ends in 00, about a hundred, are ours. Raises SealError for a
    corpus that seal does not know.
    """
    if corpus not in NAMES:
        raise SealError(f"corpus {corpus!r}: there is none of that name; one of {', '.join(NAMES)}")
    if corpus == "primock57":
        return primock57_split(name)
    if name in listed(corpus, "test"):
        return "test"
    if name in listed(corpus, "dev") or (corpus == "fisher" and name.endswith("00")):
        return "dev"
    return "train"


def first_clip_cut(words: Sequence[Word]) -> list[Word]:
    """A meeting's words without those of its evaluation clip."""
    if not words or words[0]["session_id"] not in CLIP_MEETINGS:
        return list(words)
    return [word for word in words if word["start_time"] > 31.0]
