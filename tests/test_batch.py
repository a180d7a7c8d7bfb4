"""Many inputs: the same bytes whoever does them, nothing lost and nothing done twice over, and one
bad input or dead worker stops no other. The corrector is one without a model."""

import csv
import dataclasses
import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seal import cli, words
from seal.batch.inputs import inputs_of
from seal.batch.pool import FileJob, Group, cores_per_worker, grouped, in_pool, in_sequence
from seal.errors import SealError
from seal.files import sweep, write_text

HMM = ["--corrector", "hmm"]
ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray")


def conversation(name: str, length: int = 40) -> list[words.Word]:
    rng = random.Random(name)
    return [
        {
            "session_id": name,
            "speaker": rng.choice("AB"),
            "words": rng.choice(["yes", "no", "well", "then"]),
            "start_time": index * 0.5,
            "end_time": index * 0.5 + 0.25,
            "speaker_scores": {"A": round(rng.random(), 3), "B": round(rng.random(), 3)},
        }
        for index in range(length)
    ]


def make_calls(folder: Path, count: int, length: int = 40) -> Path:
    folder.mkdir()
    for number in range(count):
        words.write(conversation(f"call-{number:03}", length), folder / f"call-{number:03}.json")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the folder but the hidden list of what is finished."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".seal.jsonl"}


def correct(*arguments: object) -> int:
    return cli.main(["correct", *HMM, *map(str, arguments)])


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return make_calls(tmp_path / "calls", 7)


@pytest.fixture
def expected(calls: Path, tmp_path: Path) -> dict[str, bytes]:
    """What each gives when it is corrected alone."""
    for path in sorted(calls.iterdir()):
        assert correct(path, "-o", tmp_path / "alone" / path.name) == 0
    return contents(tmp_path / "alone")


# --- which inputs, and who does them ----------------------------------------------------------


def test_a_folder_a_glob_a_manifest_and_names_are_the_same(calls, expected, tmp_path):
    names = sorted(calls.iterdir())
    (tmp_path / "list.txt").write_text("\n".join(map(str, names)) + "\n\n", encoding="utf-8")
    for number, inputs in enumerate(
        ([calls], [calls / "*.json"], ["--manifest", tmp_path / "list.txt"], names)
    ):
        assert correct(*inputs, "-o", tmp_path / f"out{number}") == 0
        assert contents(tmp_path / f"out{number}") == expected


def test_what_names_several_means_a_folder_even_if_it_is_one(tmp_path):
    folder = make_calls(tmp_path / "one", 1)
    (folder / ".hidden.json").write_text("[]")
    (folder / "notes.txt").write_text("no transcript")
    assert inputs_of([folder], None, (".json",)) == ([folder / "call-000.json"], True)
    assert inputs_of([folder / "call*"], None, (".json",))[1]
    assert not inputs_of([folder / "call-000.json"], None, (".json",))[1]
    assert correct(folder, "-o", tmp_path / "out") == 0
    assert list(contents(tmp_path / "out")) == ["call-000.json"]


def test_a_name_that_looks_like_a_glob_is_a_name(tmp_path):
    (tmp_path / "a[1].json").write_text("[]")
    assert inputs_of([tmp_path / "a[1].json"], None, ())[0] == [tmp_path / "a[1].json"]


def test_where_there_is_no_input_that_is_said_before_any_work(tmp_path, capsys):
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "folder").mkdir()
    for inputs in (
        [],
        [tmp_path / "folder"],
        [tmp_path / "*.json"],
        ["--manifest", tmp_path / "empty.txt"],
        ["--manifest", tmp_path / "none.txt"],
    ):
        assert correct(*inputs, "-o", tmp_path / "out") == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_two_inputs_with_one_target_are_refused_before_any_work(calls, tmp_path, capsys):
    other = make_calls(tmp_path / "other", 1)
    assert correct(calls, other, "-o", tmp_path / "out") == 2
    assert "as would" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_several_are_not_written_over_themselves(calls, capsys):
    before = contents(calls)
    assert correct(calls, "-o", calls) == 2
    assert "elsewhere" in capsys.readouterr().err and contents(calls) == before


@pytest.mark.slow
def test_workers_give_the_same_bytes(calls, expected, tmp_path, capsys):
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        assert correct(calls, "--workers", workers, "--quiet", "-o", out) == 0
        assert contents(out) == expected
    assert capsys.readouterr() == ("", "")


