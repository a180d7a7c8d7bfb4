"""Who trains and who tests: the lists of recordings that training must not touch.

The public lists are in `lists/`, PriMock57's and CABNC's are ours; USES says what each set of the
bench is for. No list shares a recording, or a speaker that is known, with one of another kind; the
ten clips alone are the first seconds of meetings that train without them. It knows names only, no
recordings.
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

AMI_DEV_UNREAD = frozenset({"ES2011a", "ES2011b", "ES2011c", "ES2011d"})
"""Of the development list: AG-LSEC has learnt from real diarizers' outputs on all others, so
numbers are chosen on these."""

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

AMI_UNUSED = frozenset({"IB4005"})
"""Of the public training list: two of its speakers are in the development list's meetings, a third
in other training meetings, so it can be in neither."""

PRIMOCK57_DOCTORS = {
    "day1": "one or two who give no name",
    "day2": "Deen Mirza",
    "day3": "Jacob",
    "day4_consultation02": "Gohil",
    "day4_consultation03": "Gohil",
    "day4_consultation05": "Gohil",
    "day4_consultation06": "Kumar",
    "day4_consultation07": "Joe",
    "day4_consultation09": "Joe",
    "day4_consultation10": "Joe",
    "day5": "Smith",
}
"""Who sees the patients, by day or consultation, as they say themselves in their first sentences.
On the first day nobody says a name, and Kumar may be Joe's: each of the two counts as one."""

PRIMOCK57_DEV = frozenset(f"day4_consultation{number}" for number in ("06", "07", "09", "10"))
"""Those of Kumar and Joe, the only doctors without a consultation among REAL_CALLS."""

REAL_CALLS = frozenset(
    [
        "day1_consultation05",
        "day1_consultation07",
        "day1_consultation10",
        "day1_consultation11",
        "day2_consultation05",
        "day2_consultation06",
        "day3_consultation09",
        "day4_consultation02",
        "day4_consultation03",
        "day5_consultation07",
        "day5_consultation10",
    ]
)
"""PriMock57's consultations of which real diarizers' turns are published."""

PRIMOCK57_UNREAD = frozenset(
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
"""Those that the language model's shipped adapter has not learnt from; they were tested on, and of
most of the doctors it has learnt other consultations."""

PRIMOCK57_TUNED = frozenset(
    [
        "day1_consultation02",
        "day1_consultation14",
        "day2_consultation10",
        "day4_consultation02",
        "day5_consultation03",
    ]
)
"""Those that its margins were tuned on. All others of the 40 that are public here were in its
training. AG-LSEC's weights know none."""

CABNC_DEV = frozenset({"KB0", "KC8", "KE6"})
CABNC_TEST = frozenset({"KB9", "KC2", "KCA"})
"""By the first three letters of a conversation's name: the household or person that recorded it.
No speaker occurs under two of them."""

USES = {
    "real-meetings-dev": "dev: the simulator of the simulated sets is fitted to it, AG-LSEC learnt "
    "from it; numbers are chosen on AMI_DEV_UNREAD",
    "simulated-calls-dev": "dev: thresholds, margins and choices",
    "simulated-meetings-dev": "dev: thresholds, margins and choices",
    "simulated-cabnc-dev": "dev: thresholds, margins and choices",
    "voiced-calls-dev": "dev: thresholds, margins and choices",
    "voiced-meetings-dev": "dev: thresholds, margins and choices",
    "voiced-readers-dev": "dev: what is no conversation",
    "real-calls": "test",
    "real-meetings": "test",
    "simulated-calls": "test",
    "simulated-meetings": "test",
    "simulated-cabnc": "test",
    "voiced-calls": "test",
    "voiced-meetings": "test",
    "clips": "test, with a past: the voices' window and margin were chosen on it",
    "libri2mix": "test, with a past: the first simulator was fitted to it",
    "real-audio": "test",
}
"""What each set of `seal bench sets` may be used for. Nothing is fitted, tuned or chosen on a test
set; where that was not so in the past, it says so."""

LEARNT = AMI_DEV - AMI_DEV_UNREAD
"""Recordings in the development sets which AG-LSEC has learnt from: nothing is chosen on them."""

DEV_SETS = tuple(name for name in USES if name.endswith("-dev") and not name.startswith("voiced"))
"""Those without sound on which numbers are chosen."""


def ami_split(meeting: str) -> str:
    """`train`, `dev` or `test` of AMI's public lists; `unused` for AMI_UNUSED."""
    if meeting in AMI_UNUSED:
        return "unused"
    return "dev" if meeting in AMI_DEV else "test" if meeting in AMI_TEST else "train"


def primock57_split(consultation: str) -> str:
    """`dev` or `test`, by doctor. None trains: 40 consultations are learnt by heart."""
    return "dev" if consultation in PRIMOCK57_DEV else "test"


def primock57_doctor(consultation: str) -> str:
    """The doctor of a consultation."""
    day = consultation.split("_")[0]
    return PRIMOCK57_DOCTORS.get(consultation) or PRIMOCK57_DOCTORS.get(day, day)


def primock57_past(consultation: str) -> str:
    """What the shipped adapter knows of a consultation: `learnt`, `tuned` on, or `unread`."""
    if consultation in PRIMOCK57_UNREAD:
        return "unread"
    return "tuned" if consultation in PRIMOCK57_TUNED else "learnt"


def cabnc_split(conversation: str) -> str:
    """`train`, `dev` or `test`, by the first three letters of the name."""
    family = conversation[:3]
    return "dev" if family in CABNC_DEV else "test" if family in CABNC_TEST else "train"


def split(corpus: str, name: str) -> str:
    """`train`, `dev` or `test`: where a recording belongs; `unused` where it can be in none.

    A corpus without lists (ICSI, one's own recordings) trains. Fisher has no public development
    list: the calls whose number ends in 00, about a hundred, are ours. Raises SealError for a
    corpus that seal does not know.
    """
    if corpus not in NAMES:
        raise SealError(f"corpus {corpus!r}: there is none of that name; one of {', '.join(NAMES)}")
    own = {"ami": ami_split, "primock57": primock57_split, "cabnc": cabnc_split}
    if corpus in own:
        return own[corpus](name)
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
