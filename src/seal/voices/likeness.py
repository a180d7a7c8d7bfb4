"""How surely a voice that is heard is one that is known: a probability, calibrated on other voices.

Embeddings are first put where what differs between recordings of one person counts less: the mean
is taken away, and the rest is whitened by the covariance within people. Of one pair, the logarithm
of the likelihood ratio (one person, or two) is a logistic regression on the cosine and the seconds
of speech. Of a library, Bayes' rule: somebody who is heard is known or not (KNOWN), and if known,
is each person with the same probability. So the larger the library, the nearer a voice must be.
`benchmarks/voice_library.py` makes the weights, and measures.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from seal.acoustic.arrays import Floats
from seal.weights import FOLDER

FILE = FOLDER / "voices" / "likeness.npz"
"""The shipped weights."""

KNOWN = 0.2
"""Probability that a speaker is in the library, before anything is heard: most people are not."""

MOST_SECONDS = 8.0
"""More speech makes nothing surer here: the recordings that were learnt from have no more."""


class Weights(NamedTuple):
    """What was learnt of voices in general."""

    mean: Floats
    """[SIZE]"""
    whitening: Floats
    """[SIZE, SIZE]"""
    logistic: Floats
    """[4]: in nats, of what `features` gives."""


@lru_cache(maxsize=1)
def load() -> Weights:
    """The shipped weights."""
    with np.load(FILE, allow_pickle=False) as file:
        return Weights(*(file[name].astype(np.float32) for name in Weights._fields))


def placed(vectors: Floats, weights: Weights) -> Floats:
    """Embeddings [..., SIZE], where those of one person are nearest; unit length."""
    found = (vectors - weights.mean) @ weights.whitening
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=-1, keepdims=True), 1e-9))


def features(cosine: Floats, seconds: Floats, other: Floats | float) -> Floats:
    """What the logistic weighs, [..., 4]: the cosine, the logarithm of the seconds (the harmonic
    mean of both sides), and their product."""
    both = 2 / (1 / np.minimum(seconds, MOST_SECONDS) + 1 / np.minimum(other, MOST_SECONDS))
    length = np.log(both) + np.zeros_like(cosine)
    return np.stack([np.ones_like(cosine), cosine, length, cosine * length], axis=-1)


def log_ratios(known: Sequence[tuple[Floats, float]], vector: Floats, seconds: float) -> Floats:
    """[N] how much likelier a voice is to be each of N known ones than somebody else, in nats. Each
    is (unit embedding [SIZE], seconds)."""
    weights = load()
    cosines = placed(np.stack([each for each, _ in known]), weights) @ placed(vector, weights)
    lengths = np.array([length for _, length in known])
    return np.asarray(features(cosines, lengths, seconds) @ weights.logistic)


def posterior(ratios: Floats) -> Floats:
    """[N] the probabilities that a speaker is each of N known people, from `log_ratios`; what is
    left of 1 is that of somebody unknown."""
    logs = np.append(ratios + np.log(KNOWN / len(ratios)), np.log(1 - KNOWN))
    shares = np.exp(logs - logs.max())
    return np.asarray(shares[:-1] / shares.sum())
