"""Words that are known already under speakers that are found anew."""

import json

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import seal
from seal import demo, pipeline
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.regroup import OURS, regrouped, renamed
from seal.cli import main
from seal.errors import Notice, SealError

CHANGED = {"speaker", "speaker_scores", *OURS}


def diarized_twice():
    """Words as (speaker before, new speaker, seconds, other keys), to be given to `transcripts`."""
    more = st.sampled_from(
        [
            {},
            {"reviewed": True},
            {"reviewed": False},
            {"first_pass_speaker": "B", "speaker_confidence": 0.4},
            {"reviewed": True, "first_pass_speaker": "A", "speaker_confidence": 1.0},
        ]
    )
    old, new = st.sampled_from(["A", "Ann", "Bob"]), st.sampled_from("ABC")
    one = st.tuples(old, new, st.sampled_from([0.0, 0.3]), more)
    return st.lists(one, min_size=1, max_size=12).map(transcripts)


def transcripts(drawn):
    """A transcript, and the same words under other speakers."""
    before, found = [], []
    for index, (old, new, seconds, more) in enumerate(drawn):
        one = said(old, 0.5 * index, 0.5 * index + seconds, ruling={"by": "somebody"}, **more)
        before.append(one)
        scores = dict.fromkeys("ABC", 0.3)
        found.append({**one, "speaker": new, "speaker_scores": scores})
    return before, found


def said(speaker, start, end, **more):
    times = {"start_time": start, "end_time": end}
    return {"session_id": "call", "speaker": speaker, "words": "so"} | times | more


def under(words, speakers):
    scores = dict.fromkeys(sorted(set(speakers)), 0.5)
    return [
        {**one, "speaker": who, "speaker_scores": scores}
        for one, who in zip(words, speakers, strict=True)
    ]


@given(diarized_twice())
def test_words_and_what_was_decided_stay_and_every_speaker_has_a_score(drawn):
    before, found = drawn
    result, line = regrouped(before, found)
    assert "\n" not in line
    names = {one["speaker"] for one in result}
    for old, new in zip(before, result, strict=True):
        assert {k: v for k, v in old.items() if k not in CHANGED} == {
            k: v for k, v in new.items() if k not in CHANGED
        }
        assert not new.keys() & set(OURS)
        if old.get("reviewed") is True:
            assert new["speaker"] == old["speaker"]
        assert names <= new["speaker_scores"].keys()
    again, _ = regrouped(result, result)
    assert again == result


@given(diarized_twice())
def test_two_voices_never_share_a_name(drawn):
    before, found = drawn
    called = renamed(before, found)
    assert len(set(called.values())) == len(called) == 3


def test_names_go_with_the_voices_and_a_decision_counts_for_more():
    before = [said("Ann", 0, 3), said("Bob", 3, 4, reviewed=True), said("Ann", 4, 5)]
    result, line = regrouped(before, under(before, ["B", "A", "A"]))
    assert [one["speaker"] for one in result] == ["Ann", "Bob", "Bob"]
    assert line == "2 speakers (Ann, Bob), 2 before; 1 reviewed word as decided"
    result, line = regrouped(before, under(before, ["A", "A", "A"]))
    assert [one["speaker"] for one in result] == ["Bob", "Bob", "Bob"]
    assert line == "1 speaker (Bob), 2 before; 1 reviewed word as decided"
    more = [*before, said("Ann", 6, 7, reviewed=True)]
    result, line = regrouped(more, under(more, "AAAA"))
    assert [one["speaker"] for one in result] == ["Ann", "Bob", "Ann", "Ann"]
    assert line.endswith("; 2 reviewed words as decided, though no voice was found for Bob")
    assert result[0]["speaker_scores"] == {"Ann": 0.5, "Bob": 0.0}
    result, _ = regrouped(before, under(before, ["A", "B", "C"]))
    assert [one["speaker"] for one in result] == ["Ann", "Bob", "C"]


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "call.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 16000 * 6), 16000)
    return path


@pytest.fixture
def heard(monkeypatch):
    """A first pass of as many voices as asked for, one after the other; no recogniser is called."""
    asked = []

    def first_pass(path, speakers=None, progress=None, eend=None, at_least=1, at_most=None):
        asked.append((speakers, at_least, at_most))
        columns = speakers or at_least
        frames = np.zeros((350, columns), dtype=np.float32)
        for index in range(columns):
            frames[index * 350 // columns : (index + 1) * 350 // columns, index] = 0.95
        return Posteriors(frames)

    def recognise(*_, **__):
        raise AssertionError("the words are known")

    monkeypatch.setattr(pipeline, "first_pass", first_pass)
    monkeypatch.setattr(pipeline.speech, "recognise", recognise)
    return asked


WORDS = """[
{"session_id": "monday", "speaker": "Ann", "words": "Oh, well", "start_time": 0.10, "end_time": 1e0,
 "mine": [1.50, {"deep": 2e1}], "first_pass_speaker": "X", "speaker_confidence": 0.5},
{"session_id": "monday", "speaker": "Bob", "words": "yes", "start_time": 2.50, "end_time": 3.00,
 "reviewed": true, "ruling": {"why": "asked"}},
{"session_id": "monday", "speaker": "Ann", "words": "no", "start_time": 5.0, "end_time": 5.5}
]"""


def test_the_count_changes_and_words_times_and_unknown_keys_stay_to_the_byte(
    recording, heard, tmp_path, capsys
):
    path = tmp_path / "call.json"
    path.write_text(WORDS)
    command = ["transcribe", str(recording), "--words", str(path), "-o", str(path)]
    command += ["--speakers", "3", "--no-correct"]
    assert main(command) == 0
    assert heard == [(3, 1, None)]
    text = path.read_text()
    found = json.loads(text)
    assert [one["speaker"] for one in found] == ["Ann", "Bob", "C"]
    assert '"words": "Oh, well", "start_time": 0.10, "end_time": 1e0' in text
    assert '"mine": [1.50, {"deep": 2e1}]' in text
    assert '"reviewed": true, "ruling": {"why": "asked"}' in text
    assert {one["session_id"] for one in found} == {"monday"}
    assert "first_pass_speaker" not in text
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        f"seal: {recording}: 3 speakers (Ann, Bob, C), 2 before; 1 reviewed word as decided"
    )
    assert "before: call.json.bak" in lines[1] or "(before: " in lines[1]  # a person worked on it
    assert main(command) == 0
    assert path.read_text() == text  # a second time changes nothing


