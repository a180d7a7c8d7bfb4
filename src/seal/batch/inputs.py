"""Which files a command reads: names, folders, globs in quotes, a list of paths in a file.

It knows paths only, not what the files hold.
"""

import glob
from collections.abc import Collection, Sequence
from pathlib import Path

from seal.errors import SealError
from seal.formats.known import NOT_SEARCHED, SUFFIXES

AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".m4a", ".ogg", ".oga", ".opus", ".aac", ".aif", ".aiff", ".sph"),
    *(".w64", ".wma", ".mp4", ".webm"),
)
"""Endings of the files that are taken for recordings where a folder is named."""

TRANSCRIPT_SUFFIXES = (".json", *(s for s in SUFFIXES if s not in NOT_SEARCHED), ".jsonl")
"""The same for transcripts."""


BESIDE = (".seal", ".rttm")
"""Endings of what lies beside transcripts, and is none."""


def inputs_of(
    named: Sequence[Path], manifest: Path | None, suffixes: Collection[str]
) -> tuple[list[Path], bool]:
    """The files to read, in the order in which they are named, and whether several could be meant.

    A folder stands for its files that end in one of `suffixes` and are not hidden, a glob for all
    files that match, both sorted by name; `manifest` for the paths in its lines. Two names, a
    folder, a glob or a manifest mean several, even where they come to one. A file that is named
    need not exist.
    Raises SealError where nothing is named, or where a folder, a glob or the manifest is empty.
    """
    inputs: list[Path] = []
    several = len(named) > 1 or manifest is not None
    for path in named:
        files = _in_folder(path, suffixes) if path.is_dir() else _in_glob(path)
        several = several or files is not None
        inputs += [path] if files is None else files
    if manifest is not None:
        inputs += _in_manifest(manifest)
    if not inputs:
        raise SealError("there is no input; name files, a folder, a glob in quotes or a --manifest")
    return inputs, several


def passed_over(named: Sequence[Path], suffixes: Collection[str]) -> list[str]:
    """What is to be told of each folder that holds files which might be meant and are not read."""
    told = []
    for folder in named:
        if not folder.is_dir():
            continue
        others = sorted(path for path in folder.iterdir() if _may_be_meant(path, suffixes))
        if others:
            names = ", ".join(path.name for path in others[:3]) + ", …" * (len(others) > 3)
            files = f"{len(others)} file{'s' * (len(others) > 1)}"
            glob_of = folder / f"*{others[0].suffix}"
            told.append(f"{folder}: {files} passed over ({names}); name them, as in '{glob_of}'")
    return told


def _may_be_meant(path: Path, suffixes: Collection[str]) -> bool:
    """Whether it is a file that a folder is not searched for, and that people may take for one."""
    known = (*suffixes, *AUDIO_SUFFIXES, *BESIDE)
    hidden = path.name.startswith(".")
    return path.suffix.lower() not in known and not hidden and path.is_file()


def _in_folder(folder: Path, suffixes: Collection[str]) -> list[Path]:
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and not path.is_dir()
    )
    if not files:
        raise SealError(f"{folder}: holds no {' or '.join(list(suffixes)[:3])} file")
    return files


def _in_glob(path: Path) -> list[Path] | None:
    """The files that a glob matches; None where `path` is a plain name."""
    if path.exists() or not glob.has_magic(str(path)):
        return None
    matches = sorted(map(Path, glob.iglob(str(path), recursive=True)))
    files = [match for match in matches if not match.is_dir()]
    if not files:
        raise SealError(f"{path}: there is no such file, and as a glob it matches none")
    return files


def _in_manifest(manifest: Path) -> list[Path]:
    try:
        text = manifest.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise SealError(f"--manifest: {manifest} cannot be read: {error.strerror}") from None
    paths = [Path(line) for line in text.split("\n") if line.strip()]
    if not paths:
        raise SealError(f"--manifest: {manifest} is empty; write a path in each line")
    return paths
