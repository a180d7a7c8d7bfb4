"""Files that appear whole or not at all.

It knows paths and text, not what the text is about.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from seal.errors import SealError

SCRATCH_SUFFIX = ".seal-part"
"""How the names of unfinished files end: no other program's do."""


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
    """`write_bytes` for text. Line ends are written as they are; `errors` is that of
    `str.encode`."""
    try:
        data = text.encode(encoding, errors)
    except UnicodeEncodeError as error:
        part = error.object[error.start : error.end]
        raise SealError(
            f"{path}: cannot be written: {part!a} is no character of {encoding}"
        ) from None
    write_bytes(data, path)


def write_bytes(data: bytes, path: str | Path, mode: int | None = None) -> None:
    """Write `data` to a temporary neighbour and rename that to `path`: no half file is ever seen.
    `mode` are its permissions; None are those that it has, or for a new file the usual ones.
    Raises SealError."""
    path = Path(path)
    real = Path(os.path.realpath(path))  # a link stays one
    scratch = None
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        if is_device(path):
            if path.is_dir():
                raise SealError(f"{path}: is a folder; name a file, or end the name in '/'")
            path.write_bytes(data)
            return
        with tempfile.NamedTemporaryFile(
            dir=real.parent,
            prefix=f".{scratch_name(real)}.",
            suffix=SCRATCH_SUFFIX,
            delete=False,
        ) as file:
            scratch = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        usual = real.stat().st_mode & 0o777 if real.exists() else 0o666 & ~umask
        scratch.chmod(usual if mode is None else mode)
        scratch.replace(real)
    except OSError as error:
        raise SealError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        if scratch is not None:
            scratch.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file. Raises SealError where that cannot be."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise SealError(f"{path}: cannot be removed: {error.strerror}") from None


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
    targets = [Path(os.path.realpath(target)) for target in targets]  # as `write_text` does
    names = {scratch_name(target) for target in targets}
    pattern = re.compile(rf"\.(.+)\.[a-z0-9_]{{8}}{re.escape(SCRATCH_SUFFIX)}", re.DOTALL)
    for folder in {target.parent for target in targets}:
        if not folder.is_dir():
            continue
        with os.scandir(folder) as entries:
            for entry in entries:
                scratch = pattern.fullmatch(entry.name)
                if scratch and scratch[1] in names and entry.is_file(follow_symlinks=False):
                    Path(entry.path).unlink(missing_ok=True)


def back_up(path: Path) -> Path:
    """Copy a file to NAME.bak, or to NAME.bak2 and so on where that is somebody's; return where."""
    number = 1
    while True:
        copy = path.with_name(f"{path.name}.bak{number if number > 1 else ''}")
        try:
            with path.open("rb") as file, copy.open("xb") as new:
                shutil.copyfileobj(file, new)
            shutil.copystat(path, copy)
            return copy
        except FileExistsError:
            number += 1
        except OSError as error:
            raise SealError(f"{copy}: cannot be written: {error.strerror}") from None


def refuse_shared(written: Iterable[tuple[Path, Path]]) -> None:
    """Raise SealError where two sources, each given with a file to write, lead to one file, be it
    through a link."""
    first: dict[str, Path] = {}
    for source, target in written:
        real = os.path.realpath(target)
        if real in first:
            raise SealError(f"{source}: would be written to {target}, as would {first[real]}")
        first[real] = source
