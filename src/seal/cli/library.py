"""Where a library of voices lies for the command line, its passphrase, and how it is opened.

What is in a library, and how it is changed, is in `seal.voices`.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seal.errors import SealError
from seal.voices.locked import PASSPHRASE

if TYPE_CHECKING:  # loads numpy
    from seal.voices.library import Library

LibraryPath = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="FILE",
        help="The library; if not given, seal/voices.json in your data folder.",
    ),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help=f"File whose first line is the library's passphrase; or set {PASSPHRASE}.",
    ),
]


def library_path(path: Path | None) -> Path:
    """The library that is named, or the one of the data folder."""
    from seal.voices.library import default_path

    return path or default_path()


@contextmanager
def changed(path: Path, file: Path | None, new: str | None = None) -> "Iterator[Library]":
    """The library at `path`, which is there and is saved when the context ends: under another
    passphrase, `new`, or without one where that is ""."""
    refuse_none(path)
    secret = passphrase(path, file)

    from seal.voices.library import changing

    with changing(path, secret, new) as known:
        yield known


def refuse_none(path: Path) -> None:
    """Raise SealError where there is no library."""
    if not path.exists():
        raise SealError(f"{path}: there is no such file; seal voices add makes it")


def passphrase(path: Path, file: Path | None) -> str | None:
    """The passphrase from a file, from the variable, or asked for where one is needed."""
    from seal.voices.library import is_locked

    if file is not None:
        return first_line("--passphrase-file", file)
    if os.environ.get(PASSPHRASE):
        return os.environ[PASSPHRASE]
    if not is_locked(path):
        return None
    if sys.stdin.isatty():
        return str(typer.prompt(f"Passphrase of {path}", hide_input=True, err=True))
    raise SealError(f"{path}: is encrypted; name a --passphrase-file, or set {PASSPHRASE}")


def first_line(option: str, file: Path) -> str:
    """A passphrase from its file. Raises SealError where there is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SealError(f"{option}: {file} cannot be read ({error})") from None
    if not lines or not lines[0]:
        raise SealError(f"{option}: {file} has no passphrase in its first line")
    return lines[0]
