"""Counting the trigrams of talk (`correctors/trigrams.py`): what each speaker says, word by word.

A network that learns from conversations must not see the model of the same ones: it would trust it
too much. So two models are made for learning, each of one half of the conversations, and each
conversation is shown with the model of the other half; in use it is one of all.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from zlib import crc32

import numpy as np

from seal.correctors.trigrams import EDGE, PAUSE, Trigrams
from seal.words import Word, normalise, speakers

DISCOUNT = 0.75

RARE = 2
"""Triples and words that were counted less often are left out."""


def half(session: str) -> int:
    """Of which half of the conversations one is: 0 or 1."""
    return crc32(session.encode()) % 2


def halves(recordings: Sequence[Sequence[Word]]) -> tuple[Trigrams, Trigrams]:
    """For a conversation of half n, the model n, which has not read it."""
    one, other = (
        [words for words in recordings if words and half(words[0]["session_id"]) != n]
        for n in (0, 1)
    )
    return counted(one), counted(other)


def utterances(words: Sequence[Word]) -> Iterator[list[str]]:
    """What each speaker says up to a pause, as normalised words."""
    for name in speakers(words):
        said: list[str] = []
        end = 0.0
        for word in words:
            text = normalise(word["words"]) if word["speaker"] == name else ""
            if not text:
                continue
            if said and word["start_time"] - end > PAUSE:
                yield said
                said = []
            said.append(text)
            end = word["end_time"]
        if said:
            yield said


def counted(recordings: Iterable[Sequence[Word]]) -> Trigrams:
    """The model of these conversations."""
    said = [one for words in recordings for one in utterances(words)] or [[]]
    counts = Counter(word for one in said for word in one)
    known = ["<unknown>", "<edge>", *(w for w, n in counts.most_common() if n >= RARE)]
    vocabulary = {word: number for number, word in enumerate(known)}
    size = len(known)
    ids = [[EDGE, EDGE, *(vocabulary.get(word, 0) for word in one), EDGE] for one in said]
    flat = np.concatenate([np.array(one, dtype=np.int64) for one in ids])
    lengths = np.array([len(one) for one in ids])
    inside = np.ones(len(flat), dtype=bool)  # where a triple ends
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    inside[starts] = inside[starts + 1] = False
    ends = np.flatnonzero(inside)
    contexts, pairs = flat[ends - 2] * size + flat[ends - 1], flat[ends - 1] * size + flat[ends]
    keys3, count3 = np.unique(contexts * size + flat[ends], return_counts=True)
    keys2, count2 = np.unique(pairs, return_counts=True)
    follows = np.bincount(keys2 % size, minlength=size)  # after how many words it was seen
    single = np.maximum(follows - DISCOUNT, 0)
    single = (single + (follows.sum() - single.sum()) / size) / follows.sum()
    total = np.bincount(keys2 // size, weights=count2, minlength=size)
    seen2 = (count2 - DISCOUNT) / total[keys2 // size]
    left2 = 1 - np.bincount(keys2 // size, weights=seen2, minlength=size)
    of3, each = np.unique(contexts, return_counts=True)
    kept = count3 >= RARE
    keys3, before = keys3[kept], np.searchsorted(of3, keys3[kept] // size)
    seen3 = (count3[kept] - DISCOUNT) / each[before]
    left3 = 1 - np.bincount(before, weights=seen3, minlength=len(of3))
    used = np.unique(before)
    return Trigrams(vocabulary, single, left2, keys2, seen2, of3[used], left3[used], keys3, seen3)
