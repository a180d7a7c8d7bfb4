"""Channels of a recording: sides of a call, one sound, or nothing; and echoes between sides."""

import warnings
import weakref
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import seal
from seal import demo
from seal.acoustic import audio, sides
from seal.acoustic.channels import HOP, STEP, Layout, look
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.sides import shared
from seal.errors import Notice, SealError

RATE = 16000


def talk(seconds: float, parts, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Something like speech in the parts (start, end), silence elsewhere: noise in syllables."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 0.1, round(seconds * rate))
    times = np.arange(len(sound)) / rate
    loud = np.zeros(len(sound))
    for start, end in parts:
        loud[(times >= start) & (times < end)] = 1.0
    return sound * loud * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * times))


LEFT = ((0.0, 4.0), (9.0, 13.0), (16.0, 18.0))
RIGHT = ((4.5, 8.5), (13.5, 15.5), (17.0, 20.0))


def sides_of(seconds: float = 20.0, rate: int = RATE) -> tuple[np.ndarray, np.ndarray]:
    hiss = np.random.default_rng(9).normal(0, 0.0005, (2, round(seconds * rate)))
    left, right = talk(seconds, LEFT, 1, rate), talk(seconds, RIGHT, 2, rate)
    return left + hiss[0], right + hiss[1]


def written(path: Path, *columns: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, np.stack(columns, axis=1), rate)
    return path


def delayed(sound: np.ndarray, decibels: float, seconds: float = 0.1, rate: int = RATE):
    echo = np.roll(sound, round(seconds * rate))
    echo[: round(seconds * rate)] = 0
    return echo * 10 ** (decibels / 20)


def heard(source: audio.Source) -> np.ndarray:
    return np.concatenate(list(audio.blocks(source)))


# --- mixing down ------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "gain"), [(8000, 1.0), (44100, 0.6)])
def test_an_antiphase_pair_does_not_cancel(tmp_path, rate, gain):
    left, _ = sides_of(rate=rate)
    alone = heard(written(tmp_path / "alone.wav", left, rate=rate))
    path = written(tmp_path / "a.wav", left, -gain * left, rate=rate)
    np.testing.assert_allclose(heard(path), (1 + gain) / 2 * alone, atol=1e-3)
    assert "turned over" in look(path).said


def test_a_channel_that_turns_over_on_the_way_is_heard_before_and_after(tmp_path):
    left, _ = sides_of()
    sign = np.where(np.arange(len(left)) < 7 * RATE, 1.0, -1.0)
    found = heard(written(tmp_path / "a.wav", left, sign * left))
    np.testing.assert_allclose(found, left, atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 999),
    st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.1, 1.0]), min_size=1, max_size=5).filter(any),
)
def test_one_voice_in_whatever_channels_is_never_lost(tmp_path_factory, seed, gains):
    voice = talk(3.0, [(0.0, 3.0)], seed)
    path = tmp_path_factory.getbasetemp() / "gains.wav"
    found = heard(written(path, *[gain * voice for gain in gains]))
    power = (voice**2).mean() * max(np.abs(gains)) ** 2
    assert (found**2).mean() * len(gains) ** 2 > 0.39 * power


def test_a_channel_alone_is_that_channel_with_silence_in_what_is_left_out(tmp_path):
    left, right = sides_of()
    path = written(tmp_path / "a.wav", left, right)
    channel = audio.Channel(path, 1)
    np.testing.assert_allclose(heard(channel), right, atol=1e-4)
    assert audio.duration(channel) == pytest.approx(20.0)
    found = heard(audio.Channel(path, 1, ((2.0, 5.0), (9.99, 10.5))))
    silenced = np.zeros(len(right), dtype=bool)
    silenced[2 * RATE : 5 * RATE] = silenced[round(9.99 * RATE) : round(10.5 * RATE)] = True
    np.testing.assert_allclose(found[~silenced], right[~silenced], atol=1e-4)
    assert not found[round(2.006 * RATE) : round(4.994 * RATE)].any()
    assert not found[10 * RATE : round(10.49 * RATE)].any()


