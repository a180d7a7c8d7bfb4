"""Which results of an earlier run still hold, so that a rerun need not make them anew.

A small file in the output folder has a line for each result: what made it, from which input, and
the sizes and times of the files that were read and written. A result is finished if all of that is
still so; whatever else lies in the folder is not. It knows nothing of what is in the files.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from seal import __version__
from seal.errors import SealError

NAME = ".seal.jsonl"

_KEYS = ("input", "made", "read", "written")


Files = Callable[[Path, Path], tuple[list[Path], list[Path]]]
"""From an input and where its result goes to all that is read and all that is written, these two
first."""

States = list[list[int] | None]
"""Of some files, as `state` gives it."""


def state(path: Path) -> list[int] | None:
    """Size in bytes and time of the last change in nanoseconds; None if there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def states(paths: Iterable[Path]) -> States:
    return [state(path) for path in paths]


def made_by(task: Any, models: Iterable[str | Path | None]) -> str:
    """A digest of seal's version, of the task with its options, and of the models that it names.

    Of a model's folder the names, sizes and times of its files count.
    """
    files = [
        [str(file), state(file)]
        for model in models
        if model is not None
        for file in (sorted(Path(model).iterdir()) if Path(model).is_dir() else [Path(model)])
    ]
    text = json.dumps(
        [__version__, type(task).__name__, dataclasses.asdict(task), files],
        sort_keys=True,
        default=str,
    )
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


class Finished:
    """The results that are known of in `folder`, for a run that makes them as `made` says."""

    def __init__(self, folder: Path, made: str, files: Files) -> None:
        self._folder = folder
        self._made = made
        self._files = files
        self._known: dict[str, dict[str, Any]] = {}
        try:
            lines = (folder / NAME).read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise SealError(f"{folder / NAME}: cannot be read: {error.strerror}") from None
        for line in lines:
            try:
                entry = json.loads(line)
                self._known[entry["result"]] = {key: entry[key] for key in _KEYS}
            except (ValueError, TypeError, KeyError):  # cut short when the run was killed
                continue

    def has(self, source: Path, target: Path) -> bool:
        """Whether `target` was made in this way from `source`, and neither has changed since."""
        return self._holds(source, target) and self._known[target.name]["made"] == self._made

    def otherwise(self, source: Path, target: Path) -> bool:
        """Whether that is so but for the options, or the version, or the model."""
        return self._holds(source, target) and self._known[target.name]["made"] != self._made

    def edited(self, source: Path, target: Path) -> bool:
        """Whether `target` is here, and somebody has changed it or what goes beside it since it was
        made."""
        entry = self._known.get(target.name)
        now = states(self._files(source, target)[1])
        return (
            entry is not None
            and now[0] is not None
            and any(new not in (None, old) for new, old in zip(now, entry["written"], strict=False))
        )

    def add(self, source: Path, target: Path, read: States, written: States) -> None:
        """Note that `target` was made from `source`; `read` and `written` are the states of the
        files, the former from before."""
        entry = {
            "result": target.name,
            "input": self._named(source),
            "made": self._made,
            "read": read,
            "written": written,
        }
        path = self._folder / NAME
        try:
            with path.open("ab") as file:
                # One write at the end of the file: two runs do not mix their lines, and what a
                # killed one left of its last line spoils no other.
                file.write(b"\n" + json.dumps(entry).encode("ascii"))
        except OSError as error:
            raise SealError(f"{path}: cannot be written: {error.strerror}") from None

    def _holds(self, source: Path, target: Path) -> bool:
        entry = self._known.get(target.name)
        if entry is None or entry["input"] != self._named(source):
            return False
        now = [states(paths) for paths in self._files(source, target)]
        # What is read or written beside them may never have been there.
        return now == [entry["read"], entry["written"]] and None not in (now[0][0], now[1][0])

    def _named(self, source: Path) -> str:
        """From the folder to the input: both may be moved together."""
        return os.path.relpath(os.path.abspath(source), os.path.abspath(self._folder))
