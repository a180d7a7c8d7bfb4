"""What has to hold before a release: python scripts/release_check.py dist   (`make release-check`)

Looks at the wheel and the sdist in the folder: one version everywhere, every file of ours inside,
metadata that a registry takes, a licence for all that is inside. Then it installs the wheel into
an empty environment, tests what the documentation shows and links to, and runs README's examples
on the bundled call. Prints a line for each check; exit status 1 where one fails.
"""

import argparse
import email.parser
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import soundfile
from packaging.metadata import Metadata

import seal
from seal import words
from seal.cli import main as run_seal
from seal.errors import MODELS

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "tests" / "samples"
DEMO = ROOT / "src" / "seal" / "demo"

FREE = re.compile(r"MIT|Apache|BSD|CC BY(?! ?-?N)")
"""Licences under which what is inside may be used, changed and passed on."""

SHOWN_SECONDS = 15  # of the bundled call, on which README's examples run
WRITTEN = ("-o", "--output", "--report", "--html")
SERVERS = ("serve", "review", "demo")  # these do not end, or have a test of their own


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the wheel and the sdist are")
    folder = parser.parse_args().folder.resolve()
    wheel, source = (only(folder, ending) for ending in ("*.whl", "*.tar.gz"))
    checks: list[tuple[str, Callable[[], list[str]]]] = [
        ("one version", lambda: versions(wheel, source)),
        ("all files are inside", lambda: contents(wheel, source)),
        ("metadata", lambda: described(wheel)),
        ("licences", lambda: licences(wheel)),
        ("the wheel in an empty environment", lambda: installs(wheel)),
        ("documentation: commands, links, figures", documented),
        ("README's examples", readme_runs),
    ]
    failed = 0
    for name, check in checks:
        began = time.monotonic()
        problems = check()
        mark = "not ok" if problems else "ok"
        print(f"{mark}: {name} ({time.monotonic() - began:.0f} s)", flush=True)
        for problem in problems:
            print(f"  {problem}", flush=True)
        failed += bool(problems)
    return int(failed > 0)


