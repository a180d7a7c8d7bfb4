"""`seal convert --rename`: speakers get names, in any format, and nothing else changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from seal import cli, formats, words

SAMPLES = Path(__file__).parent / "samples"


def said(speaker: str, **more: Any) -> dict[str, Any]:
    return {
        "session_id": "call",
        "speaker": speaker,
        "words": "yes",
        "start_time": 0.5,
        "end_time": 0.9,
    } | more


def test_a_speaker_gets_a_name_in_the_format_of_the_file(tmp_path: Path) -> None:
    before, out = SAMPLES / "whisperx.json", tmp_path / "o.json"
    names = ["--rename", "SPEAKER_00=Ann", "--rename", "SPEAKER_01=Bob=Moss"]
    command = ["convert", str(before), "--to", "whisperx", "-o", str(out), *names]
    assert cli.main(command) == 0
    text = before.read_text().replace("SPEAKER_00", "Ann").replace("SPEAKER_01", "Bob=Moss")
    assert json.loads(out.read_text()) == json.loads(text)


@pytest.mark.parametrize("to", ["text", "srt", "words", "docx"])
def test_and_in_another(to: str, tmp_path: Path) -> None:
    if to == "docx":
        pytest.importorskip("docx")
    out = tmp_path / f"o.{to}"
    command = ["convert", str(SAMPLES / "whisperx.json"), "--to", to, "-o", str(out)]
    assert cli.main([*command, "--rename", "SPEAKER_00=Ann", "--rename=SPEAKER_01=Bob"]) == 0
    if to == "docx":
        return
    assert {word["speaker"] for word in formats.load(out, to).words} == {"Ann", "Bob"}


def test_all_that_tells_of_a_speaker_has_the_new_name(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    more = {"first_pass_speaker": "B", "speaker_scores": {"A": 0.7, "B": 0.2}, "note": "A"}
    words.write([said("A", **more), said("B")], path)
    again = str(tmp_path / "o.json")
    assert cli.main(["convert", str(path), "-o", again, "--rename=A=B", "--rename=B=A"]) == 0
    first = words.read(again)[0]
    assert first["speaker"] == "B" and first["first_pass_speaker"] == "A"
    assert first["speaker_scores"] == {"B": 0.7, "A": 0.2} and first["note"] == "A"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["C=Ann"], "nobody is called 'C'; there are 'A', 'B'"),
        (["A=B"], "two speakers would be called 'B'"),
        (["A=Ann", "B=Ann"], "two speakers would be called 'Ann'"),
        (["A"], "--rename: 'A' is not OLD=NEW"),
        (["A="], "--rename: 'A=' is not OLD=NEW"),
        (["A=Ann", "A=Eva"], "--rename: 'A' gets two names"),
    ],
)
def test_what_is_no_new_name_is_refused(
    names: list[str], told: str, tmp_path: Path, capsys: Any
) -> None:
    words.write([said("A"), said("B")], tmp_path / "a.json")
    options = [f"--rename={each}" for each in names]
    out = tmp_path / "o.json"
    assert cli.main(["convert", str(tmp_path / "a.json"), "-o", str(out), *options]) == 2
    assert told in capsys.readouterr().err and not out.exists()


def test_a_format_of_numbers_keeps_numbers(tmp_path: Path, capsys: Any) -> None:
    command = ["convert", str(SAMPLES / "deepgram.json"), "--to", "deepgram", "-o"]
    assert cli.main([*command, str(tmp_path / "o.json"), "--rename", "0=Ann"]) == 2
    assert "deepgram has numbers for speakers" in capsys.readouterr().err
    assert cli.main([*command, str(tmp_path / "o.json"), "--rename", "0=7"]) == 0
    assert {word["speaker"] for word in formats.read(tmp_path / "o.json")} == {"7", "1"}


def test_a_file_that_is_replaced_stays_as_a_copy(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "a.srt"
    path.write_bytes((SAMPLES / "srt.srt").read_bytes())
    old = words.speakers(formats.read(path))[0]
    assert cli.main(["convert", str(path), "-o", str(path), "--rename", f"{old}=Eve"]) == 0
    assert (tmp_path / "a.srt.bak").read_bytes() == (SAMPLES / "srt.srt").read_bytes()
    assert "as it was: a.srt.bak" in capsys.readouterr().err
    assert "Eve" in words.speakers(formats.read(path))
