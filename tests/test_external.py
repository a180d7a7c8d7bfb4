"""Posteriors from elsewhere: read as written, refused in one line, and no word ever changed."""

import io
import json
import pickle
import sys
import types
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import seal
from seal import cli
from seal.acoustic import asr, external, reconcile
from seal.acoustic.external import check, from_turns, load
from seal.acoustic.posteriors import Posteriors
from seal.errors import SealError

SECONDS = 8.0
HEARD = [
    {"words": text, "start_time": start, "end_time": start + 0.4, "asr_confidence": 0.9}
    for text, start in [("Hello,", 0.5), ("there!", 1.5), ("oh", 3.2), ("well", 4.4), ("bye", 7.5)]
]
"""Words within Bob's turn, in the pause after it, in Ann's, and at the silent end."""
TURNS = (
    ";; of two calls\nSPKR-INFO call 1 <NA> <NA> <NA> unknown bob <NA> <NA>\n"
    "SPEAKER call 1 0.00 3.00 <NA> <NA> bob <NA> <NA>\n"
    "SPEAKER call 1 4.00 3.00 <NA> <NA> ann <NA> <NA>\n"
    "SPEAKER other 1 0.00 6.00 <NA> <NA> eve <NA> <NA>\n"
)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight silent seconds in which the recogniser hears HEARD."""
    monkeypatch.setattr(asr, "recognise", lambda *_, **__: [dict(word) for word in HEARD])
    return recording(tmp_path / "call.wav")


def recording(path: Path, seconds: float = SECONDS) -> Path:
    soundfile.write(path, np.zeros(round(seconds * 8000)), 8000)
    return path


def rttm(path: Path, text: str = TURNS) -> Path:
    path.write_text(text)
    return path


def as_heard(words):
    return [{key: word[key] for key in HEARD[0]} for word in words]


# --- frames -----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        st.sampled_from([np.float16, np.float32]),
        st.tuples(st.integers(1, 40), st.integers(1, 6)),
        elements=st.floats(0, 1, width=16),
    ),
    st.floats(0.01, 0.2),
    st.floats(0, 0.5),
    st.sampled_from(["step", "frame_shift"]),
    st.sampled_from(["posteriors", "probabilities"]),
)
def test_what_was_written_is_read(tmp_path_factory, frames, step, start, shift, key):
    folder = tmp_path_factory.mktemp("written")
    audio = recording(folder / "call.wav", start + len(frames) * step)
    np.savez(folder / "call.npz", **{key: frames, shift: step, "start": start})
    found = external._read(folder / "call.npz", audio)
    assert found.frames.dtype == np.float32
    assert (found.frames == frames).all()
    assert (found.step, found.start, found.names) == (step, start, None)


@pytest.mark.parametrize("name", ["call.npy", "call.npz", "CALL.NPY"])
def test_frames_without_a_step_fill_the_recording(name, call, tmp_path):
    frames = np.eye(2)[[0] * 60 + [1] * 40]
    with open(tmp_path / name, "wb") as file:
        np.savez(file, frames) if name.endswith("z") else np.save(file, frames)
    found = load(tmp_path / name, call)
    assert (found.step, found.start) == (pytest.approx(0.08), pytest.approx(0.04))
    assert (found.frames == frames).all()


def test_a_little_more_than_one_is_rounding(call, tmp_path):
    np.save(tmp_path / "call.npy", np.full((100, 2), 1.00001))
    assert load(tmp_path / "call.npy", call).frames.max() == 1.0


def test_speakers_who_are_not_there_are_left_out(call, tmp_path):
    frames = np.full((100, 4), 0.1)
    frames[:50, 2] = 0.9
    frames[50:, 0] = 0.8
    np.save(tmp_path / "call.npy", frames)
    assert (load(tmp_path / "call.npy", call).frames == frames[:, [0, 2]].astype("f4")).all()
    np.save(tmp_path / "call.npy", frames * 0.1)  # nobody is sure: then nobody is left out
    assert load(tmp_path / "call.npy", call).frames.shape == (100, 4)


def test_a_short_answer_outlives_the_median_filter_on_long_frames(call, tmp_path):
    """Eleven frames of 80 ms would be 0.9 s, and nobody who says 'yes' would be heard."""
    frames = np.zeros((100, 2), dtype=np.float32)
    frames[:, 0] = 0.9
    frames[40:44] = [0.1, 0.9]
    np.savez(tmp_path / "call.npz", posteriors=frames, step=0.08)
    words = seal.transcribe(call, posteriors=tmp_path / "call.npz", correct=False)
    assert [word["speaker"] for word in words] == ["A", "A", "B", "A", "A"]


def test_the_median_filter_lasts_as_long_on_any_frames():
    assert reconcile._median(Posteriors.step) == reconcile.MEDIAN
    widths = [reconcile._median(step) for step in (0.01, 0.02, 0.08, 0.1, 1.0)]
    assert widths == [19, 9, 3, 1, 1]


# --- turns ------------------------------------------------------------------------------------

turns = st.lists(
    st.tuples(st.floats(0, 9), st.floats(0, 4), st.sampled_from(["ann", "bob", "eve"])).map(
        lambda turn: (turn[0], turn[0] + turn[1], turn[2])
    ),
    max_size=8,
)


@settings(max_examples=80, deadline=None)
@given(turns, st.floats(0.01, 12))
@example([(0.0, 2.95, "ann")], 3.0)
def test_posteriors_of_turns_are_one_where_somebody_speaks(turns, seconds):
    found = from_turns(turns, seconds)
    assert abs(len(found.frames) * found.step - seconds) <= found.step
    assert set(found.names or ()) == {name for *_, name in turns}
    for index in range(0, len(found.frames), 7):
        time = found.start + index * found.step
        if any(abs(time - edge) < 1e-9 for *edges, _ in turns for edge in edges):
            continue  # rounding decides
        speak = {name for start, end, name in turns if start <= time < end}
        assert [name in speak for name in found.names or "?"] == found.frames[index].tolist()


def test_turns_become_words_with_the_names_they_had(call, tmp_path):
    words = seal.transcribe(call, posteriors=rttm(tmp_path / "both.rttm"), correct=False)
    assert as_heard(words) == HEARD
    assert [word["speaker"] for word in words] == ["bob", "bob", "bob", "ann", "ann"]
    assert words[0]["speaker_scores"] == {"bob": 1.0, "ann": 0.0}
    assert {word["session_id"] for word in words} == {"call"}
    seal.write(words, tmp_path / "out.json")
    assert seal.read(tmp_path / "out.json") == words


def test_the_only_file_id_is_taken_whatever_its_name(call, tmp_path):
    one = rttm(tmp_path / "x.rttm", TURNS.split("SPEAKER other")[0].replace("call", "CALL_7"))
    assert load(one, call).names == ("bob", "ann")


@pytest.mark.models
def test_the_correction_changes_speakers_alone(call, tmp_path):
    words = seal.transcribe(call, posteriors=str(rttm(tmp_path / "both.rttm")), corrector="ag-lsec")
    assert as_heard(words) == HEARD
    assert {word["speaker"] for word in words} <= {"ann", "bob"}
    assert all("first_pass_speaker" in word for word in words)


# --- what is refused --------------------------------------------------------------------------


def npz(**stored):
    file = io.BytesIO()
    np.savez(file, **stored)
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


GOOD = np.zeros((100, 2))
NAN = np.full((100, 2), np.nan)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("p.npy", npy(np.zeros(100)), "[100] of float64, not [frames, speakers]"),
        ("p.npy", npy(np.zeros((1, 100, 4))), "[1, 100, 4] of float64, not"),
        ("p.npy", npy(np.zeros((0, 2))), "empty"),
        ("p.npy", npy(np.zeros((100, 0))), "empty"),
        ("p.npy", npy(NAN), "NaN"),
        ("p.npy", npy(GOOD + 1.01), "logits"),
        ("p.npy", npy(GOOD - 3.5), "values from -3.5 to -3.5; logits"),
        ("p.npy", npy(GOOD.astype(complex)), "complex128"),
        ("p.npy", npy(GOOD.astype(str)), "<U32"),
        ("p.npy", npy(GOOD.astype(object)), "Python objects"),
        ("p.npy", npy(GOOD.T), "frames of 4 s"),
        ("p.npy", pickle.dumps([1]), "Python objects"),
        ("p.npy", b"", "can be read"),
        ("p.npy", b"\x93NUMPY", "can be read"),
        ("p.npy", npy(GOOD)[:-9], "can be read"),
        ("p.npz", npz(posteriors=GOOD)[:-30], "can be read"),
        ("p.npz", b"no archive", "can be read"),
        ("p.npz", npz(a=GOOD, b=GOOD), "no array 'posteriors' (but ['a', 'b'])"),
        ("p.npz", npz(step=0.1), "no array 'posteriors'"),
        ("p.npz", npz(posteriors=GOOD.astype(object)), "Python objects"),
        ("p.npz", npz(posteriors=GOOD, step=80), "frames of 80 s"),
        ("p.npz", npz(posteriors=GOOD, step=0), "frames of 0 s"),
        ("p.npz", npz(posteriors=GOOD, step=np.nan), "'step' must be one number"),
        ("p.npz", npz(posteriors=GOOD, step=[0.1, 0.1]), "'step' must be one number"),
        ("p.npz", npz(posteriors=GOOD, frame_shift="80 ms"), "'frame_shift' must be one number"),
        ("p.npz", npz(posteriors=GOOD, step=0.08, start=-1), "'start' must be one number"),
        ("p.npz", npz(posteriors=GOOD, step=0.1), "ends at 10.0 s"),
        ("p.npz", npz(posteriors=GOOD, step=0.06), "ends at 6.0 s"),
        ("p.npz", npz(posteriors=GOOD, step=0.08, start=2), "ends at 10.0 s"),
        ("p.rttm", b"", "no SPEAKER line"),
        ("p.rttm", b"SPEAKER call 1 0.0\n", "line 1: not 'SPEAKER"),
        ("p.rttm", b"SPEAKER call 1 soon 1 <NA> <NA> ann <NA>\n", "not a time in seconds: 'soon'"),
        ("p.rttm", b"SPEAKER call 1 60 1 <NA> <NA> ann <NA>\n", "ends at 61.0 s"),
        ("p.rttm", TURNS.replace("call", "x").encode(), "no file id 'call'; it has x, other"),
        ("p.rttm", b"\xff\x00\x00", "line 1"),
        ("p.txt", TURNS.encode(), "no .npz, .npy or .rttm"),
    ],
)
def test_refused_in_one_line_that_names_the_file(
    name, content, told, call, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(asr, "recognise", None)  # not reached
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SealError):
        seal.transcribe(call, posteriors=tmp_path / name, correct=False)
    assert_refused(told, capsys, call, "--posteriors", tmp_path / name)
    assert_refused(name, capsys, call, "--posteriors", tmp_path / name)
    assert not (tmp_path / "out").exists()


def assert_refused(told, capsys, *arguments):
    out = arguments[0].parent / "out"
    options = ["--no-correct", "--quiet", "-o", f"{out}/"]
    assert cli.main(["transcribe", *options, *map(str, arguments)]) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1
    assert output.err.startswith("seal: ") and told in output.err


def test_refused_files_options_and_folders(call, tmp_path, capsys):
    given = rttm(tmp_path / "both.rttm")
    assert_refused("--speakers", capsys, call, "--posteriors", given, "--speakers", 2)
    assert_refused("--eend", capsys, call, "--posteriors", given, "--eend", tmp_path)
    assert_refused("no such file", capsys, call, "--posteriors", tmp_path / "none.rttm")
    with pytest.raises(SealError, match="--speakers"):
        seal.transcribe(call, posteriors=given, speakers=2)
    other = recording(tmp_path / "more.wav")
    np.save(tmp_path / "one.npy", GOOD)
    assert_refused("one.npy: is of one", capsys, call, other, "--posteriors", tmp_path / "one.npy")
    assert not (tmp_path / "out").exists()
    # From here on the others are done: one bad input among several stops none of them.
    assert_refused("no file id 'more'", capsys, call, other, "--posteriors", given)
    folder = tmp_path / "folder"
    folder.mkdir()
    rttm(folder / "call.rttm")
    last = ["--posteriors", folder, "--again"]
    assert_refused("holds no more.npz", capsys, call, other, *last)
    np.save(folder / "more.npy", GOOD)
    np.save(folder / "call.npy", GOOD)
    assert_refused("holds call.npy and call.rttm", capsys, call, other, *last)
    assert {path.name for path in (tmp_path / "out").glob("*.json")} == {"call.json", "more.json"}


def test_a_file_that_may_not_be_read(call, tmp_path, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    np.save(tmp_path / "call.npy", GOOD)
    monkeypatch.setattr(np, "load", denied)
    with pytest.raises(SealError, match=r"call\.npy: .*Permission denied"):
        load(tmp_path / "call.npy", call)


# --- the command line -------------------------------------------------------------------------


def test_several_recordings_with_a_folder_of_posteriors_or_one_rttm(call, tmp_path):
    other, folder, out = recording(tmp_path / "other.wav"), tmp_path / "folder", tmp_path / "out"
    folder.mkdir()
    np.save(folder / "other.npy", np.eye(2)[[0] * 50 + [1] * 50])
    rttm(folder / "call.rttm")
    names = {folder: ["A", "A", "A", "B", "B"], rttm(tmp_path / "both.rttm"): ["eve"] * 5}
    for given_, expected in names.items():
        arguments = ["transcribe", call, other, "--posteriors", given_, "-o", out, "--no-correct"]
        assert cli.main([str(argument) for argument in arguments]) == 0
        found = {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}
        assert [word["speaker"] for word in found["call"]] == ["bob"] * 3 + ["ann"] * 2
        assert [word["speaker"] for word in found["other"]] == expected
        assert as_heard(found["call"]) == as_heard(found["other"]) == HEARD


# --- pyannote.audio, stood in for -------------------------------------------------------------

Segment = namedtuple("Segment", "start end")


class Annotation:
    def itertracks(self, yield_label=False):
        assert yield_label
        yield Segment(0.0, 3.0), "A", "SPEAKER_01"
        yield Segment(2.5, 7.0), "B", "SPEAKER_00"


@pytest.fixture
def pyannote(monkeypatch):
    """Put a stand-in of that version in pyannote.audio's place; a list tells what it was asked."""
    asked = []

    def install(version, answer):
        def run(file):
            print("a word of its own")
            asked.append((tuple(file["waveform"].shape), file["sample_rate"]))
            return answer

        def from_pretrained(name):
            asked.append(name)
            return run if answer else None

        package, module = types.ModuleType("pyannote"), types.ModuleType("pyannote.audio")
        module.__version__ = version
        module.Pipeline = types.SimpleNamespace(from_pretrained=from_pretrained)
        monkeypatch.setitem(sys.modules, "pyannote", package)
        monkeypatch.setitem(sys.modules, "pyannote.audio", module)
        return asked

    external._pipeline.cache_clear()
    monkeypatch.setenv("PYANNOTE_METRICS_ENABLED", "0")
    yield install
    external._pipeline.cache_clear()


