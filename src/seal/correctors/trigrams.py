"""How well a word fits into what each speaker is saying, by a trigram model of talk.

Where two talk at once, the words of both stand mixed by their times, and an encoder that reads them
in that order sees two broken sentences. Here each speaker's words are read for themselves: what the
model thinks of a speaker's sentence with a word and without it says whose word it may be. The
counts are of training conversations (`training/trigrams.py`), the model is interpolated with
absolute discounting, and its tables are sorted arrays, so that a recording is looked up at once. It
knows nothing of networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seal.errors import SealError
from seal.words import Word, normalise

FILE = "trigrams.npz"
"""Lies beside the weights of the network that learnt to read it."""

PAUSE = 1.0
"""Seconds without a word of a speaker's, after which another utterance of theirs begins."""

UNKNOWN, EDGE = 0, 1
"""Stand for a word that the model does not know, and for an utterance's beginning or end."""

MOST = 12.0
"""Nats beyond which a fit counts no more."""


@dataclass(frozen=True)
class Trigrams:
    """p(c | a, b) = seen3(a, b, c) + left3(a, b) * (seen2(b, c) + left2(b) * single(c)).

    A pair's key is a * V + b, a triple's (a * V + b) * V + c; `keys` are sorted.
    """

    vocabulary: dict[str, int]
    single: np.ndarray
    left2: np.ndarray
    keys2: np.ndarray
    seen2: np.ndarray
    contexts: np.ndarray
    left3: np.ndarray
    keys3: np.ndarray
    seen3: np.ndarray

    def logs(self, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        """Nats of c after a and b, each an array of numbers of words."""
        size = len(self.single)
        context = a.astype(np.int64) * size + b
        pair = _found(self.keys2, self.seen2, b.astype(np.int64) * size + c, 0.0)
        pair = pair + self.left2[b] * self.single[c]
        triple = _found(self.keys3, self.seen3, context * size + c, 0.0)
        triple = triple + _found(self.contexts, self.left3, context, 1.0) * pair
        return np.log(np.maximum(triple, 1e-9))


def _found(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray, absent: float) -> np.ndarray:
    if not len(keys):
        return np.full(wanted.shape, absent)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], absent)


def fits(model: Trigrams | None, words: Sequence[Word], names: Sequence[str]) -> np.ndarray:
    """By how many nats each word betters the sentence of each speaker: float32 [W, K]; zeros where
    there is no model.

    The words are in time order; a speaker's are those that have that `speaker` now, with the word
    in question added or taken out.
    """
    result = np.zeros((len(words), len(names)), dtype=np.float32)
    if model is None:
        return result
    text = [model.vocabulary.get(normalise(word["words"]), UNKNOWN) for word in words]
    ids = np.array([*text, EDGE])
    start = np.array([*(float(word["start_time"]) for word in words), np.inf])
    end = np.array([*(float(word["end_time"]) for word in words), -np.inf])
    every, none = np.arange(len(words)), len(words)
    for column, name in enumerate(names):
        own = np.array([n for n, word in enumerate(words) if word["speaker"] == name], dtype=int)
        padded = np.concatenate([[none, none], own, [none, none]])
        before = np.searchsorted(own, every) + 2
        after = before + (padded[before] == every)
        one, two = padded[before - 1], padded[before - 2]
        next_one, next_two = padded[after], padded[after + 1]
        # An index `none` is an edge: its times are so that nothing is near it.
        has_one = start[every] - end[one] <= PAUSE
        has_two = has_one & (start[one] - end[two] <= PAUSE)
        has_next = start[next_one] - end[every] <= PAUSE
        has_more = has_next & (start[next_two] - end[next_one] <= PAUSE)
        joined = start[next_one] - end[one] <= PAUSE
        l1, l2 = np.where(has_one, ids[one], EDGE), np.where(has_two, ids[two], EDGE)
        r1, r2 = np.where(has_next, ids[next_one], EDGE), ids[next_two]
        edge, word = np.full(len(words), EDGE), ids[:-1]
        with_it = model.logs(l2, l1, word) + model.logs(l1, word, r1)
        with_it += has_more * model.logs(word, r1, r2)
        as_one = model.logs(l2, l1, r1) + has_more * model.logs(l1, r1, r2)
        apart = has_one * model.logs(l2, l1, edge) + has_next * model.logs(edge, edge, r1)
        apart += has_more * model.logs(edge, r1, r2)
        result[:, column] = with_it - np.where(joined, as_one, apart)
    return result.clip(-MOST, MOST)


def load(file: Path) -> Trigrams:
    """The model in a file that `save` wrote."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        text = arrays.pop("vocabulary").tobytes().decode().split("\n")
        for name in ("keys2", "contexts", "keys3"):  # stored as steps, which are small
            arrays[name] = np.cumsum(arrays[name].astype(np.int64))
        for name in ("single", "left2", "seen2", "left3", "seen3"):
            arrays[name] = arrays[name].astype(np.float64)
        return Trigrams({word: number for number, word in enumerate(text)}, **arrays)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SealError(f"{file}: no trigrams: {str(error).splitlines()[0]}") from None


def save(model: Trigrams, file: Path) -> None:
    """Write the model, compressed."""
    words = sorted(model.vocabulary, key=model.vocabulary.__getitem__)
    arrays = {
        name: np.diff(getattr(model, name), prepend=0) for name in ("keys2", "contexts", "keys3")
    }
    for name in ("left2", "seen2", "left3", "seen3"):
        arrays[name] = getattr(model, name).astype(np.float16)
    arrays["single"] = model.single.astype(np.float32)
    arrays["vocabulary"] = np.frombuffer("\n".join(words).encode(), dtype=np.uint8)
    np.savez_compressed(file, **arrays)