# --- what the channels are --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "echo", "level"), [(8000, -20, 0.3), (8000, None, 1.0), (16000, -30, 0.3)]
)
def test_the_sides_of_a_call_are_told_apart(tmp_path, rate, echo, level):
    left, right = sides_of(rate=rate)
    right = level * right
    if echo is not None:
        leak = delayed(right, echo, rate=rate)
        left, right = left + leak, right + delayed(left, echo, 0.2, rate)
    layout = look(written(tmp_path / "call.wav", left, right, rate=rate))
    assert layout.sides == (0, 1) and not layout.said
    centres = (np.arange(len(layout.own)) + 0.5) * STEP
    for side, parts in enumerate((LEFT, RIGHT)):
        truly = np.zeros(len(centres), dtype=bool)
        for start, end in parts:
            truly |= (centres >= start) & (centres < end)
        assert ((layout.own[:, side] > 0) == truly).mean() > 0.93


def test_channels_with_the_same_in_them_are_mixed(tmp_path):
    left, right = sides_of()
    same = left + right
    assert look(written(tmp_path / "a.wav", same, same)) == Layout(tmp_path / "a.wav", count=2)
    near = written(tmp_path / "b.wav", left + 0.5 * right, 0.5 * left + right)
    assert not look(near).sides and "mixed down" in look(near).said
    assert look(near).source() == near
    assert look(near, "split").sides == (0, 1)  # who asks gets it


@pytest.mark.parametrize("other", [0.0, 0.002, "echo"])
def test_an_empty_channel_is_said_and_left_out(tmp_path, other):
    left, right = sides_of()
    voice = left + right
    if other == "echo":
        empty = delayed(voice, -25)
    else:
        empty = np.random.default_rng(3).normal(0, 1, len(left)) * other
    layout = look(written(tmp_path / "a.wav", empty, voice))
    assert layout.only == 1 and not layout.sides
    assert layout.said == "nothing is said in the left channel, so the right channel alone is taken"
    assert layout.source() == audio.Channel(tmp_path / "a.wav", 1)


def test_silence_in_all_channels_is_one_sound(tmp_path):
    silent = np.zeros(RATE)
    assert look(written(tmp_path / "a.wav", silent, silent)).source() == tmp_path / "a.wav"


def test_of_four_channels_those_with_somebody_are_sides(tmp_path):
    left, right = sides_of()
    still = np.random.default_rng(3).normal(0, 0.0005, len(left))
    layout = look(written(tmp_path / "a.wav", left, still, right, still[::-1]))
    assert layout.sides == (0, 2) and layout.count == 4


def test_fewer_speakers_than_sides_and_a_wish_to_mix_mix(tmp_path):
    path = written(tmp_path / "a.wav", *sides_of())
    assert not look(path, most=1).sides and "fewer speakers" in look(path, most=1).said
    assert look(path, "mix") == Layout(path, count=2)


def test_one_channel_cannot_be_split(tmp_path):
    left, _ = sides_of()
    path = written(tmp_path / "a.wav", left)
    assert look(path) == Layout(path)
    with pytest.raises(SealError, match=f"{path}: has one channel"):
        look(path, "split")