def test_the_number_is_found_between_two_bounds_and_speakers_goes_before_them(
    recording, heard, tmp_path
):
    path, out = tmp_path / "call.json", tmp_path / "out.json"
    path.write_text(WORDS)
    command = ["transcribe", str(recording), "--words", str(path), "-o", str(out), "--no-correct"]
    bounds = ["--min-speakers", "2", "--max-speakers", "4"]
    assert main([*command, *bounds]) == 0
    assert main([*command, *bounds, "--speakers", "1"]) == 0
    assert [asked[:1] if asked[0] else asked for asked in heard] == [(None, 2, 4), (1,)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--words none.json", "--words: there is no none.json"),
        ("--words {words} --asr tiny", "--asr: recognises words, which --words has"),
        ("--words {words} --language nl", "--language: is for the recognition of words, which"),
        ("--min-speakers 3 --max-speakers 2", "--min-speakers: 3 are more than --max-speakers, 2"),
        ("--max-speakers 2 --posteriors pyannote", "--max-speakers: is for seal's own first pass"),
        ("--channels split --posteriors pyannote", "--channels split: is for seal's own"),
        ("--channels split --words {words}", "has one channel, so nothing to split"),
        ("--words {two}", "--words: has 2 conversations (monday, tuesday, …)"),
        ("--words {late}", "ends after 6 s, but words begin at 50 s; is it their recording?"),
        ("--words {recording}", "not a JSON text in UTF-8"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    recording, heard, tmp_path, capsys, options, told
):
    files = {name: tmp_path / f"{name}.json" for name in ("words", "two", "late")}
    for path in files.values():
        path.write_text(WORDS)
    files["two"].write_text("tuesday".join(WORDS.rsplit("monday", 1)))
    files["late"].write_text(WORDS.replace("5.0,", "50,").replace("5.5}", "51}"))
    out = tmp_path / "out.json"
    words = options.format(**files, recording=recording).split()
    assert main(["transcribe", str(recording), "-o", str(out), "--no-correct", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line and not out.exists()


def test_words_for_several_recordings_are_in_a_folder(recording, heard, tmp_path, capsys):
    other = tmp_path / "other.wav"
    other.write_bytes(recording.read_bytes())
    (tmp_path / "words").mkdir()
    for name in ("call", "other"):
        (tmp_path / "words" / f"{name}.json").write_text(WORDS)
    inputs = ["transcribe", str(recording), str(other), "-o", f"{tmp_path}/out/", "--no-correct"]
    one = str(tmp_path / "words" / "call.json")
    assert main([*inputs, "--words", one]) == 2
    assert "is of one recording; name a folder" in capsys.readouterr().err
    assert main([*inputs, "--words", str(tmp_path / "words")]) == 0
    assert len(seal.read(tmp_path / "out" / "other.json")) == 3
    assert main([*inputs, "--words", str(tmp_path / "words")]) == 0
    assert "2 of 2 are finished" in capsys.readouterr().err
    (tmp_path / "words" / "other.json").write_text(WORDS + "\n")
    assert main([*inputs, "--words", str(tmp_path / "words")]) == 0
    assert "1 of 2 are finished" in capsys.readouterr().err


def test_python_takes_words_as_well(recording, heard):
    known = json.loads(WORDS)
    with pytest.warns(Notice, match="2 speakers"):
        found = seal.transcribe(recording, words=known, speakers=2, correct=False)
    assert [one["words"] for one in found] == ["Oh, well", "yes", "no"]
    assert seal.transcribe(recording, words=[], correct=False) == []
    with pytest.raises(SealError, match="--max-speakers: a recording has 1 speaker or more"):
        seal.transcribe(recording, max_speakers=0)


@pytest.mark.models
def test_known_words_of_the_demo_get_its_speakers(beginning):
    reference = [w for w in seal.read(demo.REFERENCE) if w["end_time"] < 12]
    blind = [{**one, "speaker": "A"} for one in reference]
    found = seal.transcribe(beginning, words=blind, speakers=2, correct=False)
    assert seal.score(reference, found).delta_cp < 0.15
