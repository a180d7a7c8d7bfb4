"""Which results of an earlier run still hold, so that a rerun need not make them anew.

A small file in the output folder has a line for each result: what made it, from which input, and
the sizes and times of both files. A result is finished if all of that is still so; whatever else
lies in the folder is not. It knows nothing of what is in the files.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seal import __version__
from seal.errors import SealError

NAME = ".seal.jsonl"


def state(path: Path) -> list[int] | None:
    """Size in bytes and time of the last change in nanoseconds; None if there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


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

    def __init__(self, folder: Path, made: str) -> None:
        self._folder = folder
        self._made = made
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
                self._known[entry["result"]] = entry
            except (ValueError, TypeError, KeyError):  # cut short when the run was killed
                continue

    def has(self, source: Path, target: Path) -> bool:
        """Whether `target` was made in this way from `source`, and neither has changed since."""
        return self._holds(source, target) and self._known[target.name]["made"] == self._made

    def otherwise(self, source: Path, target: Path) -> bool:
        """Whether that is so but for the options, or the version, or the model."""
        return self._holds(source, target) and self._known[target.name]["made"] != self._made

    def add(self, source: Path, target: Path, states: list[list[int] | None]) -> None:
        """Note that `target` was made from `source`; `states` are theirs, in this order, the
        first from before."""
        entry = {
            "result": target.name,
            "input": self._named(source),
            "made": self._made,
            "states": states,
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
        return (
            entry is not None
            and entry.get("input") == self._named(source)
            and entry.get("states") == [state(source), state(target)]
            and None not in entry["states"]
            and "made" in entry
        )

    def _named(self, source: Path) -> str:
        """From the folder to the input: both may be moved together."""
        return os.path.relpath(os.path.abspath(source), os.path.abspath(self._folder))
