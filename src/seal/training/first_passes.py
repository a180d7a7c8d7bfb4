"""First passes of every kind that is met in use, each with a severity of its own.

A diarizer's turns without scores (`diarise`), or an end-to-end diarizer's posteriors (`simulate`),
of which some are taken away. Both correctors that learn take theirs from here. It knows nothing of
audio, nor of networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from seal.formats.rttm import Turns
from seal.training.diarise import diarised, draw_diarizer, really
from seal.training.simulate import Corpora, draw_excerpt, draw_severity, from_start, simulate
from seal.words import Word, speakers, without_scores


class Kinds(Protocol):
    """How common each kind of first pass is: a part of a recipe."""

    @property
    def turns(self) -> float:
        """Share of excerpts with a diarizer's turns, and so without scores."""

    @property
    def unscored(self) -> float:
        """Share of the others whose scores are taken away."""

    @property
    def winner(self) -> float:
        """Share of the others that keep the score of the word's own speaker alone."""

    @property
    def scrambled(self) -> float:
        """Share of the others whose labels are the truth with faults at random, without scores."""

    @property
    def spread(self) -> float:
        """Severities are stretched by a factor between 1 / spread and spread."""


def first_pass(
    excerpt: Sequence[Word], recipe: Kinds, rng: np.random.Generator, severity: float = 1.0
) -> tuple[list[Word], list[str]]:
    """A first pass of the excerpt, of a kind at random, and the true speaker of each word.

    `severity` scales how bad all of them are (1: as met in use)."""
    scale = _scale(recipe, rng) * severity
    drawn, kind = draw_severity(rng, scale), rng.random()
    if kind < recipe.turns:
        return diarised(excerpt, drawn, draw_diarizer(rng, scale), rng)
    words, true = simulate(excerpt, drawn, rng)
    kind = (kind - recipe.turns) / (1 - recipe.turns)
    if kind < recipe.unscored:
        words = [without_scores(word) for word in words]
    elif kind < recipe.unscored + recipe.winner:
        own = ({name: word["speaker_scores"][name]} for word in words for name in [word["speaker"]])
        words = [word | {"speaker_scores": score} for word, score in zip(words, own, strict=True)]
    elif kind < recipe.unscored + recipe.winner + recipe.scrambled:
        words = _scrambled(words, true, rng)
    return words, true


@dataclass(frozen=True)
class Diarised:
    """A recording under a real diarizer."""

    words: Sequence[Word]
    """The reference in time order, each word under the diarizer's name for its speaker, one to one;
    a speaker of whom the diarizer knows nothing has a name that is none of its."""
    turns: Turns


def real_first_pass(
    found: Sequence[Diarised],
    length: int,
    pairs: float,
    recipe: Kinds,
    rng: np.random.Generator,
) -> tuple[list[Word], list[str]]:
    """A real diarizer's first pass of an excerpt of one of the recordings, cut as by `excerpt`, in
    words of a simulated recogniser, and the true speaker of each of them."""
    scale = _scale(recipe, rng)
    one = found[int(rng.integers(len(found)))]
    words, true = really(
        _some(draw_excerpt([(1.0, [one.words])], length, rng), pairs, rng),
        one.turns,
        draw_severity(rng, scale),
        rng,
    )
    return (from_start(words) if words else words), true


def excerpt(corpora: Corpora, length: int, pairs: float, rng: np.random.Generator) -> list[Word]:
    """`length` words in a row of a recording, from the start of time. With the chance `pairs` only
    the two of three or more speakers stay who say most."""
    return from_start(_some(draw_excerpt(corpora, length, rng), pairs, rng))


def _some(drawn: Sequence[Word], pairs: float, rng: np.random.Generator) -> Sequence[Word]:
    names = speakers(drawn)
    if len(names) > 2 and rng.random() < pairs:
        counts = {name: sum(word["speaker"] == name for word in drawn) for name in names}
        kept = sorted(names, key=lambda name: -counts[name])[:2]
        drawn = [word for word in drawn if word["speaker"] in kept]
    return drawn


def _scale(recipe: Kinds, rng: np.random.Generator) -> float:
    """By what a severity is stretched, at random."""
    return float(np.exp(rng.uniform(-1, 1) * np.log(recipe.spread)))


def _scrambled(words: list[Word], true: Sequence[str], rng: np.random.Generator) -> list[Word]:
    """The words with the true speakers, short runs of them replaced at random; no scores."""
    names = speakers(words)
    labels = list(true)
    index = int(rng.exponential(8))
    every = rng.uniform(5, 25)
    while index < len(words):
        length = int(rng.geometric(0.4))
        name = names[rng.integers(len(names))]
        labels[index : index + length] = [name] * len(labels[index : index + length])
        index += length + int(rng.exponential(every))
    return [without_scores(w) | {"speaker": label} for w, label in zip(words, labels, strict=True)]
