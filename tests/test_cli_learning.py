"""`seal simulate` and `seal train` from the command line."""

import json

import pytest

from seal import words
from seal.cli import main
from seal.files import write_text
from seal.llm import model
from seal.training import ag_lsec
from tiny import tiny_encoder, tiny_model


@pytest.fixture
def reference(tmp_path):
    """A conversation of two, in a folder as `seal prepare` makes it."""
    spoken = [
        {
            "session_id": "call",
            "speaker": "AB"[i // 6 % 2],
            "words": ["so", "well", "yes", "no", "then"][i % 5],
            "start_time": i * 0.4,
            "end_time": i * 0.4 + 0.3,
        }
        for i in range(300)
    ]
    words.write(spoken, tmp_path / "corpus" / "call.json")
    write_text("call\n", tmp_path / "corpus" / "train.txt")
    return tmp_path / "corpus" / "call.json"


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_simulation_makes_a_scored_first_pass_and_its_oracle(reference, tmp_path):
    for out in ("one", "two"):
        assert not run(
            "simulate", reference, "-o", tmp_path / f"{out}.json", "--severity", 2,
            "--oracle", tmp_path / f"{out}.oracle.json", "--seed", 3,
        )  # fmt: skip
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    first, true = words.read(tmp_path / "one.json"), words.read(tmp_path / "one.oracle.json")
    assert all(set(word["speaker_scores"]) == {"A", "B"} for word in first)
    assert [w | {"speaker": ""} for w in first] == [w | {"speaker": ""} for w in true]
    assert [w["speaker"] for w in first] != [w["speaker"] for w in true]


def test_a_simulation_that_cannot_be_is_refused(reference, tmp_path, capsys):
    assert run("simulate", reference, "-o", tmp_path / "x.json", "--severity", 0) == 2
    assert run("simulate", tmp_path / "none.json", "-o", tmp_path / "x.json") == 2
    assert not (tmp_path / "x.json").exists()
    assert capsys.readouterr().err.count("\n") == 2


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").open()]


@pytest.mark.slow
def test_both_correctors_train_from_a_prepared_folder(reference, tmp_path, monkeypatch):
    def load(*_):
        tiny_model.cache_clear()
        import torch

        return tiny_model(3, torch.float32)

    monkeypatch.setattr(model, "load", load)
    monkeypatch.setattr(ag_lsec, "load_encoder", tiny_encoder)
    assert not run("train", reference.parent, "-o", tmp_path / "adapter", "--chunks", 8)
    assert not run(
        "train", reference.parent, "-o", tmp_path / "ag", "--corrector", "ag-lsec", "--steps", 2
    )
    assert len(losses(tmp_path / "adapter")) == 2
    assert len(losses(tmp_path / "ag")) == 2
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    assert (tmp_path / "ag" / "model.safetensors").is_file()


def test_training_wants_prepared_folders(reference, tmp_path, capsys):
    assert run("train", tmp_path, "-o", tmp_path / "out") == 2
    assert "seal prepare" in capsys.readouterr().err
    assert run("train", reference.parent, "-o", reference) == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.models
def test_tuning_writes_what_an_adapter_reads(reference, tmp_path, capsys):
    write_text("call\n", reference.parent / "dev.txt")
    out = tmp_path / "seal.json"
    assert not run("tune", reference.parent, "-o", out, "--corrector", "ag-lsec", "--words", 120)
    settings = json.loads(out.read_text())
    table = capsys.readouterr().out.splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    for scored, kind in (("yes", "scores"), ("no", "no_scores")):
        tried = {float(row[2]): float(row[3]) for row in rows if row[0] == scored}
        assert tried[settings["margins"][kind]] == min(tried.values())


@pytest.mark.models
def test_tuning_takes_real_first_passes_and_refuses_what_is_missing(reference, tmp_path, capsys):
    write_text("call\n", reference.parent / "dev.txt")
    first = tmp_path / "first"
    assert not run("simulate", reference, "-o", f"{first}/", "--seed", 1)
    out = tmp_path / "seal.json"
    arguments = ("tune", reference.parent, "-o", out, "--corrector", "ag-lsec", "--words", 60)
    assert not run(*arguments, "--first-pass", first)
    out.unlink()
    assert run(*arguments, "--first-pass", tmp_path) == 2
    assert "call.json" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--steps", "5"], "--steps: is of"),
        (["--corrector", "ag-lsec", "--chunks", "5"], "--chunks"),
    ],
)
def test_lengths_of_another_corrector_are_refused(options, told, tmp_path, capsys):
    assert main(["train", str(tmp_path), "-o", str(tmp_path / "run"), *options]) == 2
    assert told in capsys.readouterr().err and not (tmp_path / "run").exists()
