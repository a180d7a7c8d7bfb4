"""The yardstick: lists that share nothing, the same sets every time, meeteval's own measures.

What reads the corpora themselves is skipped where they are not at hand.
"""

import json
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from layouts import textgrid_file
from seal import words
from seal.bench import Outcome
from seal.bench.build import PLANS, build
from seal.bench.diarised import matched, transferred
from seal.bench.positions import PLACES
from seal.bench.rivals import by_unit, smoothed
from seal.bench.sets import read_set
from seal.bench.statistics import by_conversation
from seal.cli import main
from seal.corpora import splits
from seal.errors import SealError
from seal.scoring import Score, score, whisper_normaliser
from seal.training.recogniser import inside, recognised

DATA = Path(__file__).parents[2] / "shared" / "data"
PARTS = ("train", "dev", "test")


def needs(folder: str) -> pytest.MarkDecorator:
    """Skip where the open corpora are not beside the project."""
    return pytest.mark.skipif(
        not (DATA / folder).exists(), reason=f"needs ../shared/data/{folder}, which is not here"
    )


def assert_apart(parts: dict[str, set[str]]) -> None:
    for one, other in combinations(parts, 2):
        assert not parts[one] & parts[other], f"{one} and {other} share something"


def test_lists_share_no_recording_and_no_doctor() -> None:
    for corpus in ("ami", "callhome", "rt03", "fisher"):
        assert_apart({part: set(splits.listed(corpus, part)) for part in PARTS})
    known = splits.PRIMOCK57_UNREAD | splits.PRIMOCK57_TUNED | splits.REAL_CALLS
    assert known >= splits.REAL_CALLS and not splits.PRIMOCK57_UNREAD & splits.PRIMOCK57_TUNED
    assert all(splits.split("primock57", name) == "test" for name in splits.REAL_CALLS)
    every = {*known, *splits.PRIMOCK57_DEV}
    doctors = {part: {splits.primock57_doctor(name) for name in every
                      if splits.split("primock57", name) == part} for part in PARTS}  # fmt: skip
    assert_apart(doctors)
    assert not doctors["train"] and doctors["dev"] == {"Kumar", "Joe"}
    assert_apart({"dev": set(splits.CABNC_DEV), "test": set(splits.CABNC_TEST)})


@needs("ami/corpusResources/meetings.xml")
def test_amis_lists_share_no_speaker() -> None:
    people: dict[str, set[str]] = {part: set() for part in PARTS}
    meetings = {path.name.split(".")[0] for path in (DATA / "ami" / "words").glob("*.xml")}
    for meeting in ElementTree.parse(DATA / "ami/corpusResources/meetings.xml").iter("meeting"):
        if (name := meeting.get("observation", "")) in meetings:
            who = {speaker.get("global_name", "") for speaker in meeting.iter("speaker")}
            people.setdefault(splits.split("ami", name), set()).update(who)
    assert people.pop("unused") and all(people.values())
    assert_apart(people)


@needs("cabnc")
def test_cabncs_lists_share_no_speaker() -> None:
    people: dict[str, set[str]] = {part: set() for part in PARTS}
    for path in (DATA / "cabnc").glob("K*/*.cha"):
        head = path.read_text(encoding="utf-8").split("\n*")[0]
        who = {line.split("|")[2] for line in head.split("\n") if line.startswith("@ID:")}
        people[splits.split("cabnc", path.stem)] |= who
    assert all(people.values())
    assert_apart(people)


@needs("primock57")
def test_every_consultation_has_one_doctor() -> None:
    names = {path.stem.rsplit("_", 1)[0] for path in (DATA / "primock57").glob("*/*.TextGrid")}
    assert len(names) == 40 and names >= splits.REAL_CALLS | splits.PRIMOCK57_DEV
    assert_apart({part: {splits.primock57_doctor(name) for name in names
                         if splits.split("primock57", name) == part}
                  for part in PARTS})  # fmt: skip
    parts = [splits.split("primock57", name) for name in sorted(names)]
    assert (parts.count("train"), parts.count("dev"), parts.count("test")) == (0, 4, 36)


def told(texts: str, speakers: str, gap: float = 0.3) -> list[words.Word]:
    """Words one after another, a letter of `speakers` for each."""
    return [
        {"session_id": "call", "speaker": who, "words": text, "start_time": gap * place,
         "end_time": gap * place + 0.25}
        for place, (text, who) in enumerate(zip(texts.split(), speakers, strict=True))
    ]  # fmt: skip


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """PriMock57 with one consultation, and two diarizers' turns of it."""
    data = tmp_path / "data"
    lines = {"doctor": [(k, k + 1.5, "how are you ?") for k in range(0, 60, 3)],
             "patient": [(k + 1.4, k + 2.9, "not so well .") for k in range(0, 60, 3)]}  # fmt: skip
    for party, said in lines.items():
        file = data / "primock57" / "transcripts" / f"day1_consultation05_{party}.TextGrid"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textgrid_file({party: said}), encoding="utf-8")
    for diarizer, late in (("clean", 0.0), ("slow", 0.6)):
        file = data / "real_firstpass" / "primock57" / diarizer / "day1_consultation05.txt"
        file.parent.mkdir(parents=True)
        turns = [f"{k + late} {k + 1.45 + late} {k % 2}\n" for k in range(60)]
        file.write_text("".join(turns), encoding="utf-8")
    return data


