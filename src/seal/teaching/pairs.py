"""Speakers who sound like one, and one who sounds like two: proposals, with a place to hear each.

It compares mean voices where there is a recording; text alone proposes nothing here. It knows
nothing of rulings.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seal.acoustic.arrays import Floats
from seal.teaching.decision import ENOUGH, OF_ONE
from seal.teaching.study import Study

TWO = 0.7
"""Similarity of two voices under one name below which they are proposed as two."""


class Pair(NamedTuple):
    """Two voices, each with a stretch of words to listen to, by the indices of its words."""

    one: str
    other: str
    """The same name where one speaker sounds like two."""
    likeness: float
    """Cosine similarity."""
    first: tuple[int, int]
    second: tuple[int, int]


def pairs(study: Study, now: Sequence[str]) -> list[Pair]:
    """Speakers to be merged, the most alike first, then those to be split, the least alike first.
    `now` is each word's speaker."""
    if study.vectors is None:
        return []
    labels = np.array([now[first] for first, _ in study.found])
    heard = study.groups >= 0
    known = [
        name
        for name in dict.fromkeys(now)
        if study.spoken[heard & (labels == name)].sum() >= ENOUGH
    ]
    merges, splits = [], []
    means = {name: _mean(study, heard & (labels == name)) for name in known}
    for place, one in enumerate(known):
        ours = heard & (labels == one)
        for other in known[:place]:
            like = float(means[one] @ means[other])
            if like >= OF_ONE:
                theirs = heard & (labels == other)
                # The one with fewer words is proposed to be the other.
                more = study.spoken[theirs].sum() >= study.spoken[ours].sum()
                names, sides = (
                    ((one, other), (ours, theirs))
                    if more
                    else (
                        (other, one),
                        (theirs, ours),
                    )
                )
                merges.append(Pair(*names, round(like, 3), *(_example(study, s) for s in sides)))
        voices = [
            ours & (study.groups == group)
            for group in np.unique(study.groups[ours])
            if study.spoken[ours & (study.groups == group)].sum() >= 2 * ENOUGH
        ]
        voices.sort(key=lambda voice: -float(study.spoken[voice].sum()))
        for voice in voices[1:]:
            like = float(_mean(study, voices[0]) @ _mean(study, voice))
            if like < TWO:
                both = _example(study, voices[0]), _example(study, voice)
                splits.append(Pair(one, one, round(like, 3), *both))
    merges.sort(key=lambda pair: -pair.likeness)
    splits.sort(key=lambda pair: pair.likeness)
    return [*merges, *splits]


def _mean(study: Study, chosen: np.ndarray) -> Floats:
    assert study.vectors is not None
    total = study.seconds[chosen] @ study.vectors[chosen]
    return total / max(float(np.linalg.norm(total)), 1e-9)


def _example(study: Study, chosen: np.ndarray) -> tuple[int, int]:
    """The longest of these stretches, up to 3 s, that is like the others."""
    assert study.vectors is not None
    places = np.flatnonzero(chosen)
    like = study.vectors[places] @ _mean(study, chosen)
    return study.found[int(places[(like * np.minimum(study.spoken[places], 3.0)).argmax()])]