@pytest.mark.parametrize(
    ("version", "answer", "weights"),
    [
        ("3.4.0", Annotation(), "pyannote/speaker-diarization-3.1"),
        (
            "4.0.1",
            types.SimpleNamespace(speaker_diarization=Annotation()),
            "pyannote/speaker-diarization-community-1",
        ),
    ],
)
def test_pyannote_runs_once_and_its_names_stay(
    version, answer, weights, pyannote, call, tmp_path, capsys
):
    asked = pyannote(version, answer)
    out = tmp_path / "out.json"
    arguments = ["transcribe", str(call), "--posteriors", "pyannote", "--no-correct", "-o"]
    assert cli.main([*arguments, str(out)]) == 0
    assert asked == [weights, ((1, int(SECONDS * 16000)), 16000)]
    words = seal.read(out)
    assert as_heard(words) == HEARD
    assert [word["speaker"][-2:] for word in words] == ["01", "01", "00", "00", "00"]
    assert capsys.readouterr().out == ""  # it may be the transcript


def test_pyannote_that_hears_nobody_gives_one_speaker(pyannote, call):
    pyannote("4.0", types.SimpleNamespace(speaker_diarization=types.SimpleNamespace(
        itertracks=lambda yield_label: iter(())
    )))  # fmt: skip
    words = seal.transcribe(call, posteriors="pyannote", correct=False)
    assert {word["speaker"] for word in words} == {"A"}


def test_pyannote_that_is_missing_gated_or_breaks_is_one_line(pyannote, call, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyannote.audio", None)
    assert_refused("pip install pyannote.audio", capsys, call, "--posteriors", "pyannote")
    pyannote("4.0.0", None)
    assert_refused("terms on hf.co/pyannote", capsys, call, "--posteriors", "pyannote")
    pyannote("4.0.0", "no annotation")
    with pytest.raises(SealError, match=r"failed on .*call\.wav"):
        seal.transcribe(call, posteriors="pyannote", correct=False)


def test_check_says_what_load_would(call, tmp_path):
    check([call], rttm(tmp_path / "both.rttm"))
    with pytest.raises(SealError, match="many"):
        check([call, recording(tmp_path / "many.wav")], tmp_path / "both.rttm")