def test_the_same_set_comes_out_every_time(corpora: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        assert build(corpora, folder, ["real-calls"]) == {"real-calls": 2}
    made = [{p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.json")}
            for folder in folders]  # fmt: skip
    assert made[0] == made[1] and len(made[0]) == 5
    before = {path: path.stat().st_mtime_ns for path in folders[0].rglob("*.*")}
    build(corpora, folders[0], ["real-calls"])
    assert before == {path: path.stat().st_mtime_ns for path in folders[0].rglob("*.*")}
    clean, slow = read_set(folders[0] / "real-calls")
    assert (clean.group, slow.group) == ("clean", "slow")
    heard = [[{**word, "speaker": ""} for word in one.first] for one in (clean, slow)]
    assert heard[0] == heard[1]  # one draw of words for all diarizers
    assert 60 < len(clean.first) < len(clean.reference)
    wrong = [sum(word["speaker"] != who for word, who in zip(one.first, one.true, strict=True))
             for one in (clean, slow)]  # fmt: skip
    assert wrong[0] < wrong[1]


def test_only_sets_whose_corpora_are_there_are_made(corpora: Path, tmp_path: Path) -> None:
    with pytest.raises(SealError, match="ami_test: there is no such folder; real-meetings is"):
        build(corpora, tmp_path / "sets", ["real-meetings"])
    with pytest.raises(SealError, match="there is no real-call; one of real-calls"):
        build(corpora, tmp_path / "sets", ["real-call"])
    assert set(PLANS) == set(splits.USES)


def test_a_set_of_ones_own_is_benched_with_the_same_command(
    corpora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several diarizers' first passes, from `seal bench sets` or put there by hand."""
    sets = tmp_path / "sets"
    assert main(["bench", "sets", str(corpora), "-o", str(sets), "--set", "real-calls"]) == 0
    assert capsys.readouterr().out == "real-calls: 2 recordings (test)\n"
    (sets / "real-calls").rename(sets / "mine")
    for part in ("oracle", "made"):  # as they come from elsewhere
        for path in sorted((sets / "mine" / part).rglob("*.*")):
            path.unlink()
    command = ["bench", "--sets", str(sets / "mine"), "--system", "hmm", "--system", "smoothing"]
    assert main([*command, "-o", str(tmp_path / "report")]) == 0
    shown = capsys.readouterr().out
    for part in ("## mine\n", "## mine, clean\n", "## mine, slow\n", "| smoothing over pauses |"):
        assert part in shown
    figures = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    row = figures["mine"]["systems"][1]
    assert row["recordings"] == 2 and row["tcpwer"] >= row["cpwer"] >= row["di_cpwer"] > 0
    assert row["repaired"] == sum(place[2] for place in row["wrong"].values())


def test_measures_are_meetevals() -> None:
    """As its own functions for whole files give them, with what they do by default."""
    pytest.importorskip("meeteval")
    import meeteval

    rng = np.random.default_rng(3)
    texts = rng.choice(["yes", "no", "well", "so", "then"], 120)
    reference = told(" ".join(texts), "".join(rng.choice(list("AB"), 120)))
    hypothesis = [
        {**word, "speaker": str(rng.choice(list("XYZ"))), "start_time": word["start_time"] + late,
         "end_time": word["end_time"] + late}
        for word in reference
        if rng.random() < 0.9
        for late in [float(rng.choice([0.0, 0.1, 9.0], p=[0.8, 0.15, 0.05]))]
    ]  # fmt: skip
    hypothesis.sort(key=lambda word: word["start_time"])
    found = score(reference, hypothesis, timed=True)
    turns: list[words.Word] = []
    for word in hypothesis:
        if turns and turns[-1]["speaker"] == word["speaker"]:
            turns[-1]["words"] += " " + word["words"]
            turns[-1]["end_time"] = max(turns[-1]["end_time"], word["end_time"])
        else:
            turns.append(dict(word))
    sides = (("ref", reference), ("hyp", hypothesis), ("turns", turns))
    files = {name: meeteval.io.SegLST(side) for name, side in sides}
    cp = meeteval.wer.cpwer(files["ref"], files["hyp"])["call"]
    tcp = meeteval.wer.tcpwer(files["ref"], files["hyp"], collar=5)["call"]
    di = meeteval.wer.greedy_dicpwer(files["ref"], files["turns"])["call"]
    assert (found.cp_errors, found.tcp_errors) == (cp.errors, tcp.errors)
    assert (found.di_cp_errors, found.words) == (di.errors, di.length)
    assert found.tcp_errors > found.cp_errors > found.di_cp_errors


def test_the_other_normaliser_leaves_fillers_out() -> None:
    pytest.importorskip("transformers")
    reference, hypothesis = told("um I don't know", "AAAA"), told("I do not know", "AAAA")
    assert score(reference, hypothesis).errors > 0
    assert score(reference, hypothesis, normaliser=whisper_normaliser()).errors == 0


def test_a_recogniser_of_one_channel_loses_what_is_talked_over() -> None:
    reference = told("a b " * 2000, "AB" * 2000, gap=0.2)  # each begins inside the one before
    assert sum(inside(reference)) == 3999
    heard = recognised(reference, np.random.default_rng(0))
    lost = 1 - len(heard) / len(reference)
    assert lost == pytest.approx(0.45 + 0.55 * 0.08 * 0.4, abs=0.03)
    assert [word["start_time"] for word in heard] == sorted(w["start_time"] for w in heard)
    apart = told("a b " * 2000, "AB" * 2000)
    assert not any(inside(apart))
    assert len(recognised(apart, np.random.default_rng(0))) > 0.95 * len(apart)


def test_a_speaker_who_was_not_found_is_wrong_everywhere() -> None:
    assert matched(list("aabbcc"), list("XXYYYY")) == ["X", "X", "Y", "Y", "(c)", "(c)"]
    assert matched(list("aaab"), list("XXXY")) == ["X", "X", "X", "Y"]
    reference, first = told("one two three four", "aabb"), told("one two tree more four", "XXYYY")
    assert transferred(reference, first) == ["X", "X", "Y", "Y", "Y"]


def test_rivals_do_what_they_say() -> None:
    talk = told("so I think. Yes. and then we went", "AABABBBB")
    assert smoothed(talk) == list("AAAABBBB")
    assert by_unit(talk) == list("AAAABBBB")
    apart = [{**word, "start_time": 2 * k, "end_time": 2 * k + 1} for k, word in enumerate(talk)]
    assert smoothed(apart) == by_unit(apart) == list("AABABBBB")


def test_several_first_passes_of_a_conversation_are_one_draw() -> None:
    scores = [Score(10, 0, 1), Score(10, 0, 2), Score(10, 0, 4)]
    found = by_conversation(["one", "two", "one"], scores)
    assert [one.cp_errors for one in found] == [5, 2]


def test_a_page_gets_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the marks, again and again; what was not measured stays."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import real

    page = tmp_path / "page.md"
    page.write_text(
        "a\n<!-- table: one -->\nold\n<!-- end -->\nb\n<!-- table: two -->\n<!-- end -->\n"
    )
    for text in ("| new |\n", "| newer |\n| two lines |\n"):
        real.fill(page, {"one": text})
        filled = (
            f"a\n<!-- table: one -->\n{text}<!-- end -->\nb\n<!-- table: two -->\n<!-- end -->\n"
        )
        assert page.read_text() == filled
    before, after = Score(100, 10, 30, 90, 9, 31, 12), Score(100, 10, 20, 90, 5, 22, 12)
    wrong = {place: [25, 5, 0, 0] for place in PLACES}
    right = {place: [25, 3, 2, 0] for place in PLACES}
    found = {
        "first pass": [Outcome(before, "call", "a", wrong=wrong, people=(2, 2))],
        "best (default)": [Outcome(after, "call", "a", repaired=8, wrong=right, people=(2, 2))],
    }
    texts = real.tables({"real-meetings": found})
    row = "| best (default) | 10.00 | 20.00 | 10.00 | −50.0 % (−50 to −50) | 8 | 0 | 0 of 1 |"
    assert f"{row} +2 −0 | +6 −0 | −40 % |" in texts["real-meetings"]
    assert "2 speakers, all found" in texts["real-meetings-speakers"]


def test_readers_are_laid_over_each_other_and_told_by_each_alone(tmp_path, monkeypatch):
    """The reference is what is heard of each alone; the sound of both lies beside."""
    import soundfile

    from seal.bench import voiced

    rng = np.random.default_rng(0)
    voices = [np.sin(np.arange(16000 * n) / n).astype(np.float32) for n in (1, 2, 3)]
    heard = []

    def transcribe(path: Path, correct: bool) -> list[dict]:
        sound, rate = soundfile.read(path)
        heard.append(sound)
        who = len(heard)
        return [
            {"session_id": path.stem, "words": f"w{who % 3}{second}", "speaker": "A",
             "start_time": float(second), "end_time": second + 0.5}
            for second in range(len(sound) // rate)
        ]  # fmt: skip

    monkeypatch.setattr(voiced, "transcribe", transcribe)
    reference, first, true = voiced.readers(voices, rng, tmp_path / "audio" / "pair.flac")
    one, other, both = heard
    assert len(one) == len(other) == len(both)  # the shorter one is followed by silence
    assert np.allclose(one + other, both, atol=1e-3)
    assert {word["speaker"] for word in reference} == {"1", "2"}
    assert {word["session_id"] for word in [*reference, *first]} == {"pair"}
    assert reference == sorted(reference, key=lambda word: word["start_time"])
    assert len(first) == len(true)
