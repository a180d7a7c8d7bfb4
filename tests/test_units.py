"""Units: how words are cut into stretches of one voice, and what is heard of each."""

import numpy as np
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from seal.acoustic import embedding, units
from seal.acoustic.audio import RATE
from seal.acoustic.units import LEAST, Unit, cut, embed


@st.composite
def talk(draw):
    """Words in time order that may overlap, and a speaker for each."""
    count = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    starts = np.cumsum(rng.exponential(0.25, count)).round(2)
    words = [
        {"words": "w", "start_time": float(start), "end_time": float(start + length)}
        for start, length in zip(starts, rng.exponential(0.3, count).round(2), strict=True)
    ]
    return words, rng.integers(0, draw(st.integers(1, 4)), count).tolist()


@given(talk(), st.sampled_from([1.0, 3.0]))
def test_every_word_is_in_one_unit_of_its_own_speaker(spoken, most):
    words, labels = spoken
    found = cut(words, labels, most)
    assert sorted(index for unit in found for index in unit.words) == list(range(len(words)))
    for unit in found:
        assert len({labels[index] for index in unit.words}) == 1
        assert unit.spans[-1][1] - unit.spans[0][0] <= most + 1e-9


@given(talk(), st.sampled_from([1.0, 3.0]), st.sets(st.integers(0, 39)))
def test_no_unit_goes_on_behind_a_sentence(spoken, most, ends):
    words, labels = spoken
    found = cut(words, labels, most, ends)
    assert sorted(index for unit in found for index in unit.words) == list(range(len(words)))
    for unit in found:
        assert not ends & set(unit.words[:-1])
    assert cut(words, labels, most) == cut(words, labels, most, [])


def test_a_word_with_a_wrong_end_makes_no_unit_of_an_hour():
    words = [{"words": "w", "start_time": i * 1.0, "end_time": 3600.0} for i in range(5)]
    for unit in cut(words, [0, 1, 0, 1, 0], 3.0):
        assert unit.spans[-1][1] - unit.spans[0][0] <= 3.0


@given(talk(), st.sampled_from([1.0, 3.0]))
def test_a_unit_is_heard_where_nobody_else_speaks(spoken, most):
    words, labels = spoken
    for unit in cut(words, labels, most):
        speaker = labels[unit.words[0]]
        for start, end in unit.spans:
            assert start < end
            for word, other in zip(words, labels, strict=True):
                if other != speaker and not unit.shared:
                    near = word["start_time"] > start - 3.0
                    assert not near or word["end_time"] <= start or word["start_time"] >= end


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 24), st.floats(0, 3)), min_size=1, max_size=12))
def test_what_is_streamed_is_what_is_there(tmp_path_factory, drawn):
    """A unit gets the same features as from the whole recording, wherever it lies."""
    path = tmp_path_factory.mktemp("sound") / "call.wav"
    sound = (np.random.default_rng(0).normal(0, 3000, 22 * RATE)).astype(np.int16)
    soundfile.write(path, sound, RATE)
    whole, _ = soundfile.read(path, dtype="float32")
    spans = [(time, time + length) for time, length in drawn]
    found = dict(units._banks(path, [Unit((0,), (span,)) for span in spans]))
    for place, (first, last) in enumerate(spans):
        samples = whole[round(first * RATE) : round(last * RATE)]
        if len(samples) >= LEAST * RATE:
            expected = embedding.filterbank(samples)
            assert np.array_equal(found[place], expected[: len(found[place])])
            assert len(expected) - len(found[place]) < units.ROUND + 3
        else:
            assert place not in found


def test_units_that_are_heard_together_keep_their_own_voices(tmp_path, monkeypatch):
    """Sounds of one length are embedded in batches: each answer goes to its own unit."""
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 30 * RATE) * np.repeat(rng.random(300), RATE // 10)
    soundfile.write(tmp_path / "call.wav", sound, RATE)
    spans = [(t, t + rng.choice([0.1, 0.4, 1.5])) for t in rng.permutation(60) / 2.0]
    monkeypatch.setattr(
        embedding,
        "load",
        lambda: lambda banks: banks.std(dim=1).repeat(1, 3)[:, : embedding.SIZE],
    )
    found = []
    for size in (1, 3, 8):
        monkeypatch.setattr(units, "BATCH", size)
        around = [Unit((index,), (span,)) for index, span in enumerate(spans)]
        found.append(embed(tmp_path / "call.wav", around, lambda share: None))
    assert np.allclose(found[0], found[1], atol=1e-6) and np.allclose(found[0], found[2], atol=1e-6)
    heard = np.linalg.norm(found[0], axis=1) > 0.5
    assert heard.tolist() == [min(end, 30) - start >= LEAST for start, end in spans]
