"""From a recording to a transcript by the embedded models."""

import os
import signal
import subprocess
import sys
import time
from threading import Timer
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

import seal
from seal import demo, pipeline
from seal.acoustic import asr, audio
from seal.acoustic.containers import STRICT
from seal.cli import main
from seal.errors import Notice, SealError
from seal.words import check


@pytest.fixture(scope="module")
def call():
    return seal.transcribe(demo.RECORDING)


@pytest.fixture(scope="module")
def uncorrected(beginning):
    return seal.transcribe(beginning, correct=False)


@pytest.mark.models
def test_the_demo_call_is_corrected_without_losing_a_word(call):
    check(call)
    assert len(call) > 150
    assert {word["session_id"] for word in call} == {"call"}
    assert [w["start_time"] for w in call] == sorted(w["start_time"] for w in call)
    speakers = set(call[0]["speaker_scores"])
    assert len(speakers) == 2
    for word in call:
        assert {word["speaker"], word["first_pass_speaker"]} <= speakers
        assert 0 <= word["speaker_confidence"] <= 1


@pytest.mark.models
def test_the_correction_is_the_last_step_and_nothing_else(beginning, uncorrected):
    assert len({word["speaker"] for word in uncorrected}) == 2
    assert seal.correct(uncorrected, audio=beginning) == seal.transcribe(beginning)


@pytest.mark.models
def test_the_first_pass_tells_the_two_voices_apart(call):
    reference = seal.read(demo.REFERENCE)
    assert seal.score(reference, call).delta_cp < 0.15


@pytest.mark.models
def test_the_correction_of_the_demo_call_is_a_gain_without_another_word(call):
    reference = seal.read(demo.REFERENCE)
    first = [{**word, "speaker": word["first_pass_speaker"]} for word in call]
    before, after = seal.score(reference, first), seal.score(reference, call)
    assert (after.words, after.errors) == (before.words, before.errors)
    assert after.cp_errors < before.cp_errors
    repaired, broken = demo.repaired_and_broken(call, demo.said_by(reference, first))
    assert repaired >= 3 * broken


def test_an_interrupt_ends_the_asr_too_where_the_first_pass_is_done(monkeypatch):
    said = []

    def recognise(path, model, report, threads, language):
        for _ in range(2000):
            time.sleep(0.01)
            report(0.5)
        said.append("all of it")
        return []

    monkeypatch.setattr(pipeline, "first_pass", lambda *_: None)
    monkeypatch.setattr(pipeline.speech, "recognise", recognise)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            seal.transcribe(demo.RECORDING, correct=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert said == []


def test_the_asr_tells_how_far_it_is_within_a_piece(monkeypatch):
    at = []

    def segments():
        for end in (10.0, 20.0, 30.0):
            yield SimpleNamespace(words=[], end=end)
            assert at[-1] == end

    whisper = SimpleNamespace(transcribe=lambda *_, **__: (segments(), None))
    assert asr._heard(whisper, np.zeros(30 * audio.RATE, dtype=np.float32), at.append) == []
    assert at == [10.0, 20.0, 30.0]


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(SealError, match=r"it has no model\.bin"):
        asr.find(str(tmp_path))


@pytest.mark.parametrize("failing", ["asr", "first pass"])
def test_when_one_of_two_that_work_together_fails_the_other_ends(monkeypatch, failing):
    """And the error is that of the one that failed, not of the one that was told to end."""
    ended = []

    def work(name):
        def step(path, *rest, **more):
            report = next(r for r in rest if callable(r))
            if name == failing:
                raise SealError(f"{name} cannot")
            try:
                for _ in range(1000):
                    time.sleep(0.01)
                    report(0.5)
            except Exception:
                ended.append(name)
                raise

        return step

    monkeypatch.setattr(pipeline.speech, "recognise", work("asr"))
    monkeypatch.setattr(pipeline, "first_pass", work("first pass"))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(SealError, match=f"{failing} cannot"):
            seal.transcribe(demo.RECORDING)
        assert ended == ["asr" if failing == "first pass" else "first pass"]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.models
def test_the_number_of_threads_changes_nothing(beginning, uncorrected):
    threads = torch.get_num_threads()
    torch.set_num_threads(3 - min(threads, 2))  # one after the other, if it was together
    try:
        other = seal.transcribe(beginning, correct=False)
    finally:
        torch.set_num_threads(threads)
    assert uncorrected
    assert [(w["words"], w["start_time"], w["speaker"]) for w in other] == [
        (w["words"], w["start_time"], w["speaker"]) for w in uncorrected
    ]


def test_what_is_heard_is_the_same_to_the_last_bit_with_any_number_of_threads():
    """In a new process, since numpy asks how many it may use when it is imported."""
    code = """if True:
        import seal, hashlib, numpy
        from faster_whisper.feature_extractor import FeatureExtractor
        sound = numpy.random.default_rng(0).normal(0, 0.1, 16000 * 30).astype(numpy.float32)
        print(hashlib.md5(FeatureExtractor()(sound).tobytes()).hexdigest())"""
    found = set()
    for threads in ("1", "2"):
        env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
        env["OMP_NUM_THREADS"] = threads
        found.add(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True).stdout)
    assert len(found) == 1 and found != {b""}


@pytest.mark.models
def test_a_cut_recording_is_told_once_and_strict_refuses_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(STRICT, "0")
    path, result = tmp_path / "call.wav", tmp_path / "call.json"
    soundfile.write(path, np.zeros(16000 * 4), 16000)
    path.write_bytes(path.read_bytes()[: 16000 * 4])
    assert main(["transcribe", str(path), "-o", str(result), "--strict"]) == 2
    told = f"{path}: the file is cut short or damaged at 2.0 s of 4.0 s; "
    assert capsys.readouterr().err.splitlines() == [
        f"seal: {told}copy it again, or save what is there as a new file"
    ]
    assert not result.exists() and os.environ[STRICT] == "1"  # the workers have it, too
    monkeypatch.setenv(STRICT, "0")
    assert main(["transcribe", str(path), "-o", str(result)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "cut short" in line] == [
        f"seal: {told}what is there is used (--strict refuses it)"
    ]
    assert seal.read(result) == []


@pytest.mark.models
def test_silence_has_no_words(tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(48000), 16000)
    with pytest.warns(Notice, match=r"silence\.wav: no words: nobody was heard"):
        assert seal.transcribe(tmp_path / "silence.wav") == []


@pytest.mark.models
def test_one_speaker_stereo_at_8_khz(tmp_path):
    samples, rate = soundfile.read(demo.RECORDING, frames=16000 * 4)
    low = samples[:: rate // 8000]
    soundfile.write(tmp_path / "low.wav", np.stack([low, low], axis=1), 8000)
    words = seal.transcribe(tmp_path / "low.wav", speakers=1)
    assert words
    assert {word["speaker"] for word in words} == {"A"}


def test_the_number_of_speakers_must_be_one_or_more():
    with pytest.raises(SealError):
        seal.transcribe(demo.RECORDING, speakers=0)
