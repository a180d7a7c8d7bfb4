"""Where a command's results go: the contract's `-o`, checked before the work starts.

It knows paths only, not what is written there.
"""

import os
import tempfile
from pathlib import Path

from seal.errors import SealError


def targets_of(inputs: list[Path], output: str, suffixes: list[str] | None = None) -> list[Path]:
    """Where each input's result goes; in a folder it has its name and one of `suffixes` (.json).

    Raises SealError if that is unclear or cannot be written.
    """
    separators = tuple(filter(None, (os.sep, os.altsep)))
    if len(inputs) == 1 and not output.endswith(separators):
        targets = [Path(output)]
        if targets[0].is_dir():
            raise SealError(f"{output or '.'}: is a folder; name a file, or end the name in '/'")
    else:
        folder = Path(output)
        if folder.exists() and not folder.is_dir():
            raise SealError(f"{output}: is no folder; {len(inputs)} input(s) need one there")
        endings = suffixes or [".json"] * len(inputs)
        targets = [folder / f"{p.stem}{end}" for p, end in zip(inputs, endings, strict=True)]
        first: dict[Path, Path] = {}
        for path, target in zip(inputs, targets, strict=True):
            if target in first:
                raise SealError(f"{path}: would be written to {target}, as would {first[target]}")
            first[target] = path
    for target in targets:
        check_writable(target)
    return targets


def check_writable(target: Path) -> None:
    """Try the folder (or the first one above it that exists) before hours of work are lost."""
    if target.is_dir():
        raise SealError(f"{target}: is a folder; name a file")
    if target.exists():
        if not os.access(target, os.W_OK):
            raise SealError(f"{target}: cannot be written: it is read-only")
        if not target.is_file():  # a device or a pipe
            return
    folder = target.parent
    try:
        while not folder.exists():
            folder = folder.parent
        if not folder.is_dir():
            raise SealError(f"{target}: cannot be written: {folder} is no folder")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SealError(f"{target}: cannot be written: {error.strerror}") from None


def refuse_to_replace(recordings: list[Path], target: Path) -> None:
    """Raise SealError where a transcript would be written over a recording."""
    for path in recordings:
        if target.exists() and path.exists() and target.samefile(path):
            raise SealError(f"{target}: is a recording to be read; write the transcript elsewhere")
