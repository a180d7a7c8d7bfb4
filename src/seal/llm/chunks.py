"""Chunks: which words of a conversation the model sees at once, and which it decides there.

A chunk holds 64 words (paper, IV-C). Neighbours overlap, and the speaker of every word is decided
in the chunk where it stands further from the edge: the turn that one chunk cuts is whole in the
next. This file knows lengths only: no words, no tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

WORDS_PER_CHUNK = 64
"""Words in a chunk (paper, IV-C)."""

OVERLAP_WORDS = 16
"""Words that two neighbouring chunks share."""

MAX_TOKENS_PER_CHUNK = 512
"""Tokens of words in a chunk. Long words, and scripts that cost many tokens, shorten it."""

MAX_SPEAKERS_PER_CHUNK = 26
"""Speakers who may appear in a chunk: as many as the prompt has names for."""


@dataclass(frozen=True)
class Chunk:
    """A span of words: start to stop - 1 are shown, the speakers of first to last - 1 decided."""

    start: int
    stop: int
    first: int
    last: int


def cut(
    lengths: Sequence[int],
    speakers: Sequence[int],
    size: int = WORDS_PER_CHUNK,
    overlap: int = OVERLAP_WORDS,
) -> list[Chunk]:
    """Cut a conversation whose words have `lengths` tokens and first-pass `speakers`.

    Every word is decided in exactly one chunk, and chunks are in order. `size` and `overlap` count
    words.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    while start < len(lengths):
        stop, tokens, present = start, 0, set()
        while stop < len(lengths) and stop - start < size:
            tokens += lengths[stop]
            present.add(speakers[stop])
            full = tokens > MAX_TOKENS_PER_CHUNK or len(present) > MAX_SPEAKERS_PER_CHUNK
            if stop > start and full:
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