def test_no_worker_is_split_over_two_machines():
    assert cores_per_worker([8], 3) == 2
    assert cores_per_worker([8, 8], 3) == 4
    assert cores_per_worker([2], 5) == 1


# --- a rerun ----------------------------------------------------------------------------------


def test_what_is_finished_is_left_alone(calls, tmp_path, capsys):
    out = tmp_path / "out"
    assert len(redone(calls, out)) == 7
    assert redone(calls, out) == set()
    assert "7 of 7 are finished" in capsys.readouterr().err
    assert len(redone(calls, out, "--again")) == 7


def redone(calls: Path, out: Path, *options: object) -> set[str]:
    """The results that a rerun makes again."""
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("[!.]*")}
    time.sleep(0.02)
    assert correct(calls, "-o", out, *options) == 0
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("[!.]*")}
    return {name for name in after if after[name] != before.get(name)}


def test_what_is_not_as_it_was_is_done_again(calls, tmp_path, capsys):
    out = tmp_path / "out"
    assert len(redone(calls, out)) == 7 and redone(calls, out) == set()
    (out / "call-001.json").unlink()
    (out / "call-002.json").write_text("[")
    words.write(conversation("other"), calls / "call-003.json")
    old = calls / "call-004.json"
    words.write(conversation("older"), old)
    os.utime(old, (1, 1))  # another input, and older than its result
    again = {f"call-00{number}.json" for number in (1, 2, 3, 4)}
    assert redone(calls, out) == again | {"call-002.json.bak"}  # somebody's work, perhaps
    assert (out / "call-002.json.bak").read_text() == "["
    capsys.readouterr()
    assert len(redone(calls, out, "--margin", 3)) == 7
    assert "7 results were made with other options" in capsys.readouterr().err
    one = calls / "call-005.json"
    assert correct(one, "-o", f"{out}/") == 0  # one input: always done, whatever lies there
    assert redone(calls, out, "--margin", 3) == {"call-005.json"}


def test_an_edited_result_is_kept_and_reported(calls, expected, tmp_path, capsys):
    out, one = tmp_path / "out", tmp_path / "out" / "call-002.json"
    assert correct(calls, "-o", out) == 0
    edited = words.read(one)
    edited[3]["speaker"] = "Cleo"
    words.write(edited, one)
    capsys.readouterr()
    for options in ([], ["--margin", 3]):
        assert "call-002.json" not in redone(calls, out, *options)
        assert "edited since they were made, and kept (--again overwrites them): call-002.json" in (
            capsys.readouterr().err
        )
    words.write(conversation("other"), calls / "call-002.json")  # nor for another input
    assert redone(calls, out, "--margin", 3) == set() and words.read(one) == edited
    words.write(conversation("call-002"), calls / "call-002.json")
    assert correct(calls, "-o", out, "--again") == 0
    assert words.read(out / "call-002.json.bak") == edited
    (out / "call-002.json.bak").unlink()
    assert contents(out) == expected and redone(calls, out) == set()
    words.write(edited, one)
    capsys.readouterr()
    assert correct(calls / "call-002.json", "-o", f"{out}/") == 0
    assert (
        "was edited, and is made again; a copy is in call-002.json.bak" in capsys.readouterr().err
    )
    assert words.read(out / "call-002.json.bak") == edited


@pytest.mark.models
def test_neighbours_of_an_edited_result_are_done_with_it(calls, tmp_path):
    def corrected(*options: str) -> int:
        return cli.main(["correct", str(calls), "-o", str(out), "--corrector", "ag-lsec", *options])

    out = tmp_path / "out"
    assert corrected() == 0
    before = contents(out)
    one, edited = out / "call-002.json", words.read(out / "call-002.json")
    edited[3]["speaker"] = "Cleo"
    words.write(edited, one)
    (out / "call-004.json").unlink()
    assert corrected() == 0
    assert words.read(one) == edited
    assert contents(out) == before | {one.name: one.read_bytes()}


