"""Chunks: which words of a conversation the language model sees at once, and which it judges there.

A chunk holds 64 words (paper, IV-C). Neighbours overlap, and every word is judged in the chunk
where it stands further from the edge: the turn that a chunk cuts is whole in the next one. It
knows lengths only: no words, no tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SIZE = 64
"""Words in a chunk (paper, IV-C)."""

OVERLAP = 16
"""Words that two neighbouring chunks share."""

MOST_TOKENS = 512
"""Tokens of words in a chunk: long words (and scripts that cost many tokens) shorten it."""


@dataclass(frozen=True)
class Chunk:
    """Words start to stop - 1 are shown; words first to last - 1 are judged."""

    start: int
    stop: int
    first: int
    last: int


MOST_SPEAKERS = 26
"""Speakers who may appear in a chunk: as many as it has names for."""


def cut(
    lengths: Sequence[int],
    speakers: Sequence[int],
    size: int = SIZE,
    overlap: int = OVERLAP,
) -> list[Chunk]:
    """Cut a conversation whose words have `lengths` tokens and first-pass `speakers`.

    Every word is judged in exactly one chunk, and chunks are in order.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    while start < len(lengths):
        stop, tokens, present = start, 0, set()
        while stop < len(lengths) and stop - start < size:
            tokens += lengths[stop]
            present.add(speakers[stop])
            if stop > start and (tokens > MOST_TOKENS or len(present) > MOST_SPEAKERS):
                break
            stop += 1
        spans.append((start, stop))
        if stop == len(lengths):
            break
        start = max(stop - overlap, start + (stop - start + 1) // 2)
    edges = [0]
    for (_, stop), (start, _) in pairwise(spans):
        edges.append((start + stop) // 2)
    edges.append(len(lengths))
    return [
        Chunk(start, stop, first, last)
        for (start, stop), first, last in zip(spans, edges, edges[1:], strict=False)
    ]
