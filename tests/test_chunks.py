"""Chunks: every word is decided once, in a chunk that shows it with its neighbours."""

from hypothesis import given, settings
from hypothesis import strategies as st

from seal.llm.chunks import (
    MAX_SPEAKERS_PER_CHUNK,
    MAX_TOKENS_PER_CHUNK,
    OVERLAP_WORDS,
    WORDS_PER_CHUNK,
    cut,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 64), st.integers(0, 60)), max_size=400))
def test_every_word_is_decided_once_and_seen(words):
    lengths, speakers = [w[0] for w in words], [w[1] for w in words]
    decided = []
    for chunk in cut(lengths, speakers):
        assert (
            chunk.start <= chunk.first <= chunk.last <= chunk.stop <= chunk.start + WORDS_PER_CHUNK
        )
        assert (
            sum(lengths[chunk.start : chunk.stop]) <= MAX_TOKENS_PER_CHUNK
            or chunk.stop - chunk.start == 1
        )
        assert len(set(speakers[chunk.start : chunk.stop])) <= MAX_SPEAKERS_PER_CHUNK
        decided += range(chunk.first, chunk.last)
    assert decided == list(range(len(words)))


def test_no_word_is_decided_at_a_seam():
    """With words of ordinary length, every decided word has eight neighbours on either side."""
    chunks = cut([1] * 1000, [0] * 1000)
    for chunk in chunks:
        assert chunk.start == 0 or chunk.first - chunk.start >= OVERLAP_WORDS // 2
        assert chunk.stop == 1000 or chunk.stop - chunk.last >= OVERLAP_WORDS // 2