def test_what_stands_beside_an_input_or_a_result_counts(tmp_path):
    calls, out = tmp_path / "calls", tmp_path / "out"
    calls.mkdir()
    for name in ("one", "two"):
        line = f"{name} 1 {{start}} 0.4 {{word}} 0.9\n"
        spoken = [line.format(start=index * 0.5, word=f"w{index}") for index in range(8)]
        (calls / f"{name}.ctm").write_text("".join(spoken))
        turn = f"SPEAKER {name} 1 {{start}} 2.0 <NA> <NA> {{who}} <NA> <NA>\n"
        turns = turn.format(start=0.0, who="A") + turn.format(start=2.0, who="B")
        (calls / f"{name}.rttm").write_text(turns)
    both = {"one.ctm", "one.rttm", "one.ctm.seal"}
    assert len(redone(calls, out)) == 6 and redone(calls, out) == set()
    (out / "one.rttm").unlink()
    assert redone(calls, out) == both
    turns = (calls / "one.rttm").read_text()
    (calls / "one.rttm").write_text(turns.replace(" B ", " C "))
    assert redone(calls, out) == both and " C " in (out / "one.rttm").read_text()
    (out / "one.rttm").write_text(turns.replace(" B ", " Cleo "))
    assert redone(calls, out) == set() and " Cleo " in (out / "one.rttm").read_text()


def test_results_of_another_folder_with_the_same_names_are_not_taken_for_ours(calls, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    shutil.copytree(calls, other)
    assert len(redone(calls, out)) == 7
    assert len(redone(other, out)) == 7


def test_an_adapter_that_was_trained_again_is_another(tmp_path):
    from seal.batch.ledger import made_by
    from seal.batch.tasks import Correct

    (tmp_path / "seal.json").write_text("{}")
    task = Correct({"model": None, "adapter": str(tmp_path)})
    before = made_by(task, task.models())
    assert made_by(task, task.models()) == before
    (tmp_path / "seal.json").write_text('{"margins": {}}')
    assert made_by(task, task.models()) != before


def test_a_damaged_list_of_what_is_finished_costs_time_only(calls, expected, tmp_path):
    out = tmp_path / "out"
    assert correct(calls, "-o", out) == 0
    lines = (out / ".seal.jsonl").read_bytes()
    (out / ".seal.jsonl").write_bytes(lines[:-30] + b"\n[1]\n{}\n\xff\n")
    assert redone(calls, out) == {"call-006.json"} and redone(calls, out) == set()
    assert contents(out) == expected


ODD = [
    {"written": 5},
    {"written": [5]},
    {"written": [[1]]},
    {"written": []},
    {"written": {}},
    {"read": [["a", "b"]]},
    {"read": None},
    {"result": ["x"]},
    {"result": None},
    {"input": 3},
    {"made": {}},
]


@pytest.mark.parametrize("change", [*ODD, "[" * 100_000, '"x"', "null", "NaN"])
def test_an_odd_line_in_the_list_of_what_is_finished_costs_time_only(
    change, tmp_path, capsys, monkeypatch
):
    words.write(conversation("call"), tmp_path / "calls" / "call.json")
    out = tmp_path / "out"
    assert correct(tmp_path / "calls", "-o", out) == 0
    made = contents(out)
    entry = json.loads((out / ".seal.jsonl").read_text())
    odd = change if isinstance(change, str) else json.dumps(entry | change)
    (out / ".seal.jsonl").write_text(odd)
    for again in ([], ["--again"]):
        assert correct(tmp_path / "calls", "-o", out, *again) == 0
    assert "Traceback" not in capsys.readouterr().err and contents(out) == made


def test_scratch_files_of_a_killed_run_are_swept_and_no_others(tmp_path):
    theirs = {".call.json.backup", ".call.json.20260105", ".other.json.abcd_123.seal-part"}
    for name in {".call.json.abcd_123.seal-part", "call.json"} | theirs:
        (tmp_path / name).write_text("")
    sweep([tmp_path / "call.json"])
    assert {path.name for path in tmp_path.iterdir()} == theirs | {"call.json"}


def test_an_unfinished_file_behind_a_link_is_swept(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    target = tmp_path / "call.json"
    target.symlink_to(tmp_path / "real" / "kept.json")
    monkeypatch.setattr(Path, "replace", lambda *_: None)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    write_text("[]", target)  # ends as if it had been killed
    monkeypatch.undo()
    assert len(list((tmp_path / "real").iterdir())) == 1
    sweep([target])
    assert not list((tmp_path / "real").iterdir())


def test_a_backup_is_never_written_over(calls, tmp_path):
    out, one = tmp_path / "out", tmp_path / "out" / "call-002.json"
    assert correct(calls, "-o", out) == 0
    (out / "call-002.json.bak").write_text("somebody's")
    for speaker in ("Cleo", "Dora"):
        words.write([{**word, "speaker": speaker} for word in words.read(one)], one)
        assert correct(calls, "-o", out, "--again") == 0
    assert (out / "call-002.json.bak").read_text() == "somebody's"
    copies = [words.read(out / f"call-002.json.bak{number}")[0]["speaker"] for number in (2, 3)]
    assert copies == ["Cleo", "Dora"]


def test_two_results_that_are_one_file_through_a_link_are_refused(calls, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "call-001.json").symlink_to(out / "call-002.json")
    assert correct(calls, "-o", out) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "call-001.json" in told and "as would" in told
    assert [path.name for path in out.iterdir()] == ["call-001.json"]


# --- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_inputs_are_reported_at_the_end_and_stop_no_other(
    workers, calls, expected, tmp_path, capsys
):
    bad = [calls / "call-002.json", calls / "call-005.json"]
    for path in bad:
        path.write_text("{")
        del expected[path.name]
    manifest = tmp_path / "list.txt"
    paths = [*sorted(calls.iterdir()), tmp_path / "missing.json"]
    manifest.write_text("\n".join(map(str, paths)), encoding="utf-8")
    out = tmp_path / "out"
    assert correct("--manifest", manifest, "--workers", workers, "-o", out) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"seal: {path}: ") for line, path in zip(lines, bad, strict=False)]
    assert len(lines) == 4 and "missing.json" in lines[2]
    assert lines[3].startswith("5 files: ")
    assert contents(out) == expected


