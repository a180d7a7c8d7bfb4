"""The demo's recording, script and reference agree, and the demo shows what it promises."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from seal import demo, words
from seal.scoring import Score

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
        heard = [r.split("|")[0] for r in rows if r[0] == speaker]
        written = [word for r in heard for word in r.split()[2:]]
        assert [w["words"] for w in reference if w["speaker"] == speaker] == written
    assert [w["start_time"] for w in reference] == sorted(w["start_time"] for w in reference)
    assert {w["session_id"] for w in reference} == {demo.RECORDING.stem}


def test_the_call_is_two_to_three_small_minutes_with_overlap(
    reference: list[words.Word], recording: tuple[np.ndarray, int]
) -> None:
    samples, rate = recording
    assert samples.ndim == 1 and 120 <= len(samples) / rate <= 180
    assert demo.RECORDING.stat().st_size < 2_000_000
    assert max(w["end_time"] for w in reference) < len(samples) / rate
    overlapped = sum(
        a["speaker"] != b["speaker"] and b["start_time"] < a["end_time"] - 0.02
        for a, b in pairwise(reference)
    )
    assert overlapped >= 20


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


@pytest.fixture
def answered(reference: list[words.Word], monkeypatch: pytest.MonkeyPatch) -> list[words.Word]:
    """What the models are made to answer: right, but one word repaired, one broken, and one wrong
    as it was."""
    answer = [
        {**w, "first_pass_speaker": w["speaker"], "speaker_confidence": 0.9} for w in reference
    ]
    other = {"A": "B", "B": "A"}
    answer[30]["first_pass_speaker"] = other[answer[30]["speaker"]]
    answer[60]["speaker"] = other[answer[60]["speaker"]]
    answer[90]["speaker"] = answer[90]["first_pass_speaker"] = other[answer[90]["speaker"]]
    monkeypatch.setattr("seal.demo.transcribe", lambda path, **_: answer)
    return answer


def test_it_prints_the_call_the_changes_the_scores_and_what_is_next(
    answered: list[words.Word], tmp_path: Path, capsys: Any
) -> None:
    demo.show(tmp_path)
    printed = capsys.readouterr().out
    assert words.read(tmp_path / "call.json") == answered
    for place in (30, 60):
        word = answered[place]
        assert f"{word['words']}⟨was {word['first_pass_speaker']}⟩" in printed
    assert printed.count("⟨was") == 2
    assert printed.count(": repaired") == printed.count(": broken") == 1
    still = printed[printed.index("Still wrong") : printed.index("Scores")]
    assert [f"[{answered[place]['words']}]" in still for place in (30, 60, 90)] == [
        False,
        True,
        True,
    ]
    for part in ("first pass", "corrected", "WER ", "cpWER ", "Δcp ", "WDER "):
        assert part in printed
    review, correct = printed.splitlines()[-3::2]
    assert f"review {tmp_path / 'call.json'} --audio {demo.RECORDING}" in review
    assert "correct YOUR.json -o corrected.json" in correct


def test_words_that_nobody_said_are_neither_repaired_nor_broken(
    reference: list[words.Word],
) -> None:
    first = [dict(word) for word in reference[:20]]
    first.insert(7, {**first[7], "words": "ghost"})
    right = demo.said_by(reference[:20], first)
    assert right[7] is None
    answer = [{**word, "first_pass_speaker": word["speaker"]} for word in first]
    answer[7]["speaker"] = "A" if answer[7]["speaker"] == "B" else "B"
    assert demo.repaired_and_broken(answer, right) == (0, 0)
    assert list(demo.still_wrong(answer, right)) == []


def test_a_score_without_a_mistake_is_explained_too() -> None:
    clean = Score(words=10, aligned=10)
    assert [name for name, _ in demo.explained(clean, clean)] == ["WER", "cpWER", "Δcp", "WDER"]
