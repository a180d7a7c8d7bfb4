"""Turns as people read them: what each of those who talk at once says stands whole."""

from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seal import cli, formats, words
from seal.formats import turns


def said(speaker: str, text: str, start: float, each: float = 0.3) -> list[dict[str, Any]]:
    """Words one after another without a pause."""
    return [
        {
            "session_id": "call",
            "speaker": speaker,
            "words": word,
            "start_time": round(start + place * each, 3),
            "end_time": round(start + (place + 1) * each, 3),
        }
        for place, word in enumerate(text.split())
    ]


def talk(*parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(chain(*parts), key=lambda word: word["start_time"])


AT_ONCE = talk(
    said("A", "I think that we should go now. Or tomorrow.", 0.0),
    said("B", "no but the shop is shut", 0.5),
)


def read(text: str) -> list[tuple[str, str]]:
    return [tuple(line.split(": ", 1)) for line in text.splitlines()]


def test_talk_at_once_is_written_turn_by_turn() -> None:
    assert read(formats.written(AT_ONCE, "text")) == [
        ("A", "I think that we should go now."),
        ("B", "no but the shop is shut"),
        ("A", "Or tomorrow."),
    ]


@pytest.mark.parametrize("to", ["srt", "vtt", "sbv", "csv", "stm", "otter", "timed-text", "seglst"])
def test_and_so_in_every_format_of_turns(to: str, tmp_path: Path, capsys: Any) -> None:
    words.write(AT_ONCE, tmp_path / "in.json")
    assert cli.main(["convert", str(tmp_path / "in.json"), "--to", to, "-o", "-"]) == 0
    out, err = capsys.readouterr()
    (tmp_path / "out").write_text(out)
    found = formats.load(tmp_path / "out", to).words
    whole = " ".join(word["words"] for word in found)
    assert "no but the shop is shut" in whole and "we should go now." in whole
    assert "words said at once: each turn stands whole" in err
    assert "the speakers of" not in err


def test_what_stood_in_whole_turns_and_still_does_is_not_told(tmp_path: Path, capsys: Any) -> None:
    """WhisperX's segments overlap, and their words are in the order of the segments."""
    whole = turns.unbroken(AT_ONCE)
    assert whole != AT_ONCE
    words.write(whole, tmp_path / "in.json")
    assert cli.main(["convert", str(tmp_path / "in.json"), "-o", str(tmp_path / "o.srt")]) == 0
    assert "order" not in capsys.readouterr().err


def test_a_document_has_whole_turns_too(tmp_path: Path, capsys: Any) -> None:
    docx = pytest.importorskip("docx")
    words.write(AT_ONCE, tmp_path / "in.json")
    assert cli.main(["convert", str(tmp_path / "in.json"), "-o", str(tmp_path / "o.docx")]) == 0
    texts = [p.text.split("\n")[-1] for p in docx.Document(tmp_path / "o.docx").paragraphs[1:]]
    assert texts[:2] == ["I think that we should go now.", "no but the shop is shut"]
    assert "each turn stands whole" in capsys.readouterr().err


@pytest.mark.parametrize("to", ["whisperx", "deepgram", "ctm-rttm", "words"])
def test_words_with_times_of_their_own_stay_in_their_order(to: str, tmp_path: Path) -> None:
    words.write(AT_ONCE, tmp_path / "in.json")
    target = tmp_path / ("o.ctm" if to == "ctm-rttm" else "o.json")
    assert cli.main(["convert", str(tmp_path / "in.json"), "--to", to, "-o", str(target)]) == 0
    assert [w["words"] for w in formats.read(target)] == [w["words"] for w in AT_ONCE]


def test_a_word_between_two_of_another_is_a_change_of_speaker() -> None:
    between = talk(said("A", "I think", 0.0), said("B", "yes", 0.7), said("A", "that", 1.05))
    assert turns.unbroken(between) == between


def test_long_talk_is_not_kept_whole_for_ever() -> None:
    long = talk(said("A", "on and on " * 40, 0.0), said("B", "mm hm", 5.1), said("B", "yes", 20.1))
    speakers = [word["speaker"] for word in turns.unbroken(long)]
    assert "AB" in "".join(speakers) and "".join(speakers).index("B") < 40


def test_cues_come_in_the_order_in_which_they_begin() -> None:
    long = talk(said("A", "quite a long word " * 7, 0.0), said("B", "no but the shop", 2.1))
    starts = [cue.start for cue in formats.subtitles.cues(turns.unbroken(long), formats.DEFAULT)]
    assert starts == sorted(starts)


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.integers(0, 80), st.integers(0, 12), st.booleans()),
        max_size=40,
    )
)
def test_no_word_is_lost_and_each_speakers_order_stays(
    drawn: list[tuple[str, int, int, bool]],
) -> None:
    made = [
        said(who, f"w{place}{'.' * end}", start / 10, length / 10)[0]
        for place, (who, start, length, end) in enumerate(drawn)
    ]
    made.sort(key=lambda word: word["start_time"])
    found = turns.unbroken(made)
    for who in "ABC":
        own = [word for word in made if word["speaker"] == who]
        assert [word for word in found if word["speaker"] == who] == own
    if all(one["end_time"] <= other["start_time"] for one, other in pairwise(made)):
        assert found == made


def test_words_of_which_the_times_are_estimated_stay_in_their_order() -> None:
    guessed = [word | {"times_estimated": True} for word in AT_ONCE]
    assert turns.unbroken(guessed) == guessed