def test_bad_inputs_settle_and_retry_tries_them(calls, tmp_path, capsys):
    out, bad = tmp_path / "out", calls / "call-002.json"
    good = bad.read_text()
    bad.write_text("{")
    arguments = [*sorted(calls.iterdir()), calls / "missing.json", "-o", out]
    assert correct(*arguments) == 2
    before = capsys.readouterr().err.splitlines()[:2]
    assert str(bad) in before[0] and "missing.json" in before[1]

    def made() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in out.iterdir()}

    for options, tried in (([], False), (["--retry"], True), ([], False)):
        states = made()
        assert correct(*arguments, *options) == 2
        lines = capsys.readouterr().err.splitlines()
        assert [line for line in lines if "call-002" in line or "missing.json" in line] == before
        assert ("(--retry does)" in lines[-1]) is not tried
        assert (made() != states) is tried  # its neighbours are read with it
    bad.write_text(good)  # what has changed is tried without being asked
    words.write(conversation("missing"), calls / "missing.json")
    assert correct(*arguments) == 0
    assert correct(*arguments) == 0 and "8 of 8 are finished" in capsys.readouterr().err


def test_an_edited_result_of_an_input_that_went_bad_is_still_kept(calls, tmp_path, capsys):
    out, bad = tmp_path / "out", calls / "call-002.json"
    assert correct(calls, "-o", out) == 0
    good = bad.read_text()
    bad.write_text("{")
    assert correct(calls, "-o", out) == 2
    edited = [{**word, "speaker": "Cleo"} for word in words.read(out / bad.name)]
    words.write(edited, out / bad.name)
    bad.write_text(good)
    capsys.readouterr()
    assert correct(calls, "-o", out) == 0
    assert "and kept" in capsys.readouterr().err and words.read(out / bad.name) == edited


def test_a_total_is_told_and_the_report_lists_the_changes_of_all(calls, tmp_path, capsys):
    out, listing = tmp_path / "out", tmp_path / "changes.csv"
    changed = 0
    assert correct(calls, "-o", out, "--report", listing) == 0
    rows = list(csv.DictReader(listing.open(encoding="utf-8")))
    for path in sorted(calls.iterdir()):
        for word in words.read(out / path.name):
            if word["speaker"] != word["first_pass_speaker"]:
                row = rows[changed]
                changed += 1
                told = (row["file"], float(row["time"]), row["word"], row["before"], row["after"])
                expected = (str(path), word["start_time"], word["words"])
                assert told == (*expected, word["first_pass_speaker"], word["speaker"])
                assert float(row["confidence"]) == word["speaker_confidence"]
                assert row["why"] == "scores"
    assert len(rows) == changed > 0
    line = f"7 files: {changed} of 280 words changed → {out}{os.sep}\n"
    assert capsys.readouterr().err == line
    full = listing.read_text(encoding="utf-8")
    (out / "call-003.json").unlink()
    assert correct(calls, "-o", out, "--report", listing) == 0  # with what is finished
    assert listing.read_text(encoding="utf-8") == full
    assert "1 file: " not in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--workers", "2"], ["--corrector", "voice"], ["--on", "paper"]])
