"""What one writes in Python and in a notebook: any format in three lines, a bar, a conversation."""

import inspect
import sys
import types
from pathlib import Path

import pytest

import seal
from seal import formats
from seal.console import with_progress
from seal.progress import StageProgress

SAMPLES = Path(__file__).parent / "samples"


@pytest.mark.parametrize("name", ["whisperx.json", "deepgram.json", "srt.srt", "nemo.json"])
def test_any_format_in_three_lines(name: str, tmp_path: Path) -> None:
    words = seal.read(SAMPLES / name)
    words = seal.correct(words, corrector="hmm")
    assert seal.write(words, tmp_path / name, like=SAMPLES / name) == []
    again = formats.load(tmp_path / name)
    assert again.format == formats.load(SAMPLES / name).format
    said = [(word["words"], word["speaker"]) for word in words]
    assert [(word["words"], word["speaker"]) for word in again.words] == said
    assert [word["first_pass_speaker"] for word in again.words] == [
        word["first_pass_speaker"] for word in words
    ]


def test_what_is_written_is_what_the_name_or_the_format_says(tmp_path: Path) -> None:
    words = seal.read(SAMPLES / "whisperx.json")
    assert seal.write(words, tmp_path / "own.json") == []
    assert seal.read(tmp_path / "own.json") == words
    assert "times of words" in seal.write(words, tmp_path / "call.srt")
    assert formats.load(tmp_path / "call.srt").format == "srt"
    seal.write(words, tmp_path / "call.json", format="deepgram")
    assert formats.load(tmp_path / "call.json").format == "deepgram"


def test_words_of_another_file_are_refused(tmp_path: Path) -> None:
    words, out = seal.read(SAMPLES / "whisperx.json"), tmp_path / "out.json"
    with pytest.raises(seal.SealError, match="has other words"):
        seal.write(words[1:], out, like=SAMPLES / "whisperx.json")
    with pytest.raises(seal.SealError, match="leave out one of the two"):
        seal.write(words, out, like=SAMPLES / "whisperx.json", format="srt")
    with pytest.raises(seal.SealError, match="none of the formats"):
        seal.write(words, out, format="poem")
    with pytest.raises(seal.SealError, match="entry 1: the field 'session_id' is missing"):
        seal.write([{"words": "x"}], tmp_path / "out.srt")
    assert not out.exists() and not (tmp_path / "out.srt").exists()


@with_progress
def work(times: int, *, progress: StageProgress | None = None) -> StageProgress | None:
    for step in range(times if progress else 0):
        assert progress is not None
        progress("step", (step + 1) / times)
    return progress


def test_progress_is_a_bar_if_it_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    work(4, progress=True)
    shown = capsys.readouterr().err
    assert shown.startswith("\rwork: step  25%") and shown.endswith("100%\n")
    for quiet in (None, False):
        work(4, progress=quiet)
        assert capsys.readouterr() == ("", "")
    seen = []
    work(2, progress=lambda stage, share: seen.append(share))
    assert seen == [0.5, 1.0] and capsys.readouterr() == ("", "")


def test_a_notebook_shows_a_bar_by_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    words = seal.read(SAMPLES / "whisperx.json")
    seal.correct(words, corrector="hmm")
    assert "correct: correction 100%" in capsys.readouterr().err
    seal.correct(words, corrector="hmm", progress=False)
    assert capsys.readouterr() == ("", "")
    callback = work(0, progress=False)
    assert callback is not None and work(0, progress=callback) is callback  # handed on: still quiet


def test_the_signature_stays_readable() -> None:
    names = list(inspect.signature(seal.correct).parameters)
    assert names[0] == "words" and names[-1] == "progress" and "corrector" in names
    assert "Correct the speakers" in (seal.correct.__doc__ or "")


def test_a_conversation_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    seal.show(seal.correct(seal.read(SAMPLES / "whisperx.json"), corrector="hmm"))
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("SPEAKER_00", "SPEAKER_01"))
