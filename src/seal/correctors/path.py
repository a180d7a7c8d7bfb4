"""The best path of speakers through a conversation, where a change of speaker costs something.

What a change costs depends on what was written before it: little after a sentence's end, much in
the middle of a sentence, so that no island of a word or two is left there on weak evidence.
Viterbi's algorithm, exact. It knows nothing of networks.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from seal.correctors.ag_lsec_features import (
    CLOSING,
    OTHER_MARKS,
    ends_sentence,
    is_punctuated,
)
from seal.words import Word


def best(gain: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """The speakers [..., W] with the largest sum of `gain` [..., W, K] less `cost` [..., W], both
    in nats.

    `cost[..., i]` is paid where word i has not the speaker of the word before; that of the first
    word never is. Leading axes are conversations, each for itself.
    """
    count, speakers = gain.shape[-2:]
    back = np.empty(gain.shape, dtype=np.intp)
    total = gain[..., 0, :]
    for index in range(1, count):
        leader = total.argmax(axis=-1)[..., None]
        moved = np.take_along_axis(total, leader, -1) - cost[..., index, None]
        moves = moved > total
        back[..., index, :] = np.where(moves, leader, np.arange(speakers))
        total = np.where(moves, moved, total) + gain[..., index, :]
    path = np.empty(gain.shape[:-1], dtype=np.intp)
    path[..., -1] = total.argmax(axis=-1)
    for index in range(count - 1, 0, -1):
        last = path[..., index, None]
        path[..., index - 1] = np.take_along_axis(back[..., index, :], last, -1)[..., 0]
    return path


def costs(words: Sequence[Word], punctuated: bool, nats: Mapping[str, float]) -> np.ndarray:
    """What a change of speaker before each word costs, in nats: float64 [W].

    `nats` has a number for each of `kinds`; what it lacks costs nothing.
    """
    return np.array([nats.get(kind, 0.0) for kind in kinds(words, punctuated)])


def kinds(words: Sequence[Word], punctuated: bool) -> list[str]:
    """What stands before each word: "end" and "mark" after a sentence's end and another mark,
    "inside" elsewhere; "plain" in recordings without punctuation."""
    before = words[: len(words) - 1]
    return ["inside"] + [_kind(word["words"]) if punctuated else "plain" for word in before]


def sentence_ends(words: Sequence[Word]) -> frozenset[int]:
    """Indices of the words behind which a sentence ends; none in a recording without
    punctuation."""
    if not is_punctuated(words):
        return frozenset()
    return frozenset(n for n, word in enumerate(words) if _kind(word["words"]) == "end")


def islands(kinds: Sequence[str], labels: Sequence[Hashable]) -> int:
    """Runs of one or two words inside a sentence (`kinds`) between words of one other speaker."""
    starts = [0, *(n for n in range(1, len(labels)) if labels[n] != labels[n - 1])]
    return sum(
        after - first <= 2
        and labels[before] == labels[after]
        and {kinds[first], kinds[after]} <= {"inside", "mark"}
        for before, first, after in zip(starts, starts[1:], starts[2:], strict=False)
    )


def _kind(text: str) -> str:
    bare = text.rstrip(CLOSING)
    if ends_sentence(bare):
        return "end"
    return "mark" if bare and bare[-1] in OTHER_MARKS else "inside"