def test_options_that_cannot_be_are_refused_in_one_line(more, calls, tmp_path, capsys):
    arguments = [calls, "-o", tmp_path / "out", "--corrector", "best", "--format", "turn", *more]
    assert correct(*arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@dataclasses.dataclass(frozen=True)
class Killing:
    """Writes the input's name, but kills its own process at some, the first `times` times."""

    folder: Path
    at: tuple[str, ...]
    times: int

    def prepare(self) -> None:
        if not self.folder.is_dir():
            raise SealError("no folder")

    def files(self, source, target):
        return [source], [target]

    def __call__(self, source, target, progress=None):
        if source.name in self.at:
            mark = self.folder / f"{source.name}.{time.time_ns()}"
            if len(list(self.folder.glob(f"{source.name}.*"))) < self.times:
                mark.touch()
                (target.parent / f".{target.name}.abcd1234.seal-part").write_text("half")
                os.kill(os.getpid(), signal.SIGKILL)
        write_text(f"{source.name} {os.environ['OMP_NUM_THREADS']}", target)


def killing_jobs(tmp_path: Path, count: int) -> list[FileJob]:
    (tmp_path / "out").mkdir()
    return [FileJob(Path(f"in-{n}"), tmp_path / "out" / f"in-{n}.json") for n in range(count)]


def alone(jobs: list[FileJob]) -> list[Group]:
    return [(job,) for job in jobs]


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_input_tried_once_more(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("seal.batch.pool.cores", lambda: 6)
    jobs = killing_jobs(tmp_path, 8)
    outcomes = list(in_pool(Killing(tmp_path, ("in-2", "in-5"), 1), alone(jobs), 2))
    assert sorted(outcome.job for outcome in outcomes) == sorted(jobs)
    assert not any(outcome.problem for outcome in outcomes)
    assert contents(tmp_path / "out") == {
        job.target.name: f"{job.source} 3".encode() for job in jobs
    }


@pytest.mark.slow
def test_an_input_that_kills_its_worker_twice_is_bad_and_stops_no_other(tmp_path):
    jobs = killing_jobs(tmp_path, 6)
    outcomes = list(in_pool(Killing(tmp_path, ("in-2",), 9), alone(jobs), 2))
    bad = [outcome for outcome in outcomes if outcome.problem]
    assert [outcome.job.source.name for outcome in bad] == ["in-2"]
    assert "killed 2 times (signal 9)" in bad[0].problem
    assert len(outcomes) == 6 and len(list(tmp_path.glob("in-2.*"))) == 2
    assert set(contents(tmp_path / "out")) == {f"in-{n}.json" for n in (0, 1, 3, 4, 5)}


def test_what_cannot_be_prepared_is_refused(tmp_path):
    jobs = killing_jobs(tmp_path, 3)
    task = Killing(tmp_path / "none", (), 0)
    for run in (
        in_pool(task, alone(jobs), 2),
        in_sequence(task, alone(jobs), lambda done, note: None),
    ):
        with pytest.raises(SealError, match="no folder"):
            list(run)
    assert contents(tmp_path / "out") == {}


@dataclasses.dataclass(frozen=True)
class KillingTogether(Killing):
    """The same for inputs that are done together; one called "raises" ends its group."""

    max_batch_bytes: int = 100

    def process_batch(self, jobs, failed, progress=None):
        (self.folder / f"group.{time.time_ns()}").write_text(" ".join(j.source.name for j in jobs))
        for job in jobs:
            if job.source.name == "fails":
                failed(job, SealError("bad"))
            elif job.source.name == "raises":
                raise ValueError
            else:
                self(job.source, job.target)
        return {}


def joint_jobs(tmp_path: Path, sizes: dict[str, int]) -> list[FileJob]:
    (tmp_path / "out").mkdir()
    jobs = [FileJob(tmp_path / name, tmp_path / "out" / f"{name}.json") for name in sizes]
    for job in jobs:
        job.source.write_text("x" * sizes[job.source.name])
    return jobs


def names_of(groups: list[Group]) -> list[str]:
    return ["".join(job.source.name for job in group) for group in groups]


def test_small_inputs_go_together_and_large_ones_alone(tmp_path):
    sizes = {"a": 40, "b": 60, "c": 1, "d": 500, "e": 99, "f": 1, "g": 0, "h": 2}
    jobs = joint_jobs(tmp_path, sizes)
    task = KillingTogether(tmp_path, (), 0)
    assert names_of(grouped(task, jobs)) == ["ab", "c", "d", "efg", "h"]
    assert names_of(grouped(Killing(tmp_path, (), 0), jobs)) == list(sizes)
    assert grouped(task, []) == []
    jobs[1].source.unlink()  # one that is missing is reported by whoever gets it
    assert names_of(grouped(task, jobs)) == ["abc", "d", "efg", "h"]


@pytest.mark.slow
def test_a_group_that_kills_its_workers_is_tried_again_and_then_one_by_one(tmp_path):
    sizes = dict.fromkeys(["a", "b", "c", "d", "e", "f", "fails", "h"], 30)
    jobs = joint_jobs(tmp_path, sizes)
    for times, bad in ((2, []), (9, ["b"])):
        task = KillingTogether(tmp_path, ("b",), times)
        outcomes = list(in_pool(task, grouped(task, jobs), 2))
        assert sorted(outcome.job for outcome in outcomes) == sorted(jobs)
        reported = {o.job.source.name: o.problem for o in outcomes if o.problem}
        assert sorted(reported) == [*bad, "fails"] and reported["fails"].endswith("fails: bad")
        for path in (tmp_path / "out").iterdir():
            assert path.stem not in reported
            path.unlink()
        for path in tmp_path.glob("b.*"):
            path.unlink()
    done = sorted(path.read_text() for path in tmp_path.glob("group.*"))
    assert done == sorted(["a b c", "a b c", "d e f", "fails h"] * 2)


def test_where_a_group_cannot_be_done_together_each_is_done_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    jobs = joint_jobs(tmp_path, dict.fromkeys(["a", "raises", "c"], 30))
    task = KillingTogether(tmp_path, (), 0)
    outcomes = list(in_sequence(task, grouped(task, jobs), lambda done, note: None))
    assert [outcome.job for outcome in outcomes] == jobs
    assert not any(outcome.problem for outcome in outcomes)


@dataclasses.dataclass(frozen=True)
class Stillborn:
    def prepare(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def __call__(self, source, target, progress=None):
        raise AssertionError


@pytest.mark.slow
def test_workers_that_die_as_they_start_end_the_run(tmp_path):
    with pytest.raises(SealError, match="die as they start"):
        list(in_pool(Stillborn(), alone(killing_jobs(tmp_path, 9)), 2))


# --- a network that reads several at once ----------------------------------------------------


@pytest.mark.models
def test_the_network_gives_the_same_bytes_whoever_does_them_and_after_a_rerun(tmp_path, capsys):
    """The real encoder: calls of 40 words go together, some dozen in a group."""
    calls = make_calls(tmp_path / "calls", 60)
    (calls / "call-007.json").write_text("{")

    def run(name: str, *more: str) -> dict[str, bytes]:
        assert cli.main(["correct", str(calls), "-o", str(tmp_path / name), *more]) == 2
        assert "call-007.json" in capsys.readouterr().err
        return contents(tmp_path / name)

    whole = run("whole")
    assert len(whole) == 59
    assert run("pool", "--workers", "2") == whole
    (tmp_path / "pool" / "call-012.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "pool").glob("*.json")}
    assert run("pool") == whole
    again = {path.name for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert 1 <= len(again) < 40  # its group and that of the bad one
    for name in ("call-000.json", "call-033.json"):
        alone = tmp_path / "alone.json"
        assert cli.main(["correct", str(calls / name), "-o", str(alone)]) == 0
        for one, other in zip(
            words.read(alone), words.read(tmp_path / "whole" / name), strict=True
        ):
            assert one["speaker"] == other["speaker"]
            assert abs(one["speaker_confidence"] - other["speaker_confidence"]) < 2e-4


# --- the driver is stopped --------------------------------------------------------------------


def start(calls: Path, out: Path, *options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "seal", "correct", *HMM, calls, "-o", out, *options]
    return subprocess.Popen(
        [str(part) for part in command],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # `make test &` ignores it
    )


def wait_for_results(out: Path, count: int) -> None:
    until = time.monotonic() + 60
    while len(list(out.glob("*.json"))) < count and time.monotonic() < until:
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_was_killed_again_and_again_ends_with_the_same_files(workers, tmp_path):
    calls = make_calls(tmp_path / "calls", 40, length=400)
    assert correct(calls, "-o", tmp_path / "whole") == 0
    expected, out = contents(tmp_path / "whole"), tmp_path / "out"
    rng = random.Random(workers)
    for number in (1, 10, 25):
        run = start(calls, out, "--workers", workers)
        wait_for_results(out, number)
        time.sleep(rng.random() / 20)
        run.kill()
        run.communicate()
        assert all(path.read_bytes() == expected[path.name] for path in out.glob("*.json"))
    assert correct(calls, "--workers", workers, "-o", out) == 0
    time.sleep(0.2)
    assert contents(out) == expected


@pytest.mark.slow
def test_an_interrupt_stops_all_workers_and_leaves_whole_files(tmp_path):
    calls = make_calls(tmp_path / "calls", 200, length=400)  # more than are done before it comes
    out = tmp_path / "out"
    run = start(calls, out, "--workers", 2)
    wait_for_results(out, 5)
    os.killpg(run.pid, signal.SIGINT)  # as the keyboard does: to the whole group
    told = "seal: interrupted; the same command goes on with what is left\n"
    assert run.communicate(timeout=30)[1] == told and run.returncode == 130
    assert 5 <= len(contents(out)) < 200
    for name, text in contents(out).items():
        assert len(json.loads(text)) == 400, name


# --- Ray --------------------------------------------------------------------------------------


@pytest.mark.slow
@ray
def test_on_ray_a_killed_worker_is_replaced_and_its_input_tried_once_more(
    tmp_path, capfd, monkeypatch
):
    from seal.batch.on_ray import check_address, on_ray

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    path = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))  # its workers must find this file
    check_address("ray")
    jobs = joint_jobs(tmp_path, {f"in-{number}": 30 for number in range(12)})
    monkeypatch.setattr("seal.batch.pool.cores", lambda: 2)
    task = KillingTogether(tmp_path, ("in-6",), 4)
    groups = grouped(task, jobs)
    assert len(groups) == 4
    outcomes = list(on_ray(task, groups, 2, "ray"))
    assert sorted(outcome.job for outcome in outcomes) == sorted(jobs)
    bad = [outcome for outcome in outcomes if outcome.problem]
    assert [outcome.job.source.name for outcome in bad] == ["in-6"]
    assert len(list(tmp_path.glob("in-6.*"))) == 4  # twice in its group, twice alone
    sweep([job.target for job in jobs])
    done = {outcome.job.target.name for outcome in outcomes if not outcome.problem}
    assert set(contents(tmp_path / "out")) == done
    assert {text.split()[1] for text in contents(tmp_path / "out").values()} == {b"1"}
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@ray
def test_ray_with_a_worker_killed_half_way_gives_the_same_bytes(tmp_path):
    calls = make_calls(tmp_path / "calls", 40, length=1000)
    (calls / "call-003.json").write_text("{")
    assert correct(calls, "-o", tmp_path / "whole") == 2
    out = tmp_path / "out"
    run = start(calls, out, "--on", "ray", "--workers", 2)
    wait_for_results(out, 10)
    actors = ray_actors(run.pid)
    os.kill(actors[0], signal.SIGKILL)
    _, reported = run.communicate(timeout=120)
    assert len(actors) == 2 and len(list(out.glob("*.json"))) == 39
    assert run.returncode == 2 and len(lines := reported.splitlines()) == 2
    assert "call-003.json" in lines[0] and lines[1].startswith("39 files: ")
    assert contents(out) == contents(tmp_path / "whole")


def ray_actors(driver: int) -> list[int]:
    """The processes that came of `driver` and do the work."""
    parents, titles = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
            titles[int(folder.name)] = (folder / "cmdline").read_text()
        except OSError:
            continue
        parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])

    def descends(pid: int) -> bool:
        return pid == driver or (pid in parents and descends(parents[pid]))

    return [pid for pid, title in titles.items() if "MapWorker" in title and descends(pid)]


@pytest.mark.slow
@ray
def test_a_cluster_that_is_not_there_is_reported_in_one_line(calls, tmp_path, capfd):
    assert correct(calls, "--on", "ray:127.0.0.1:1", "-o", tmp_path / "out") == 2
    reported = capfd.readouterr().err
    assert reported.startswith("seal: --on: no cluster") and reported.count("\n") == 1
