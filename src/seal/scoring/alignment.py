"""Two lists of words aligned by edit distance, in memory that grows with their length alone.

kaldialign keeps a table of all pairs: 130,000 words need hundreds of gigabytes. Long lists are
divided first (Hirschberg, 1975): the reference in the middle, the hypothesis where the best
alignment passes, which the last rows of two tables tell. That adds no error. It knows nothing of
speakers and times.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from kaldialign import align

MAX_CELLS = 1 << 26
"""Pairs of words in kaldialign's table, at most: 8,000 by 8,000 words, 270 MB."""

PART_CELLS = 1 << 20
"""The same in the parts of what is longer: small tables take less time, and long lists have more
than one best alignment in any case."""

_GAP = -1

Ids = np.ndarray[Any, Any]
"""Numbers that stand for words, or count them; int32."""


def aligned_pairs(
    reference: Sequence[str], hypothesis: Sequence[str]
) -> Iterator[tuple[int | None, int | None]]:
    """The places in both of each pair of words, in their order; None where one side has no word.

    The pairs that differ are as few as can be.
    """
    ids: dict[str, int] = {}
    left, right = (
        np.array([ids.setdefault(word, len(ids)) for word in side], dtype=np.int32)
        for side in (reference, hypothesis)
    )
    first = second = 0
    whole = len(left) * len(right) <= MAX_CELLS
    for ours, theirs in [(left, right)] if whole else _blocks(left, right):
        for one, other in align(ours.tolist(), theirs.tolist(), _GAP):
            yield (first if one != _GAP else None, second if other != _GAP else None)
            first += one != _GAP
            second += other != _GAP


def _blocks(left: Ids, right: Ids) -> Iterator[tuple[Ids, Ids]]:
    """Parts of both sides, in their order, whose alignments are an alignment of the whole."""
    if len(left) * len(right) <= PART_CELLS or len(left) < 2:
        yield left, right
        return
    middle = len(left) // 2
    before = _distances(left[:middle], right)
    after = _distances(left[middle:][::-1], right[::-1])[::-1]
    cut = int((before + after).argmin())
    yield from _blocks(left[:middle], right[:cut])
    yield from _blocks(left[middle:], right[cut:])


def _distances(left: Ids, right: Ids) -> Ids:
    """The edit distance of `left` to each beginning of `right`, the empty one first."""
    # Row by row of the usual table. Each number less its column: so a run of insertions, which
    # costs one a word, is a running minimum.
    row = np.zeros(len(right) + 1, dtype=np.int32)
    diagonal = np.empty(len(right), dtype=np.int32)
    for word in left:
        np.subtract(row[:-1], right == word, out=diagonal)
        row += 1
        np.minimum(row[1:], diagonal, out=row[1:])
        np.minimum.accumulate(row, out=row)
    return row + np.arange(len(row), dtype=np.int32)
