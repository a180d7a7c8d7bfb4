"""What is shown is legible without colour, safe for a terminal, and quiet when piped."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from seal import console
from seal.scoring import Score
from seal.words import Word


def shown(table: Table, **options: object) -> str:
    file = io.StringIO()
    Console(file=file, width=100, **options).print(table)  # type: ignore[arg-type]
    return file.getvalue()


def word(speaker: str, text: str, start: float, before: str | None = None, **more: object) -> Word:
    return {
        "session_id": "call",
        "speaker": speaker,
        "words": text,
        "start_time": start,
        "end_time": start + 0.3,
        "first_pass_speaker": before or speaker,
        **more,
    }


TALK = [
    word("A", "Is", 0.5),
    word("A", "it?", 1.0),
    word("B", "No,", 61.25, before="A", speaker_confidence=0.875),
    word("B", "it's", 62.0),
    word("A", "Ah.", 63.0),
]


def test_a_turn_is_a_line_and_a_changed_word_says_who_it_was() -> None:
    lines = [" ".join(line.split()) for line in shown(console.conversation(TALK)).splitlines()]
    assert lines == ["A 0:00.5 Is it?", "B 1:01.2 No,⟨was A⟩ it's", "A 1:03.0 Ah."]


def test_changes_lists_the_changed_words_only() -> None:
    text = shown(console.changes(TALK))
    row = next(line for line in text.splitlines() if "No," in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "1:01.2",
        "No,",
        "A",
        "B",
        "0.88",
    ]
    assert "Ah." not in text


def test_words_in_any_order_are_shown_in_time_order() -> None:
    assert (
        shown(console.conversation(TALK[::-1])).split() == shown(console.conversation(TALK)).split()
    )


def test_rates_are_per_cent() -> None:
    text = shown(console.score_table({"first pass": Score(200, 10, 20, 190, 19)}))
    row = next(line for line in text.splitlines() if "first pass" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "first pass",
        "5.00 %",
        "10.00 %",
        "5.00 %",
        "10.00 %",
    ]


texts = st.text(st.characters() | st.sampled_from("\x1b\ud800[]\r\n"), max_size=6)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.builds(word, texts, texts, st.floats(0, 1e5), texts), max_size=5))
def test_no_text_breaks_the_terminal(words: list[Word]) -> None:
    for table in (console.conversation(words), console.changes(words)):
        text = shown(table, no_color=True)
        assert "\x1b" not in text and "\r" not in text
        text.encode()


def test_progress_is_silent_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress("call.wav") as report:
        report("asr", 0.5)
    assert capsys.readouterr() == ("", "")


def test_progress_is_a_line_for_each_quarter_where_it_is_asked_for_in_a_pipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with console.progress("call.wav", piped=True) as report:
        for hundredth in range(101):
            report("asr", hundredth / 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"call.wav: asr {share} %" for share in (0, 25, 50, 75, 100)]


def test_changes_say_what_came_of_them_where_it_is_known() -> None:
    words = [word(now, text, 1.0, before=was) for text, was, now in CHANGES]
    text = shown(console.changes(words, ["A", "A", None, "C"]))
    for part in ("A: repaired", "A: broken", "nobody", "C: as wrong"):
        assert text.count(part) == 1


CHANGES = [("Yes", "B", "A"), ("No", "A", "B"), ("uh", "A", "B"), ("but", "A", "B")]


def test_progress_names_file_and_stage_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with console.progress("call.wav") as report:
        report("first pass", 0.5)
    output = capsys.readouterr()
    assert output.out == "" and "call.wav: first pass" in output.err
