"""Reconciliation: every word comes out, once, in order, as it was, with a speaker."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import seal.acoustic.reconcile
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.reconcile import name, reconcile

times = st.one_of(st.floats(0, 3), st.floats(0, 1e6), st.just(0.0))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_word_comes_out_as_it_was_with_a_speaker(data):
    shape = (data.draw(st.integers(0, 120)), data.draw(st.integers(1, 9)))
    value = st.one_of(st.floats(0, 1, width=32), st.just(float("nan")))
    frames = data.draw(arrays(np.float32, shape, elements=value, fill=st.just(0.0)))
    heard = [
        {"words": f"w{i}", "start_time": start, "end_time": start + length, "note": i}
        for i, (start, length) in enumerate(
            data.draw(st.lists(st.tuples(times, st.sampled_from([0.0, 0.2, 5.0])), max_size=12))
        )
    ]
    answer = reconcile(heard, Posteriors(frames), "call")
    assert len(answer) == len(heard)
    names = {name(i) for i in range(shape[1])}
    for old, new in zip(heard, answer, strict=True):
        assert {key: new[key] for key in old} == old
        assert new["session_id"] == "call"
        assert new["speaker"] in names == set(new["speaker_scores"])
        assert all(0 <= score <= 1 for score in new["speaker_scores"].values())
    first = list(dict.fromkeys(word["speaker"] for word in answer))
    assert first == [name(i) for i in range(len(first))]


def word(start, end):
    return {"words": "yes", "start_time": start, "end_time": end}


@pytest.fixture
def two_turns():
    """The first speaker for two seconds, half a second of silence, then the second speaker."""
    frames = np.full((300, 2), 0.02, dtype=np.float32)
    frames[:118, 0] = 0.95
    frames[148:, 1] = 0.9
    return Posteriors(frames)


def test_words_go_to_whom_they_overlap(two_turns):
    answer = reconcile([word(0.5, 0.8), word(3.0, 3.4)], two_turns, "call")
    assert [w["speaker"] for w in answer] == ["A", "B"]
    assert answer[0]["speaker_scores"] == pytest.approx({"A": 0.95, "B": 0.02}, abs=1e-3)


def test_words_in_a_gap_or_beyond_the_end_go_to_the_nearest_speech(two_turns):
    words = [word(2.05, 2.1), word(2.4, 2.45), word(60.0, 60.0)]
    assert [w["speaker"] for w in reconcile(words, two_turns, "call")] == ["A", "B", "B"]


def test_the_median_filter_drops_a_flicker():
    frames = np.full((300, 2), 0.02, dtype=np.float32)
    frames[:, 0] = 0.9
    frames[100:103] = [0.02, 0.9]
    answer = reconcile([word(1.68, 1.75)], Posteriors(frames), "call")
    assert answer[0]["speaker_scores"]["A"] == pytest.approx(0.9, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 300))
def test_a_long_recording_gets_the_scores_that_a_short_one_gets(seed, columns, size):
    """Smoothing in blocks is smoothing, wherever the blocks' edges lie."""
    rng = np.random.default_rng(seed)
    frames = rng.random((250, columns), dtype=np.float32) * (rng.random((250, 1)) > 0.4)
    starts = np.sort(rng.uniform(0, 5, 20))
    heard = [word(start, start + rng.choice([0.0, 0.3, 2.0])) for start in starts]
    whole = reconcile(heard, Posteriors(frames), "call")
    with patch.object(seal.acoustic.reconcile, "BLOCK", size):
        assert reconcile(heard, Posteriors(frames), "call") == whole
