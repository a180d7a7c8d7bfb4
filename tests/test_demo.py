"""The demo's recording, script and reference agree, and the demo shows what it promises."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from seal import demo, words

SCRIPT = demo.RECORDING.with_name("script.txt")


@pytest.fixture(scope="module")
def reference() -> list[words.Word]:
    return words.read(demo.REFERENCE)


@pytest.fixture(scope="module")
def recording() -> tuple[np.ndarray, int]:
    return soundfile.read(demo.RECORDING)


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def test_the_reference_says_what_the_script_says(reference: list[words.Word]) -> None:
    rows = [r for r in SCRIPT.read_text().splitlines() if r and not r.startswith("#")]
    for speaker in "AB":
        written = [word for r in rows if r[0] == speaker for word in r.split()[2:]]
        assert [w["words"] for w in reference if w["speaker"] == speaker] == written
    assert [w["start_time"] for w in reference] == sorted(w["start_time"] for w in reference)
    assert {w["session_id"] for w in reference} == {demo.RECORDING.stem}


def test_the_call_is_a_small_minute_with_overlap(
    reference: list[words.Word], recording: tuple[np.ndarray, int]
) -> None:
    samples, rate = recording
    assert samples.ndim == 1 and 60 <= len(samples) / rate <= 90
    assert demo.RECORDING.stat().st_size < 1_500_000
    assert max(w["end_time"] for w in reference) < len(samples) / rate
    overlapped = sum(
        a["speaker"] != b["speaker"] and b["start_time"] < a["end_time"] - 0.02
        for a, b in pairwise(reference)
    )
    assert overlapped >= 10


def test_there_is_sound_where_words_are_and_none_where_they_are_not(
    reference: list[words.Word], recording: tuple[np.ndarray, int]
) -> None:
    samples, rate = recording
    speech = level(samples)
    for word in reference:
        heard = samples[round(word["start_time"] * rate) : round(word["end_time"] * rate)]
        assert level(heard) > 0.1 * speech, word
    # Sounds ring on for a moment: half a tenth of a second is left out at either end of a pause.
    end, pauses = 0.0, 0
    for word in reference:
        quiet = samples[round((end + 0.05) * rate) : round((word["start_time"] - 0.05) * rate)]
        if len(quiet) > 0.05 * rate:
            assert level(quiet) < 0.06 * speech, word
            pauses += 1
        end = max(end, word["end_time"])
    assert pauses >= 15


@pytest.mark.models
def test_it_prints_the_call_the_changes_and_the_scores(
    reference: list[words.Word], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    corrected = [
        {**w, "first_pass_speaker": w["speaker"], "speaker_confidence": 0.9} for w in reference
    ]
    corrected[3]["first_pass_speaker"] = "B"
    assert corrected[3]["speaker"] == "A"
    monkeypatch.setattr("seal.demo.transcribe", lambda path, **_: corrected)
    demo.show(tmp_path)
    printed = capsys.readouterr().out
    assert f"{corrected[3]['words']}⟨was B⟩" in printed
    assert printed.count("⟨was") == 1
    for part in ("first pass", "corrected", "cpWER", "Δcp", str(tmp_path / "call.json")):
        assert part in printed
    assert words.read(tmp_path / "call.json") == corrected