def only(folder: Path, pattern: str) -> Path:
    """The one file that fits; ends the program where there is none, or another."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        sys.exit(f"{folder}: holds {len(found)} of {pattern}; make it anew with `make dist`")
    return found[0]


def versions(wheel: Path, source: Path) -> list[str]:
    """The version that each place names, where it is another than the package's."""
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    told = {
        "CHANGELOG.md": re.search(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", log, re.MULTILINE),
        "CITATION.cff": re.search(r"^version: (\S+)$", cited, re.MULTILINE),
        wheel.name: re.match(r"seal-([\d.]+)-py3-none-any\.whl", wheel.name),
        source.name: re.match(r"seal-([\d.]+)\.tar\.gz", source.name),
    }
    found = {place: match[1] if match else "none" for place, match in told.items()}
    return [
        f"{place}: names version {version}; src/seal/__init__.py has {seal.__version__}"
        for place, version in found.items()
        if version != seal.__version__
    ]


def contents(wheel: Path, source: Path) -> list[str]:
    """Files of ours that a package lacks, and files of nobody's in the wheel."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    packed = {
        f"src/{name}" for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name
    }
    with tarfile.open(source) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    package = {name for name in ours if name.startswith("src/")}
    return [
        *(f"{wheel.name}: lacks {name}" for name in sorted(package - packed)),
        *(f"{wheel.name}: holds {name}, which is not ours" for name in sorted(packed - package)),
        *(f"{source.name}: lacks {name}" for name in sorted(ours - held)),
    ]


def described(wheel: Path) -> list[str]:
    """What a registry would refuse in the wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(_inside(archive, "METADATA")).decode("utf-8")
    try:
        found = Metadata.from_email(text)
    except ExceptionGroup as problems:
        return [str(problem) for problem in problems.exceptions]
    missing = [
        name
        for name in ("summary", "description", "license_expression", "requires_python", "keywords")
        if not getattr(found, name)
    ]
    return [f"{wheel.name}: has no {name}" for name in missing]


def _inside(archive: zipfile.ZipFile, name: str) -> str:
    return next(one for one in archive.namelist() if one.endswith(f".dist-info/{name}"))


def licences(wheel: Path) -> list[str]:
    """What is inside, or comes with it, without a licence that lets it be passed on."""
    problems = []
    with zipfile.ZipFile(wheel) as archive:
        told = email.parser.Parser().parsestr(archive.read(_inside(archive, "METADATA")).decode())
        files = archive.namelist()
    for name in told.get_all("License-File", []):
        if not any(file.endswith(f".dist-info/licenses/{name}") for file in files):
            problems.append(f"{wheel.name}: names the licence {name} and lacks it")
    weights = {file.rsplit("/", 1)[0] for file in files if file.endswith((".safetensors", ".npz"))}
    for folder in sorted(weights):
        card = ROOT / "src" / folder / "README.md"
        text = card.read_text(encoding="utf-8") if card.is_file() else ""
        for row in ("licence", "data"):
            cell = re.search(rf"^\| {row} \| (.+) \|$", text, re.MULTILINE)
            if not cell or not FREE.search(cell[1]):
                problems.append(f"{folder}: its card names no {row} that may be passed on")
    for folder in sorted({file.rsplit("/", 1)[0] for file in files if "/vendor/" in file}):
        if not any(file.startswith(folder) and "LICENSE" in file for file in files):
            problems.append(f"{folder}: has no licence")
    models = (ROOT / "requirements" / "models.txt").read_text(encoding="utf-8")
    for name, about in re.findall(r"# .*\(([^)]+)\)[^\n]*\n([\w-]+)==", models):
        if not FREE.search(name):
            problems.append(f"requirements/models.txt: {about}: {name} is no free licence")
    for release in MODELS.values():
        package = release.partition("==")[0]
        if not re.search(rf"^# .*\(.+\).*\n{package}==", models, re.MULTILINE):
            problems.append(f"requirements/models.txt: {package}: no licence stands above it")
        known = metadata.metadata(package)
        if not FREE.search(known.get("License-Expression") or known.get("License") or ""):
            problems.append(f"{package}: its wheel names no free licence")
    return problems


def installs(wheel: Path) -> list[str]:
    """What fails where the wheel alone is installed."""
    with tempfile.TemporaryDirectory() as folder:
        script = ROOT / "benchmarks" / "measure_install.py"
        return failed(script, wheel, "--folder", folder, "--extra", "")


def documented() -> list[str]:
    """What fails of the tests of what is written."""
    tests = [ROOT / "tests" / f"test_{name}.py" for name in ("docs", "figures", "installation")]
    return failed("-m", "pytest", "-q", "-m", "not models", "-p", "no:cacheprovider", *tests)


def failed(*arguments: str | Path) -> list[str]:
    """The last lines of a Python program that fails."""
    run = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    return (run.stdout + run.stderr).splitlines()[-15:] if run.returncode else []


def readme_runs() -> list[str]:
    """README's commands and its Python, on the beginning of the bundled call."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in blocks.splitlines()]
    calls = [line[1:] for line in lines if line and Path(line[0]).name == "seal"]
    problems = []
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for call in calls:
                if call[0] in SERVERS and "--html" not in call:
                    continue
                for name in inputs(call):
                    if not Path(name).exists():
                        stand_in(Path(name), is_folder=name.endswith("/"))
                if status := run_seal(call):
                    problems.append(f"seal {' '.join(call)}: exit status {status}")
            for program in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
                stand_in(Path("whisperx.json"))
                exec(program, {})
        finally:
            os.chdir(here)
    return problems


def inputs(call: list[str]) -> list[str]:
    """What a command reads, by the look of its words."""
    read = []
    for before, word in zip(["", *call], call, strict=False):
        if before not in WRITTEN and re.search(r"/$|\.\w{3,5}$", word) and not word.startswith("-"):
            read.append(word)
    return read


def stand_in(path: Path, is_folder: bool = False) -> None:
    """Put something of that kind there: sound, a reference, another tool's file, a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_folder:
        for name in ("one.json", "two.json"):
            stand_in(path / name)
    elif path.suffix in (".wav", ".flac", ".mp3", ".ogg"):
        samples, rate = soundfile.read(DEMO / "call.flac")
        soundfile.write(path, samples[: SHOWN_SECONDS * rate], rate)
    elif path.suffix == ".rttm":
        line = "SPEAKER {} 1 {} 7.5 <NA> <NA> {} <NA> <NA>\n"
        turns = ((0, "one"), (7.5, "two"))
        path.write_text("".join(line.format(path.stem, *turn) for turn in turns))
    elif path.suffix == ".json" and "whisperx" not in path.name:
        reference = words.read(DEMO / "reference.json")
        words.write([word for word in reference if word["end_time"] < SHOWN_SECONDS], path)
    else:
        shutil.copy(next(SAMPLES.glob(f"whisperx{path.suffix}"), None)
                    or next(SAMPLES.glob(f"*{path.suffix}")), path)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
