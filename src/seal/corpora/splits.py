"""Who trains and who tests: the lists of recordings that training must not touch.

It knows names only, no files.
"""

from collections.abc import Sequence

from seal.words import Word

AMI_DEV = frozenset(
    f"{series}{part}"
    for series, parts in (
        ("IS1008", "abcd"),
        ("ES2011", "abcd"),
        ("TS3004", "abcd"),
        ("IB40", ("01", "02", "03", "04", "10", "11")),
    )
    for part in parts
)
AMI_TEST = frozenset(
    f"{series}{part}" for series in ("IS1009", "ES2004", "TS3003", "EN2002") for part in "abcd"
)

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


def first_clip_cut(words: Sequence[Word]) -> list[Word]:
    """A meeting's words without those of its evaluation clip."""
    if not words or words[0]["session_id"] not in CLIP_MEETINGS:
        return list(words)
    return [word for word in words if word["start_time"] > 31.0]
