"""Chunks: every word is judged once, in a chunk that shows it with its neighbours."""

from hypothesis import given, settings
from hypothesis import strategies as st

from seal.llm.chunks import MOST_SPEAKERS, MOST_TOKENS, OVERLAP, SIZE, cut


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 64), st.integers(0, 60)), max_size=400))
def test_every_word_is_judged_once_and_seen(words):
    lengths, speakers = [w[0] for w in words], [w[1] for w in words]
    judged = []
    for chunk in cut(lengths, speakers):
        assert chunk.start <= chunk.first <= chunk.last <= chunk.stop <= chunk.start + SIZE
        assert (
            sum(lengths[chunk.start : chunk.stop]) <= MOST_TOKENS or chunk.stop - chunk.start == 1
        )
        assert len(set(speakers[chunk.start : chunk.stop])) <= MOST_SPEAKERS
        judged += range(chunk.first, chunk.last)
    assert judged == list(range(len(words)))


def test_no_word_is_judged_at_a_seam():
    """With words of ordinary length, eight neighbours stand on either side of every judged word."""
    chunks = cut([1] * 1000, [0] * 1000)
    for chunk in chunks:
        assert chunk.start == 0 or chunk.first - chunk.start >= OVERLAP // 2
        assert chunk.stop == 1000 or chunk.stop - chunk.last >= OVERLAP // 2
