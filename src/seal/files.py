"""Files that appear whole or not at all.

It knows paths and text, not what the text is about.
"""

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from seal.errors import SealError


def scratch_name(path: Path) -> str:
    """The name of `path`, cut to 200 bytes: a temporary neighbour's name holds it and must fit."""
    return path.name.encode("utf-8", "surrogateescape")[:200].decode("utf-8", "ignore")


def is_device(path: Path) -> bool:
    """Whether it is there, and is written to as it is: a pipe cannot be replaced, and /dev/stdout
    must not be, even where it leads to a file."""
    folders = path.absolute().parents
    device = Path("/dev") in folders and Path("/dev/shm") not in folders
    return path.exists() and (device or not path.is_file())


def write_text(
    text: str, path: str | Path, encoding: str = "utf-8", errors: str = "strict"
) -> None:
    """Write `text` to a temporary neighbour and rename that to `path`: no half file is ever seen.

    Line ends are written as they are in `text`; `errors` is that of `str.encode`.
    """
    path = Path(path)
    real = Path(os.path.realpath(path))  # a link stays one
    scratch = None
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        if is_device(path):
            if path.is_dir():
                raise SealError(f"{path}: is a folder; name a file, or end the name in '/'")
            path.write_text(text, encoding=encoding, errors=errors, newline="")
            return
        with tempfile.NamedTemporaryFile(
            "w",
            encoding=encoding,
            errors=errors,
            newline="",
            dir=real.parent,
            prefix=f".{scratch_name(real)}.",
            delete=False,
        ) as file:
            scratch = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        scratch.chmod(real.stat().st_mode & 0o777 if real.exists() else 0o666 & ~umask)
        scratch.replace(real)
    except UnicodeEncodeError as error:
        part = error.object[error.start : error.end]
        raise SealError(
            f"{path}: cannot be written: {part!a} is no character of {encoding}"
        ) from None
    except OSError as error:
        raise SealError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        if scratch is not None:
            scratch.unlink(missing_ok=True)


def copy_beside(path: Path) -> Path:
    """Copy a file to NAME.bak beside it, or to NAME.bak1, .bak2, … where that is taken: an older
    copy is never lost. Returns the copy's path. Raises SealError where it cannot be written."""
    numbers = itertools.chain([""], map(str, itertools.count(1)))
    for number in numbers:
        copy = path.with_name(f"{path.name}.bak{number}")
        try:
            copy.touch(exist_ok=False)  # nobody else takes the name from now on
            shutil.copy2(path, copy)
            return copy
        except FileExistsError:
            continue
        except OSError as error:
            raise SealError(f"{copy}: cannot be written: {error.strerror}") from None
    raise AssertionError("there is always another number")


def check_writable(target: Path) -> None:
    """Raise SealError where `target` could not be written, before hours of work are lost. A file is
    tried in its folder, or in the first one above it that exists."""
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


def sweep(targets: Sequence[Path]) -> None:
    """Remove the temporary neighbours of `targets` that a killed process left (`write_text`)."""
    names = {scratch_name(target) for target in targets}
    for folder in {target.parent for target in targets}:
        if not folder.is_dir():
            continue
        with os.scandir(folder) as entries:
            for entry in entries:
                scratch = re.fullmatch(r"\.(.+)\.[a-z0-9_]{8}", entry.name, re.DOTALL)
                if scratch and scratch[1] in names and entry.is_file(follow_symlinks=False):
                    Path(entry.path).unlink(missing_ok=True)
