"""What was changed in each of many transcripts, by whom and why, and where a reviewer should begin.

The change list of results as they lie on disk: a word is changed where its speaker is another than
the first pass's. What a person decided says so itself (`seal.rulings`). It knows nothing of how a
corrector judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from seal import formats, rulings
from seal.words import Word, reasons

UNSURE = 0.8
"""Confidence below which a word that nobody has decided counts as unsure."""


class Listed(NamedTuple):
    """A word whose speaker was changed."""

    seconds: float
    word: str
    before: str
    """Empty where the tool had given it none."""
    after: str
    confidence: float | None
    by: str
    """"machine" or "person"."""
    why: str
    """What spoke for it ("text or voice" where the word does not say), "filled in", or the kind of
    the ruling: "word", "turn", "like" (accepted with others), "merge" or "reviewed" where no
    ruling is kept."""


@dataclass(frozen=True)
class Summary:
    """One transcript."""

    file: Path
    words: int
    reviewed: int
    """Words that a person has decided."""
    unsure: int
    """Words with a confidence below UNSURE that nobody has decided."""
    expected: float
    """Wrong words to be expected among those that nobody has decided: the sum of 1 - confidence."""
    least: tuple[float, str, float] | None
    """Seconds, text and confidence of the least certain of them."""
    each: tuple[Listed, ...]

    @property
    def by_machine(self) -> int:
        """Words that seal changed."""
        return sum(one.by == "machine" for one in self.each)

    @property
    def by_person(self) -> int:
        """Words that a person changed."""
        return sum(one.by == "person" for one in self.each)


def summary(file: Path) -> Summary:
    """The summary of a transcript of any format. Raises SealError where it is none."""
    read = formats.load(file)
    listed = [
        one
        for word, hole in zip(read.words, read.filled, strict=True)
        if (one := _listed(word, hole)) is not None
    ]
    left = [
        (sure, float(word["start_time"]), word["words"])
        for word in read.words
        if word.get("reviewed") is not True
        and (sure := _share(word.get("speaker_confidence"))) is not None
    ]
    least = min(left, default=None)
    return Summary(
        file,
        len(read.words),
        sum(word.get("reviewed") is True for word in read.words),
        sum(sure < UNSURE for sure, _, _ in left),
        round(sum(1 - sure for sure, _, _ in left), 2),
        None if least is None else (least[1], least[2], least[0]),
        tuple(listed),
    )


def least_certain_first(found: Sequence[Summary]) -> list[Summary]:
    """In the order in which a reviewer gains most: by the wrong words to be expected in each."""
    return sorted(found, key=lambda one: (-one.expected, str(one.file)))


def _listed(word: Word, hole: bool) -> Listed | None:
    after: str = word["speaker"]
    before = word.get("first_pass_speaker", after)
    found = rulings.rulings_of(word)
    own = [each for each in found if each["kind"] != "name"]
    if own:
        by, why = "person", str(own[-1]["kind"])
    elif word.get("reviewed") is True:
        by, why = "person", "reviewed"
    else:
        by, why = "machine", "filled in" if hole else " and ".join(reasons(word)) or "text or voice"
    if before == after and not (hole and by == "machine"):
        return None
    return Listed(
        float(word["start_time"]),
        word["words"],
        "" if hole else str(before),
        after,
        _share(word.get("speaker_confidence")),
        by,
        why,
    )


def _share(value: object) -> float | None:
    """A confidence, or None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        return None
    return float(value)