def test_of_a_long_file_little_is_held(tmp_path, monkeypatch):
    """Blocks come and go; of each frame a number per channel stays."""
    path = written(tmp_path / "a.wav", *sides_of())
    block = np.stack(sides_of(), axis=1).astype(np.float32)[: 1600 * HOP // 2]
    count, alive, most = 0, [], 0

    def blocks(path, seconds):
        nonlocal count, most
        for _ in range(60):
            one = block.copy()
            alive.append(weakref.ref(one))
            most = max(most, sum(ref() is not None for ref in alive))
            count += 1
            yield one
            del one

    monkeypatch.setattr(audio, "channel_blocks", blocks)
    layout = look(path)
    assert count == 60 and most <= 3
    assert len(layout.own) == 60 * 800 and layout.own.nbytes < 8 * 48_000 + 1


# --- words by side ----------------------------------------------------------------------------


def word(text: str, start: float, end: float, **more):
    return {"words": text, "start_time": start, "end_time": end, "asr_confidence": 0.9, **more}


@pytest.fixture
def call(tmp_path):
    left, right = sides_of()
    pair = left + delayed(right, -20), right + delayed(left, -20)
    return written(tmp_path / "call.wav", *pair)


@pytest.fixture
def recognised(monkeypatch):
    """A recogniser that hears in each side what the test puts there; nothing else is loaded."""
    said: dict[int | None, list[dict]] = {}

    def recognise(source, model=None, progress=None, *, threads=0, language=None):
        return [dict(one) for one in said[getattr(source, "index", None)]]

    monkeypatch.setattr(sides.asr, "recognise", recognise)
    monkeypatch.setattr(sides, "count_voices", lambda layout, side: 1)
    return said


def transcribed(path, **options):
    """The words, and the lines that are told."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", Notice)
        found = seal.transcribe(path, **options)
    return found, [str(one.message) for one in caught if issubclass(one.category, Notice)]


def test_words_are_by_channel_in_time_order_and_echoes_are_left_out(call, recognised):
    recognised[0] = [word("one", 1.0, 1.4), word("Two,", 5.1, 5.5), word("six", 9.5, 9.9)]
    recognised[1] = [word("one.", 1.1, 1.5), word("blur", 2.0, 2.4), word("two", 5.0, 5.4)]
    recognised[1].append(word("over", 17.3, 17.6))  # both speak
    found, lines = transcribed(call)
    assert [(w["words"], w["speaker"], w["channel"]) for w in found] == [
        ("one", "A", 1),
        ("two", "B", 2),
        ("six", "A", 1),
        ("over", "B", 2),
    ]
    assert lines == [
        f"{call}: 2 channels, recognised one by one: the left channel is A, the right channel is "
        "B; 3 words of echo left out"
    ]
    assert {w["session_id"] for w in found} == {"call"}
    assert found[0]["speaker_scores"] == {"A": 1.0, "B": 0.0}
    assert min(found[3]["speaker_scores"].values()) > 0.8
    assert all(w["speaker_confidence"] == 1.0 for w in found)


def test_known_words_are_of_the_side_that_sounds_and_in_doubt_where_both_do(call, recognised):
    known = {"session_id": "monday", "speaker": "Bob", "mine": 1}
    words = [word("one", 1.0, 1.4, **known), word("six", 5.0, 5.4, **known)]
    words += [word("both", 17.3, 17.6, **known), word("mine", 17.3, 17.6, **known, channel=2)]
    found, lines = transcribed(call, words=words, correct=False)
    assert [w["speaker"] for w in found[:2]] == ["A", "Bob"]  # who says more keeps the name
    assert [w.get("channel") for w in found] == [1, 2, None, 2]
    assert all(w["mine"] == 1 and w["session_id"] == "monday" for w in found)
    assert lines[-1] == f"{call}: 2 speakers (A, Bob), 1 before"


def test_no_text_moves_a_word_that_is_clearly_in_one_channel(call, recognised, monkeypatch):
    """Nothing is asked of a corrector where nothing is in doubt; where a word is, that alone may
    move."""
    from seal import correctors
    from seal.correctors import Labels, hmm

    asked = []

    def label(conversations, options, progress):
        asked.extend(conversations)
        return [Labels([1] * len(one.words), [0.9] * len(one.words)) for one in conversations]

    monkeypatch.setattr(hmm, "label", label)
    monkeypatch.setattr(correctors, "load", lambda name: hmm)
    recognised[0] = [word("one", 1.0, 1.4), word("two", 2.0, 2.4)]
    recognised[1] = [word("six", 5.0, 5.4)]
    found, _ = transcribed(call)
    assert [w["speaker"] for w in found] == ["A", "A", "B"] and not asked
    del found[1]["channel"]
    again = seal.correct(found)
    assert [w["speaker"] for w in again] == ["A", "B", "B"]
    assert [w["speaker_confidence"] for w in again] == [1.0, 0.9, 1.0]


def test_of_several_voices_in_a_side_words_move_within_it(call, recognised, monkeypatch):
    frames = np.zeros((1200, 2), dtype=np.float32)
    frames[:500, 0] = frames[500:, 1] = 0.9
    monkeypatch.setattr(sides, "count_voices", lambda layout, side: 2 - side)
    asked = []

    def first_pass(source, speakers=None, progress=None, eend=None):
        asked.append((source.index, speakers))
        return Posteriors(frames)

    monkeypatch.setattr(sides, "first_pass", first_pass)
    recognised[0] = [word("one", 1.0, 1.4), word("two", 10.0, 10.4)]
    recognised[1] = [word("six", 5.0, 5.4)]
    found, lines = transcribed(call, correct=False)
    assert [(w["speaker"], w["channel"]) for w in found] == [("A", 1), ("B", 2), ("A2", 1)]
    assert "the left channel is A and A2, the right channel is B" in lines[0]
    assert all(set(w["speaker_scores"]) == {"A", "A2", "B"} for w in found)
    assert found[1]["speaker_scores"]["A"] == 0.0
    from seal.correction import _possible

    assert _possible(found, {}) == [{"A", "A2"}, {"B"}, {"A", "A2"}]
    transcribed(call, correct=False, speakers=3)
    transcribed(call, correct=False, min_speakers=4)
    assert asked == [(0, None), (0, 2), (0, 3)]
    assert [w["speaker"] for w in transcribed(call, speakers=2)[0]] == ["A", "B", "A"]
    assert [w["speaker"] for w in transcribed(call, max_speakers=2)[0]] == ["A", "B", "A"]
    assert len(asked) == 3  # as many as sides: no voices are compared


@given(st.integers(1, 9), st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(any))
def test_speakers_are_shared_out_to_sides_in_which_somebody_is(total, found):
    counts = shared(total, found, [float(i) for i in range(len(found))])
    there = sum(each > 0 for each in found)
    assert sum(counts) == max(total, there)
    assert [count > 0 for count in counts] == [each > 0 for each in found]
    if total == sum(found):
        assert counts == found


def test_a_side_without_words_has_nobody(call, recognised):
    recognised[0], recognised[1] = [], [word("six", 5.0, 5.4)]
    found, lines = transcribed(call, correct=False)
    assert found[0]["speaker_scores"] == {"B": 1.0}
    assert "the right channel is B; no words in the left channel" in lines[0]
    recognised[1] = []
    assert transcribed(call) == ([], [])


@pytest.mark.models
def test_a_stereo_call_its_mono_copy_and_telephone_sound(tmp_path):
    """The demo's first seconds with a caller in each channel, by the reference's times."""
    rate, sound = RATE, audio.blocks(demo.RECORDING)
    samples = np.concatenate(list(sound))[: 12 * rate]
    reference = [w for w in seal.read(demo.REFERENCE) if w["end_time"] < 12]
    first = reference[0]["speaker"]
    mine = np.zeros(len(samples), dtype=bool)
    for one in reference:
        if one["speaker"] == first:
            mine[
                round((one["start_time"] - 0.1) * rate) : round((one["end_time"] + 0.1) * rate)
            ] = 1
    left, right = samples * mine, samples * ~mine
    left, right = left + delayed(right, -25), right + delayed(left, -25)
    low = [channel[::2] for channel in (left, right)]
    path = written(tmp_path / "call.wav", *low, rate=8000)
    found, lines = transcribed(path)
    assert "recognised one by one" in lines[0]
    assert {w["speaker"] for w in found} == {"A", "B"}
    assert seal.score(reference, found).delta_cp <= 0.05
    assert len(found) < 1.3 * len(reference)  # no echoes
    mono, lines = transcribed(written(tmp_path / "mono.wav", left, left), correct=False)
    assert not lines and mono
