"""Which results of an earlier run still hold, so that a rerun need not make them again.

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

LEDGER_NAME = ".seal.jsonl"
"""The ledger's file in the output folder."""

_KEYS = ("input", "made", "read", "written")

Files = Callable[[Path, Path], tuple[list[Path], list[Path]]]
"""From an input and its target to the files that are read and those that are written; the input
and the target come first."""

FileStates = list[list[int] | None]
"""What `file_state` gives for each of some files."""


def file_state(path: Path) -> list[int] | None:
    """Size in bytes and time of the last change in nanoseconds; None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def file_states(paths: Iterable[Path]) -> FileStates:
    """`file_state` of each."""
    return [file_state(path) for path in paths]


def made_by(task: Any, models: Iterable[str | Path | None]) -> str:
    """A digest of seal's version, of the task with its options, and of the models that it names.

    Of a model's folder the names, sizes and times of its files count. The names of the task's class
    and of its fields are part of the digest: results made before they change do not hold after it.
    """
    files = [
        [str(file), file_state(file)]
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


def _is_entry(entry: Any) -> bool:
    """Whether a line of the file is one of ours, which whatever else may stand there is not."""

    def is_state(state: Any) -> bool:
        return state is None or (
            isinstance(state, list) and len(state) == 2 and all(type(x) is int for x in state)
        )

    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(key), str) for key in ("result", "input", "made"))
        and all(
            isinstance(entry.get(key), list)
            and (entry[key] or "problem" in entry)  # bad inputs have no results
            and all(map(is_state, entry[key]))
            for key in ("read", "written")
        )
    )


class Ledger:
    """The results listed in `folder`, for a run whose digest (`made_by`) is `made`."""

    def __init__(self, folder: Path, made: str, files: Files) -> None:
        self._folder = folder
        self._made = made
        self._files = files
        self._entries: dict[str, dict[str, Any]] = {}
        try:
            lines = (
                (folder / LEDGER_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
            )
        except FileNotFoundError:
            return
        except OSError as error:
            raise SealError(f"{folder / LEDGER_NAME}: cannot be read: {error.strerror}") from None
        for line in lines:
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):  # the run was killed while it wrote the line
                continue
            if _is_entry(entry):
                kept = {key: entry[key] for key in _KEYS}
                self._entries[entry["result"]] = kept | {"problem": str(entry.get("problem", ""))}

    def is_finished(self, source: Path, target: Path) -> bool:
        """Whether `target` was made from `source` with the same digest, and neither has changed
        since."""
        return self._unchanged(source, target) and self._entries[target.name]["made"] == self._made

    def problem(self, source: Path, target: Path) -> str:
        """What was wrong with `source` when it was tried with the same digest, if it is as it was;
        else empty."""
        entry = self._entries.get(target.name)
        if entry is None or entry["input"] != self._relative(source):
            return ""
        same = entry["read"] == file_states(self._files(source, target)[0])
        return str(entry["problem"]) if same and entry["made"] == self._made else ""

    def is_outdated(self, source: Path, target: Path) -> bool:
        """Whether neither has changed, but the options, the version or the model have."""
        return self._unchanged(source, target) and self._entries[target.name]["made"] != self._made

    def is_edited(self, source: Path, target: Path) -> bool:
        """Whether `target` is there, and it or a file beside it was changed since it was made."""
        entry = self._entries.get(target.name)
        now = file_states(self._files(source, target)[1])
        return (
            entry is not None
            and now[0] is not None
            and any(new not in (None, old) for new, old in zip(now, entry["written"], strict=False))
        )

    def add(self, source: Path, target: Path, read: FileStates, written: FileStates) -> None:
        """Note that `target` was made from `source`. `read` are the states of the files that were
        read, before the work; `written` those of the files that were written, after it."""
        self._append(source, target, read, written)

    def add_problem(self, source: Path, target: Path, read: FileStates, problem: str) -> None:
        """Note that `source` is bad, as long as it stays as it is, and why. What lies at `target`
        is as much ours as before."""
        written = self._entries.get(target.name, {}).get("written", [])
        self._append(source, target, read, written, problem)

    def _append(
        self, source: Path, target: Path, read: FileStates, written: FileStates, problem: str = ""
    ) -> None:
        entry = {
            "result": target.name,
            "input": self._relative(source),
            "made": self._made,
            "read": read,
            "written": written,
        } | ({"problem": problem} if problem else {})
        path = self._folder / LEDGER_NAME
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                # One write at the end of the file: two runs do not mix their lines, and a last line
                # that a killed run left cut short spoils no other.
                file.write(b"\n" + json.dumps(entry).encode("ascii"))
        except OSError as error:
            raise SealError(f"{path}: cannot be written: {error.strerror}") from None

    def _unchanged(self, source: Path, target: Path) -> bool:
        entry = self._entries.get(target.name)
        if entry is None or entry["problem"] or entry["input"] != self._relative(source):
            return False
        now = [file_states(paths) for paths in self._files(source, target)]
        # Only the input and the target must exist; the files beside them may never have.
        return now == [entry["read"], entry["written"]] and None not in (now[0][0], now[1][0])

    def _relative(self, source: Path) -> str:
        """The path from the folder to the input, so that both may be moved together."""
        return os.path.relpath(os.path.abspath(source), os.path.abspath(self._folder))
