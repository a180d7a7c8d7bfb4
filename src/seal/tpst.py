"""Transcript-preserving speaker transfer (TPST), and the oracle transcripts made with it.

The labels of one transcript are carried over to the words of another: aligned by edit distance,
then renamed by the assignment of names that agrees most. Source: Wang et al., "DiarizationLM"
(2024), section 3; the paper's training targets (IV-C). It knows no models and no times.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from seal.words import Word, normalise

Label = TypeVar("Label", bound=Hashable)

_GAP = "\0"


def aligned(source: Sequence[str], target: Sequence[str]) -> list[int | None]:
    """For each target word the index of the source word aligned with it by edit distance."""
    from kaldialign import align  # the first pass matches speakers, but need not align words

    indices: list[int | None] = []
    index = 0
    for left, right in align(list(source), list(target), _GAP):
        if right != _GAP:
            indices.append(index if left != _GAP else None)
        if left != _GAP:
            index += 1
    return indices


def best_match(agreement: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    """The one-to-one match of rows and columns [R, C] that agrees most: min(R, C) pairs, by row."""
    rows, columns = linear_sum_assignment(agreement, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]


def tpst(
    source_words: Sequence[str],
    source_labels: Sequence[Hashable],
    target_words: Sequence[str],
    target_labels: Sequence[Label],
    names: Iterable[Label] = (),
) -> list[Label]:
    """Carry the source's labels over to the target's words, in the target's names for them.

    A target word without a partner keeps its label; a source name without a partner among the
    target's names counts as the label that the word had. `names` are the target's that may not
    occur in it: a source name that nothing else goes with is the same one there.
    """
    indices = aligned(source_words, target_words)
    source_names = list(dict.fromkeys(source_labels))
    target_names = list(dict.fromkeys([*target_labels, *names]))
    agreement = np.zeros((len(source_names), len(target_names)))
    for index, label in zip(indices, target_labels, strict=True):
        if index is not None:
            agreement[source_names.index(source_labels[index]), target_names.index(label)] += 1
    used = len(set(target_labels))
    for column, spare in enumerate(target_names[used:], used):
        agreement[:, column] = [1e-6 * (name == spare) for name in source_names]
    match = {source_names[row]: target_names[column] for row, column in best_match(agreement)}
    return [
        label if index is None else match.get(source_labels[index], label)
        for index, label in zip(indices, target_labels, strict=True)
    ]


def oracle(reference: Sequence[Word], first_pass: Sequence[Word]) -> list[str]:
    """The reference's speakers on the first pass's words, in the first pass's names, for one
    recording: what a perfect corrector would answer."""
    return tpst(
        [normalise(word["words"]) for word in reference],
        [word["speaker"] for word in reference],
        [normalise(word["words"]) for word in first_pass],
        [word["speaker"] for word in first_pass],
    )
