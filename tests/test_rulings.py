"""Rulings hold: through correction, another transcription and other formats; they are undone to the
byte, and no word, time or place in the list is touched by them."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seal import cli, formats, rulings, words
from seal.correction import correct
from seal.errors import Notice, SealError
from seal.formats import evidence
from seal.review import edits as review_edits
from seal.rulings.carrying import carried
from seal.words import Word

SAMPLES = Path(__file__).parent / "samples"
HOLDING = sorted(set(formats.FORMATS) - {"rttm"})
"""All formats that have words."""


def talk(count: int = 12, names: tuple[str, ...] = ("A", "B"), **more: object) -> list[Word]:
    return [
        {
            "session_id": "call",
            "speaker": names[place // 4 % len(names)],
            "words": f"word{place}",
            "start_time": 0.5 * place,
            "end_time": 0.5 * place + 0.4,
            "speaker_scores": {name: round(1 / len(names), 2) for name in names},
            "note": [place, 1.50],
            **more,
        }
        for place in range(count)
    ]


@st.composite
def said(draw: st.DrawFn) -> list[tuple]:
    """What somebody rules, one act after the other."""
    acts: list[tuple] = []
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["rule", "like", "merge", "name"]))
        if kind in ("rule", "like"):
            places = draw(st.lists(st.integers(0, 11), min_size=1, max_size=5, unique=True))
            acts.append((kind, places, draw(st.sampled_from(["A", "B", "C", "new"]))))
        else:
            names = st.sampled_from(["A", "B", "C", "Ann", "Bob"])
            acts.append((kind, draw(names), draw(names)))
    return acts


def done(given: list[Word], acts: list[tuple]) -> list[Word]:
    """The words after the acts that can be."""
    for kind, what, name in acts:
        try:
            if kind == "merge":
                given = rulings.merge(given, range(len(given)), what, name, at="now")
            elif kind == "name":
                given = rulings.name(given, range(len(given)), what, name, at="now")
            else:
                kind = "like" if kind == "like" else None
                given = rulings.rule(given, what, name, kind, at="now")
        except SealError:
            pass
    return given


def untouched(words_: list[Word]) -> list[list]:
    return [
        [w[k] for k in ("session_id", "words", "start_time", "end_time", "note")] for w in words_
    ]


@settings(deadline=None, max_examples=25)
@given(said())
def test_every_ruling_is_undone_to_the_byte(acts: list[tuple]) -> None:
    start = talk(names=("A", "B", "C"))
    start[3] |= {"first_pass_speaker": "B", "speaker_confidence": 0.7}
    start[5]["reviewed"] = True
    text = words.text_of(start)
    after = done(start, acts)
    assert words.text_of(start) == text
    assert untouched(after) == untouched(start)
    assert words.check(json.loads(words.text_of(after)))
    for _ in rulings.acts(after):
        after = rulings.undo(after)
    assert words.text_of(after) == text
    with pytest.raises(SealError, match="none to be undone"):
        rulings.undo(after)


@settings(deadline=None, max_examples=25)
@given(said(), st.sampled_from([0.0, 1.0, 3.0]))
def test_a_correction_holds_what_was_ruled(acts: list[tuple], margin: float) -> None:
    ruled = done(talk(names=("A", "B", "C")), acts)
    after = correct(ruled, corrector="hmm", margin=margin)
    assert untouched(after) == untouched(ruled)
    whose = rulings.merges(ruled)
    for old, new in zip(ruled, after, strict=True):
        assert new.get(rulings.KEY) == old.get(rulings.KEY)
        if old.get("reviewed"):
            assert new["speaker"] == old["speaker"]
        else:
            assert new["speaker"] not in whose
    assert correct(after, corrector="hmm", margin=margin) == after


@settings(deadline=None, max_examples=25)
@example([("rule", [7], "A")], 0.0)  # of the word that is not there
@given(said(), st.floats(-0.3, 0.3))
def test_a_new_transcription_of_the_recording_gets_what_was_ruled(
    acts: list[tuple], shift: float
) -> None:
    """It has other names and slightly other times, and lacks a word."""
    start = talk(names=("A", "B", "C"))
    old = done(start, acts)
    other = {"A": "S1", "B": "S0", "C": "S2"}
    new = [
        {
            **word,
            "speaker": other[word["speaker"]],
            "start_time": max(0.0, word["start_time"] + shift),
        }
        for word in start
        if word["words"] != "word7"
    ]
    for word in new:
        word["speaker_scores"] = {other[name]: 0.3 for name in "ABC"}
    after, told = carried(old, new)
    assert [w["words"] for w in after] == [w["words"] for w in new]
    assert [w["start_time"] for w in after] == [w["start_time"] for w in new]
    by_word = {word["words"]: word for word in old}
    for word in after:
        before = by_word[word["words"]]
        if before.get("reviewed"):
            assert word["speaker"] == before["speaker"] and word["reviewed"] is True
    assert (told is None) == (not rulings.acts(old))
    assert rulings.merges(after).keys() >= rulings.merges(old).keys()
    again, _ = carried(after, new)  # and once more
    assert [w["speaker"] for w in again] == [w["speaker"] for w in after]


def test_a_correction_says_where_it_would_choose_otherwise() -> None:
    given_ = [
        word
        | {
            "speaker_scores": {"A": 0.98, "B": 0.02}
            if word["speaker"] == "A"
            else {"B": 0.98, "A": 0.02}
        }
        for word in talk(24)
    ]
    ruled = rulings.rule(given_, [9, 10], "B")  # inside A's
    with pytest.warns(Notice, match="than a person ruled, and stay"):
        after = correct(ruled, corrector="hmm")
    assert [after[i]["speaker"] for i in (9, 10)] == ["B", "B"]


@pytest.mark.parametrize("format", HOLDING)
def test_rulings_go_to_another_format_and_back(format: str, tmp_path: Path) -> None:
    given_ = [word | {"words": f"one{place}"} for place, word in enumerate(talk(names=("0", "1")))]
    ruled = rulings.rule(given_, [1, 2], "1")
    ruled = rulings.rule(ruled, [6], "1")
    source, there, back = (
        tmp_path / "call.json",
        tmp_path / f"there.{format}",
        tmp_path / "back.json",
    )
    words.write(ruled, source)
    if formats.FORMATS[format] == "json":
        there = there.with_suffix(".json")
    convert = ["convert", str(source), "-o", str(there), "--to", format]
    assert cli.main(convert) == 0
    again = ["convert", str(there), "--from", format, "-o", str(back), "--to", "words"]
    assert cli.main(again) == 0
    after = words.read(back)
    assert [w["words"] for w in after] == [w["words"] for w in ruled]
    assert [w.get("reviewed") for w in after] == [w.get("reviewed") for w in ruled]
    acts = [act[1:] for act in rulings.acts(ruled)]
    assert [act[1:] for act in rulings.acts(after)] == acts
    place = formats.load(there, format)
    place.save(rulings.undo(rulings.undo(place.words)), there)  # and what was beside it goes
    assert not evidence.beside(there).exists()


def test_a_crash_between_two_files_leaves_what_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "call.srt"
    shutil.copy(SAMPLES / "srt.srt", path)
    assert cli.main(["teach", str(path), "--set", "w1-w2=Ann"]) == 0
    before = formats.load(path).words

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    for option in (["--set", "w2-w5=Bob"], ["--merge", "A=B"], ["--name", "A=Zoe"]):
        with monkeypatch.context() as patched:
            patched.setattr(formats, "_write", crash)  # the evidence is there, the file is not
            assert cli.main(["teach", str(path), *option]) == 130
        assert formats.load(path).words == before
    assert cli.main(["teach", str(path), "--undo"]) == 0
    assert not any(word.get("reviewed") for word in formats.load(path).words)


def test_the_later_of_two_people_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seal.teaching import places

    path = tmp_path / "call.json"
    words.write(talk(), path)
    rule = places.ruled

    def meanwhile(*arguments: object) -> list[Word]:
        words.write(rulings.rule(talk(), [4], "A"), path)
        return rule(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(places, "ruled", meanwhile)
    assert cli.main(["teach", str(path), "--set", "w1=B"]) == 2
    assert "changed by somebody else" in capsys.readouterr().err
    assert [w["speaker"] for w in words.read(path)] == list("AAAAABBBAAAA")


def test_a_result_that_is_made_again_keeps_what_was_ruled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "call.json", tmp_path / "out.json"
    words.write(talk(), source)
    run = ["correct", str(source), "-o", str(target), "--corrector", "hmm"]
    assert cli.main(run) == 0
    assert cli.main(["teach", str(target), "--set", "w1-w2=B", "--name", "A=Ann"]) == 0
    ruled = words.read(target)
    capsys.readouterr()
    assert cli.main(run) == 0
    assert "2 words as a person ruled" in capsys.readouterr().err
    after = words.read(target)
    assert [w["speaker"] for w in after] == [w["speaker"] for w in ruled]
    assert rulings.acts(after) == rulings.acts(ruled)


def test_the_command_takes_times_numbers_and_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, table = tmp_path / "call.json", tmp_path / "rulings.csv"
    given_ = talk()
    words.write(given_, path)
    table.write_text("time,word,before,after\n2.00,word4,B,A\n")
    call = ["teach", str(path), "--set", "0:00-0:01=B", "--set", "w12=C", "--csv", str(table)]
    assert cli.main(call) == 0
    assert [w["speaker"] for w in words.read(path)] == list("BBAAABBBAAAC")
    assert cli.main(["teach", str(path)]) == 0
    assert capsys.readouterr().out.count("\n") == 3
    for _ in range(3):
        assert cli.main(["teach", str(path), "--undo"]) == 0
    assert words.read(path) == given_
    kept = path.read_bytes()
    capsys.readouterr()
    table.write_text("time,word,speaker\n2.00,other,A\n")
    for bad, told in (
        (["--set", "14:07=B"], "no word then"),
        (["--set", "w13=B"], "w1 to w12"),
        (["--set", "later=B"], "is no place"),
        (["--set", "w1"], "PLACE=SPEAKER"),
        (["--set", "0:05-0:01=B"], "ends before it begins"),
        (["--merge", "A=Z"], "no speaker Z"),
        (["--name", "A=B"], "there already"),
        (["--undo"], "none to be undone"),
        (["--csv", str(table)], "line 2: 2.00: there is 'word4', not 'other'"),
        (["--session", "x", "--set", "w1=B"], "there is no 'x'"),
    ):
        assert cli.main(["teach", str(path), *bad]) == 2
        line = capsys.readouterr().err
        assert told in line and line.count("\n") == 1, line
        assert path.read_bytes() == kept


def test_a_report_begins_with_the_least_certain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sure = [word | {"first_pass_speaker": "A", "speaker_confidence": 0.99} for word in talk()]
    unsure = [word | {"first_pass_speaker": "A", "speaker_confidence": 0.6} for word in talk()]
    unsure[3]["speaker_confidence"] = 0.4
    words.write(sure, tmp_path / "a.json")
    words.write(rulings.rule(unsure, [0], "B"), tmp_path / "b.json")
    (tmp_path / "c.json").write_text("{")
    files, changes = tmp_path / "files.csv", tmp_path / "words.csv"
    call = ["report", str(tmp_path), "--csv", str(files), "--changes", str(changes), "--json"]
    assert cli.main(call) == 2  # one is damaged, and told; the others are summed up
    out = capsys.readouterr()
    assert "c.json" in out.err and "1 of 3" in out.err
    found = json.loads(out.out)
    assert [Path(one["file"]).name for one in found] == ["b.json", "a.json"]
    assert found[0]["by_person"] == 1 and found[0]["by_machine"] == 4
    assert found[0]["least_certain_word"] == "word3"
    assert {one["why"] for one in found[0]["changes"]} == {"word", "text or voice"}
    assert files.read_text().count("\n") == 3 and changes.read_text().count("\n") == 1 + 5 + 4
    assert cli.main(["report", str(tmp_path / "a.json")]) == 0
    out = capsys.readouterr().out
    assert "a.json" in out and out.startswith("1 file, ")


def test_a_report_shows_names_of_files_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    folder = tmp_path / "corrected-by-the-night-shift"
    for number in (1, 2):
        words.write(talk(), folder / f"call-{number}.json")
    assert cli.main(["report", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "│ call-1.json " in out and "│ call-2.json " in out


def test_a_ruling_of_the_input_wins_over_one_of_the_result_that_it_replaces(tmp_path):
    source, target = tmp_path / "in.json", tmp_path / "out.json"
    given = talk()
    words.write(rulings.rule(given, [2], "B"), target)
    words.write(rulings.rule(given, [2], "A"), source)
    assert cli.main(["correct", str(source), "-o", str(target), "--corrector", "hmm"]) == 0
    assert words.read(target)[2]["speaker"] == "A"


def test_acts_of_a_word_ascend_so_that_each_can_be_undone():
    ruled = rulings.name(rulings.rule(talk(), [0], "B"), range(12), "A", "Ann")
    made, _ = carried(ruled, talk())
    for left in range(len(rulings.acts(made)), 0, -1):
        undone = rulings.undo(made)
        assert undone != made
        assert len(rulings.acts(undone)) == left - 1
        made = undone


def test_a_new_name_reaches_what_was_ruled(tmp_path):
    file = tmp_path / "call.json"
    given = talk(names=("A", "B", "C"))
    words.write(rulings.merge(given, range(12), "C", "B"), file)
    options = ["--to", "words", "--rename", "B=Ann"]
    assert cli.main(["convert", str(file), "-o", str(tmp_path / "ann.json"), *options]) == 0
    corrected = correct(words.read(tmp_path / "ann.json"), corrector="hmm")
    assert {word["speaker"] for word in corrected} <= {"A", "Ann"}


def test_who_is_one_is_not_forgotten_among_many_rulings():
    made = rulings.merge(talk(names=("A", "B", "C")), range(12), "C", "B")
    place = next(i for i, word in enumerate(made) if word.get("rulings"))
    for number in range(40):
        made = rulings.rule(made, [place], "AB"[number % 2])
    assert "C" in rulings.merges(made)


def test_a_merge_that_the_page_took_back_is_none_any_more():
    given = talk(names=("A", "B", "C"))
    joined = rulings.merge(given, range(12), "C", "B")
    was = [word["speaker"] for word in given]
    edits = {"speakers": was, "reviewed": [], "renamed": {}, "texts": {}}
    assert rulings.merges(joined) == {"C": "B"}
    assert rulings.merges(review_edits.apply(joined, range(12), edits)) == {}


def test_a_first_pass_that_is_no_name_is_no_traceback():
    odd = [word | {"first_pass_speaker": ["A"]} for word in talk()]
    assert len(rulings.name(odd, range(12), "A", "Ann")) == 12
