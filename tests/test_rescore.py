"""Hearing: words without scores get those of the recording, under the transcript's names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import correct, words
from seal.acoustic import first_pass as first_pass_module
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.rescore import with_scores
from seal.cli import main
from seal.correctors import ag_lsec_network
from seal.errors import SealError
from tiny import tiny_network, tiny_pieces

STEP = 0.02


def stub(monkeypatch, frames, asked=None):
    """A first pass that hears `frames` [T, K], and says how many speakers it was asked for."""
    heard = Posteriors(np.asarray(frames, dtype=np.float32), step=STEP, start=0.0)

    def first_pass(path, speakers=None, progress=None, eend=None):
        if asked is not None:
            asked.append(speakers)
        if progress:
            progress(1.0)
        return heard

    monkeypatch.setattr(first_pass_module, "first_pass", first_pass)


def said(speaker, start, end, **more):
    times = {"start_time": start, "end_time": end}
    return {"session_id": "call", "speaker": speaker, "words": "so"} | times | more


@st.composite
def heard_conversations(draw):
    """Words of one to four speakers, some with scores, and frames of one to five."""
    names = ["Ann", "B", "spk:3", "Zoë"][: draw(st.integers(1, 4))]
    time, found = 0.0, []
    for _ in range(draw(st.integers(1, 12))):
        start = time + draw(st.sampled_from([0.0, 0.1, 1.0]))
        time = start + draw(st.sampled_from([0.0, 0.2, 1.5, 4.0]))
        word = said(draw(st.sampled_from(names)), start, time)
        if draw(st.integers(0, 3)) == 0:
            word["speaker_scores"] = dict.fromkeys(names, draw(st.floats(0, 1)))
        found.append(word)
    seed, columns = draw(st.integers(0, 99)), draw(st.integers(1, 5))
    frames = np.random.default_rng(seed).random((round(time / STEP) + 1, columns))
    return found, frames * draw(st.sampled_from([0.0, 1.0]))


@settings(deadline=None, max_examples=60)
@given(heard_conversations())
def test_scores_are_probabilities_of_the_transcripts_speakers_and_nothing_else_changes(drawn):
    spoken, frames = drawn
    names = words.speakers(spoken)
    with pytest.MonkeyPatch.context() as patch:
        stub(patch, frames)
        found = with_scores(spoken, names, "call.wav")
    assert len(found) == len(spoken)
    for before, after in zip(spoken, found, strict=True):
        assert after == before | {"speaker_scores": after["speaker_scores"]}
        if "speaker_scores" in before:
            assert after["speaker_scores"] == before["speaker_scores"]
        assert list(after["speaker_scores"]) == names or "speaker_scores" in before
        assert all(0 <= score <= 1 for score in after["speaker_scores"].values())
    words.check(found)


@settings(deadline=None, max_examples=25)
@given(heard_conversations())
def test_what_comes_back_has_no_scores_that_were_not_there(drawn):
    spoken, frames = drawn
    with pytest.MonkeyPatch.context() as patch:
        stub(patch, frames)
        patch.setattr(ag_lsec_network, "load", lambda *_: (tiny_network(), tiny_pieces))
        found = correct(spoken, corrector="ag-lsec", audio="call.wav")
    added = {"speaker", "first_pass_speaker", "speaker_confidence"}
    for before, after in zip(spoken, found, strict=True):
        assert {k: v for k, v in after.items() if k not in added} == {
            k: v for k, v in before.items() if k != "speaker"
        }


def test_speakers_are_matched_by_the_time_in_which_both_speak(monkeypatch):
    """The columns come in another order, and one word is given to the wrong speaker."""
    frames = np.zeros((1000, 2))
    frames[:500, 1] = 0.9
    frames[500:, 0] = 0.8
    asked = []
    stub(monkeypatch, frames, asked)
    spoken = [said("Zoë", i, i + 0.9) for i in range(0, 10)]
    spoken += [said("Ann", i, i + 0.9) for i in range(10, 20)]
    spoken[4]["speaker"] = "Ann"
    found = with_scores(spoken, ["Zoë", "Ann"], "call.wav")
    assert found[4]["speaker_scores"] == {"Zoë": 0.9, "Ann": 0.0}
    assert found[4]["speaker"] == "Ann"
    assert found[12]["speaker_scores"] == {"Zoë": 0.0, "Ann": 0.8}
    assert asked == [2]


def test_who_was_not_found_gets_what_is_left_and_who_is_unknown_nothing(monkeypatch):
    frames = np.zeros((1000, 1))
    frames[:500, 0] = 0.9
    asked = []
    stub(monkeypatch, frames, asked)
    spoken = [said("A", 0, 9), said("B", 10, 19), said("C", 19, 19.5)]
    found = with_scores(spoken, ["A", "B", "C"], "call.wav")
    assert found[0]["speaker_scores"] == {"A": 0.9, "B": 0.05, "C": 0.05}
    assert found[1]["speaker_scores"] == {"A": 0.0, "B": 0.5, "C": 0.5}
    assert asked == [2]  # C says next to nothing
    stub(monkeypatch, np.full((1000, 3), 0.5))
    found = with_scores(spoken[:2], ["A", "B"], "call.wav")
    assert found[0]["speaker_scores"] == {"A": 0.5, "B": 0.5}


def test_a_recording_that_ends_before_the_words_is_refused(monkeypatch):
    stub(monkeypatch, np.ones((100, 2)))
    with pytest.raises(
        SealError, match=r"call\.wav: ends after 2 s, but words of call begin at 40"
    ):
        with_scores([said("A", 0, 1), said("B", 40, 41)], ["A", "B"], "call.wav")


def test_words_without_any_times_cannot_be_listened_to(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("A: Hello there.\nB: Hello.\n")
    (tmp_path / "notes.wav").touch()
    out = tmp_path / "out.txt"
    call = ["correct", str(tmp_path / "notes.txt"), "--audio", str(tmp_path / "notes.wav")]
    assert main([*call, "-o", str(out)]) == 2
    assert "has no times" in capsys.readouterr().err
    assert not out.exists()


def test_one_recording_is_not_that_of_several_transcripts(tmp_path, capsys):
    for name in ("one.srt", "two.srt"):
        (tmp_path / name).write_text("1\n00:00:01,000 --> 00:00:02,000\nA: Hello.\n")
    (tmp_path / "one.wav").touch()
    call = [
        "correct",
        str(tmp_path / "one.srt"),
        str(tmp_path / "two.srt"),
        "-o",
        str(tmp_path / "o"),
    ]
    assert main([*call, "--audio", str(tmp_path / "one.wav")]) == 2
    assert "of one conversation; name a folder" in capsys.readouterr().err
