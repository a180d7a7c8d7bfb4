"""Diarization error rate: seconds of wrong speakers, from the turns that words make.

As NIST's md-eval counts it, without a collar: missed speech, false alarms and wrong speakers, where
several speak at once too, with the one-to-one match of speakers that agrees longest. A turn is a
speaker's words without longer gaps (`seal.words.turns`), on both sides. It knows nothing of text.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from seal.tpst import best_match
from seal.words import Word, turns

REFERENCE, HYPOTHESIS = 0, 1

Speakers = dict[str, int]
"""Who speaks at a moment, and in how many turns at once."""


class Diarization(NamedTuple):
    """What was counted, in seconds."""

    errors: float
    speech: float
    """Of the reference; two who speak at once count twice."""


def diarization(reference: Sequence[Word], hypothesis: Sequence[Word]) -> Diarization:
    """Errors and speech of one conversation; words are in time order."""
    names: tuple[Speakers, Speakers] = ({}, {})
    for side, words in zip(names, (reference, hypothesis), strict=True):
        for word in words:
            side.setdefault(word["speaker"], len(side))
    together = np.zeros([len(side) for side in names])
    errors = speech = 0.0
    for length, ours, theirs in _moments(reference, hypothesis):
        speech += length * len(ours)
        errors += length * max(len(ours), len(theirs))
        for one in ours:
            for other in theirs:
                together[names[REFERENCE][one], names[HYPOTHESIS][other]] += length
    agreed = sum(float(together[pair]) for pair in best_match(together)) if together.size else 0.0
    return Diarization(max(errors - agreed, 0.0), speech)


def _moments(
    reference: Sequence[Word], hypothesis: Sequence[Word]
) -> Iterator[tuple[float, Speakers, Speakers]]:
    """Each stretch in which nobody begins or ends: its seconds, and who speaks on both sides."""
    events = [
        (float(time), change, side, speaker)
        for side, words in ((REFERENCE, reference), (HYPOTHESIS, hypothesis))
        for start, end, speaker in turns(words)
        if end > start
        for time, change in ((start, 1), (end, -1))
    ]
    speaking: tuple[Speakers, Speakers] = ({}, {})
    before = 0.0
    for time, change, side, speaker in sorted(events):
        if time > before and any(speaking):
            yield time - before, *speaking
        before = time
        count = speaking[side].get(speaker, 0) + change
        if count:
            speaking[side][speaker] = count
        else:
            del speaking[side][speaker]
