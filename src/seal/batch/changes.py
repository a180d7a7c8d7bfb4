"""What a run did to the speakers of a transcript: how many words, and which.

A word is changed where it has another speaker than in the first pass; what a person decided is not
counted. It knows nothing of files or of how a corrector judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seal.correctors import Options
from seal.words import Word, reasons


class Change(NamedTuple):
    """A word with another speaker than before."""

    seconds: float
    word: str
    before: str
    """Empty where the tool had given it none."""
    after: str
    confidence: float | None
    why: str
    """"text", "voice" or "scores", several with "and" between them where the words say so, the
    strongest first; "text or voice" where they do not; "filled in" where there was no speaker."""


@dataclass(frozen=True)
class Changes:
    """Those of one transcript; with `+` the counts of several."""

    words: int = 0
    changed: int = 0
    filled: int = 0
    """Words that the tool had given no speaker."""
    each: tuple[Change, ...] = ()
    corrected: bool = True
    """False where no corrector was asked."""

    def __add__(self, other: "Changes") -> "Changes":
        return Changes(
            self.words + other.words,
            self.changed + other.changed,
            self.filled + other.filled,
            corrected=other.corrected,
        )

    def __str__(self) -> str:
        if not self.words:
            return "no words"
        words = f"{self.words:,} word{'' if self.words == 1 else 's'}"
        if not self.corrected:
            return words
        more = f", {self.filled:,} filled in" if self.filled else ""
        return f"{self.changed:,} of {words} changed{more}"


def changes_in(
    words: Sequence[Word], options: dict[str, Any], filled: Sequence[bool] | None = None
) -> Changes:
    """The changes in a corrected transcript. `filled` says which words had no speaker; `options`
    are those of `seal.correct`."""
    reason = why(Options(**options))
    each = []
    for word, hole in zip(words, filled or [False] * len(words), strict=True):
        after: str = word["speaker"]
        before: str = word.get("first_pass_speaker", after)
        if word.get("reviewed") is not True and (hole or before != after):
            sure = word.get("speaker_confidence")
            cause = "filled in" if hole else " and ".join(reasons(word)) or reason
            start = float(word["start_time"])
            each.append(Change(start, word["words"], "" if hole else before, after, sure, cause))
    holes = sum(change.why == "filled in" for change in each)
    return Changes(len(words), len(each) - holes, holes, tuple(each))


def why(options: Options) -> str:
    """What the chosen corrector goes by: with a recording `best` says it of each word alone, and
    only where that is asked for."""
    heard = options.chosen == "best" and options.audio is not None
    return "text or voice" if heard else options.about.reason
