"""What is told to people: the one exception for a problem that its user can mend, and notices.

An exception's message is a single line that names the file (or the input), the place in it and what
to do. The command line prints that line and leaves with exit status 2. It knows nothing of the
rest.
"""

import sys
import warnings
from typing import TextIO


class SealError(ValueError):
    """Something in the input, the options or the surroundings keeps seal from going on."""


class Notice(UserWarning):
    """Something that a person should know of a result; nothing is wrong with it. Its message is a
    single line."""


class CutShort(Notice):
    """A recording's file lacks sound that it should hold; told once, however often it is read."""


def tell_notices() -> None:
    """From now on show each notice as a line on stderr, without the place in the code."""
    plain = warnings.showwarning
    cut: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, CutShort):
            if str(message) in cut:
                return
            cut.add(str(message))
        if issubclass(category, Notice):
            print("seal: " + " ".join(str(message).split()), file=sys.stderr)
        else:
            plain(message, category, filename, lineno, file, line)

    warnings.simplefilter("always", Notice)
    warnings.showwarning = show


def explained(error: Exception) -> str | None:
    """What to tell of an exception in one line; None for one that is a fault of seal's own."""
    if isinstance(error, SealError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; close other programs, or take a shorter recording"
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("seal"):
        return f"the package {error.name!r} is missing; install seal with pip install 'seal[all]'"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return None


def unusable(device: str, error: Exception) -> SealError:
    """What to say where torch refuses a device."""
    return SealError(f"device {device}: cannot be used: {first_line(error)}")


def first_line(error: Exception) -> str:
    """The first line of what a library says, or the kind of its error where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
