"""What other programs do about speakers: rules without a model, to be beaten on the same words.

Each takes the words of one recording in time order and gives every word a speaker. Their constants
were set before any test set was looked at. They are rows of the bench, and no correctors.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby

from seal.words import Word

PAUSE = 0.5
"""Seconds without a word that end a unit, or a stretch that is smoothed."""

BRIEF = 2
"""Words, at most, of a run that smoothing takes for a slip."""

ENDS = (".", "?", "!", "…")


def smoothed(words: Sequence[Word]) -> list[str]:
    """A run of at most BRIEF words, with no PAUSE around it, goes to the speaker on both sides."""
    found = [word["speaker"] for word in words]
    for stretch in _stretches(words):
        runs = [list(group) for _, group in groupby(stretch, key=lambda index: found[index])]
        for before, run, after in zip(runs, runs[1:], runs[2:], strict=False):
            if len(run) <= BRIEF and found[before[-1]] == found[after[0]]:
                for index in run:
                    found[index] = found[before[-1]]
    return found


def by_unit(words: Sequence[Word]) -> list[str]:
    """One speaker, the one with most words, for all words between two sentence ends or pauses."""
    found = [word["speaker"] for word in words]
    for stretch in _stretches(words):
        unit: list[int] = []
        for index in stretch:
            unit.append(index)
            if words[index]["words"].endswith(ENDS) or index == stretch[-1]:
                [(speaker, _)] = Counter(found[place] for place in unit).most_common(1)
                for place in unit:
                    found[place] = speaker
                unit = []
    return found


def _stretches(words: Sequence[Word]) -> list[list[int]]:
    """The indices of the words between two pauses."""
    found: list[list[int]] = []
    latest = 0.0
    for index, word in enumerate(words):
        if not found or word["start_time"] - latest >= PAUSE:
            found.append([])
        found[-1].append(index)
        latest = max(latest, word["end_time"])
    return found


RIVALS: dict[str, Callable[[Sequence[Word]], list[str]]] = {"smoothed": smoothed, "unit": by_unit}
