"""What the voices say: evidence for each word and speaker beside the text's, and what it is worth.

The words are cut into units (`acoustic/units.py`) of two lengths. The short ones also end with
sentences: speakers change there, and a unit of two voices is like neither. Each is compared with
the recording's speakers, each the mean of its long units by the labels so far. A small network,
the same for every speaker, weighs that against the text's log-posteriors and the first pass's
scores, so that a voice hardly heard, or shared, counts for little. It learnt from conversations in
strange voices under the real first pass (`training/hearing.py`). Without a recording none of this
is read, and nothing changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from seal import weights
from seal.acoustic.rescore import recording_of
from seal.acoustic.units import Unit, cut, embed
from seal.correctors import path
from seal.progress import Progress
from seal.words import Conversation

LENGTHS = (3.0, 1.0)
"""Seconds of a unit at most: long ones are surer, short ones nearer to the word."""

MARGIN = 0.7
"""Nats by which another speaker must be preferred, chosen on the development sets with sound."""

SHARED = 0.2
"""What a second counts for a speaker's mean voice where others speak, too."""

SHORT = 0.7
"""Seconds within which a unit's voice is half unsure."""

FILE = weights.FOLDER / "hearing" / "network.npz"


@dataclass(frozen=True)
class Heard:
    """The units of a conversation, and their unit embeddings [U, SIZE], for each of LENGTHS."""

    units: tuple[list[Unit], ...]
    vectors: tuple[np.ndarray, ...]


def listen(
    conversation: Conversation, labels: Sequence[int], source: str | Path, progress: Progress
) -> Heard:
    """Hear the units of a conversation whose words have the speakers `labels` [W]; `source` is the
    recording or a folder with it. Raises SealError where there is no such recording."""
    recording = recording_of(source, conversation.words[0]["session_id"])
    ends = path.sentence_ends(conversation.words)
    units = tuple(
        cut(conversation.words, labels, most, behind)
        for most, behind in zip(LENGTHS, (frozenset[int](), ends), strict=True)
    )
    vectors = []
    for done, found in enumerate(units):
        first = done / len(units)
        vectors.append(embed(recording, found, lambda s, a=first: progress(a + s / len(units))))  # type: ignore[misc]
    progress(1.0)
    return Heard(units, tuple(vectors))


def log_posteriors(
    conversation: Conversation, rows: np.ndarray, labels: Sequence[int], heard: Heard
) -> np.ndarray:
    """Log-posteriors [W, K] of text and voices together. `rows` [W, K] are the text's, `labels` [W]
    the speakers that it would give."""
    logits = _network()(features(conversation, rows, labels, heard))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def features(
    conversation: Conversation, rows: np.ndarray, labels: Sequence[int], heard: Heard
) -> np.ndarray:
    """What the network sees of each word and speaker: float32 [W, K, FEATURES].

    Of text and scores: the value, and its lead over the other speakers'. Of the word's unit, for
    each of LENGTHS: the similarity's lead, the same less where the unit is short, the similarity,
    the seconds, whether it is shared and whether it was heard. Then which speaker the text and the
    first pass gave, how long each is heard in all, and how many there are.
    """
    words, names = conversation.words, conversation.names
    shape = (len(words), len(names))
    scores = np.array([[w.get("speaker_scores", {}).get(n, 0.0) for n in names] for w in words])
    found = [rows, lead(rows), scores, lead(scores)]
    voices, seconds = centroids(heard.units[0], heard.vectors[0], labels, len(names))
    for units, vectors in zip(heard.units, heard.vectors, strict=True):
        near = vectors @ voices.T
        ahead = lead(near)
        ahead_of, near_of = np.zeros(shape), np.zeros(shape)
        length, shared, known = np.zeros((3, len(words), 1))
        for index in np.flatnonzero(vectors.any(axis=1)):
            unit, inside = units[index], list(units[index].words)
            ahead_of[inside], near_of[inside] = ahead[index], near[index]
            length[inside], shared[inside] = min(unit.seconds, LENGTHS[0]), unit.shared
            known[inside] = 1.0
        found += [ahead_of, ahead_of * (1 - np.exp(-length / SHORT)), near_of]
        found += [np.broadcast_to(column, shape) for column in (length, shared, known)]
    each = np.eye(len(names))
    found += [each[list(labels)], each[conversation.draft()]]
    found += [np.broadcast_to(np.log1p(seconds), shape), np.full(shape, np.log(len(names)))]
    return np.stack(found, axis=-1).astype(np.float32)


def centroids(
    units: Sequence[Unit], vectors: np.ndarray, labels: Sequence[int], speakers: int
) -> tuple[np.ndarray, np.ndarray]:
    """The mean voice of each speaker's units, by the square of their seconds, as unit vectors
    [K, SIZE], zeros for one not heard, and the seconds [K] that each is heard."""
    sums, seconds = np.zeros((speakers, vectors.shape[1])), np.zeros(speakers)
    for unit, vector in zip(units, vectors, strict=True):
        if vector.any():
            length = unit.seconds * (SHARED if unit.shared else 1.0)
            speaker = labels[unit.words[0]]
            sums[speaker] += length**2 * vector
            seconds[speaker] += length
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), seconds


def lead(values: np.ndarray) -> np.ndarray:
    """By how much each of the last axis is above the best of the others."""
    ranked = np.sort(values, axis=-1)
    best, second = ranked[..., -1:], ranked[..., -2:-1]
    ahead: np.ndarray = np.where(values == best, values - second, values - best)
    return ahead


@dataclass(frozen=True)
class Network:
    """One hidden layer and a straight line beside it, of features that were brought to mean 0 and
    deviation 1: [W, K, FEATURES] → logits [W, K]."""

    mean: np.ndarray
    deviation: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    out: np.ndarray
    straight: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        x = (features - self.mean) / self.deviation
        hidden = np.maximum(x @ self.hidden.T + self.hidden_bias, 0.0)
        logits: np.ndarray = hidden @ self.out + x @ self.straight
        return logits.astype(np.float64)


@lru_cache(maxsize=1)
def _network() -> Network:
    """The shipped one."""
    with np.load(FILE) as file:
        return Network(**file)
