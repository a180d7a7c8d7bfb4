"""Words that were transcribed before, under speakers that are found anew.

The new voices get the old speakers' names as far as both speak at the same times, so that a name
that a person gave stays with its voice. What a person decided of a word stays. This file knows
nothing of how voices are found.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seal.acoustic import audio
from seal.acoustic.reconcile import name
from seal.errors import SealError
from seal.tpst import best_match
from seal.words import DECIDED_BY, Word, check, sessions, speakers

OURS = ("first_pass_speaker", "speaker_confidence", DECIDED_BY)
"""Keys that tell of the speakers before, and are left out."""

DECIDED = 10.0
"""Seconds that a second of a word counts for of which a person has said who said it."""

LATE = 2.0
"""Seconds by which words may begin after the recording has ended: clocks differ a little."""


def check_words(words: Sequence[Word], path: str | Path) -> None:
    """Raise SealError where these cannot be the words of the recording."""
    check(list(words))
    if len(names := [session for session, _ in sessions(words)]) > 1:
        raise SealError(
            f"--words: has {len(names)} conversations ({names[0]}, {names[1]}, …); {path} is of one"
        )
    ends = audio.duration(path, sure=True)
    last = max((float(word["start_time"]) for word in words), default=0.0)
    if ends and last > ends + LATE:
        raise SealError(
            f"{path}: ends after {ends:.0f} s, but words begin at {last:.0f} s; is it their "
            "recording?"
        )


def regrouped(before: Sequence[Word], found: Sequence[Word]) -> tuple[list[Word], str]:
    """The words found, under the names from before; and a line on what was kept of those.

    `found` are the words of `before`, in the same order, with new `speaker` and `speaker_scores`.
    A reviewed word keeps its speaker, whether there is such a voice or not.
    """
    called = renamed(before, found)
    new = [called[name] for name in speakers(found)]
    decided = [word.get("reviewed") is True for word in before]
    lost = {w["speaker"] for w, kept in zip(before, decided, strict=True) if kept} - set(new)
    result = []
    for old, word, kept in zip(before, found, decided, strict=True):
        scores = {called[name]: score for name, score in word["speaker_scores"].items()}
        scores |= dict.fromkeys(sorted(lost), 0.0)
        who = old["speaker"] if kept else called[word["speaker"]]
        rest = {key: value for key, value in word.items() if key not in OURS}
        result.append({**rest, "speaker": who, "speaker_scores": scores})
    line = f"{_speakers(new)}, {len(set(_names(before)))} before"
    if count := sum(decided):
        line += f"; {count} reviewed word{'s' * (count > 1)} as decided"
    if lost:
        line += f", though no voice was found for {', '.join(sorted(lost))}"
    return result, line


def renamed(before: Sequence[Word], found: Sequence[Word]) -> dict[str, str]:
    """A name for each new speaker: the old one who said most of the same, none twice, or else one
    that is free."""
    old, new = _names(before), speakers(found)
    together = np.zeros((len(old), len(new)))
    for one, other in zip(before, found, strict=True):
        seconds = max(float(one["end_time"] - one["start_time"]), 1e-3)
        weight = DECIDED if one.get("reviewed") is True else 1.0
        together[old.index(one["speaker"]), new.index(other["speaker"])] += weight * seconds
    called = {
        new[column]: old[row] for row, column in best_match(together) if together[row, column] > 0
    }
    free = (name(index) for index in range(len(old) + 2 * len(new)))
    for speaker in new:
        if speaker not in called:
            taken = {*old, *called.values()}
            named = speaker if speaker not in taken else next(n for n in free if n not in taken)
            called[speaker] = named
    return called


def _names(words: Sequence[Word]) -> list[str]:
    """Those who said something."""
    return list(dict.fromkeys(word["speaker"] for word in words))


def _speakers(names: Sequence[str]) -> str:
    return f"{len(names)} speaker{'s' * (len(names) > 1)} ({', '.join(names)})"
