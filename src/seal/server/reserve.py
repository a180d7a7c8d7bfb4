"""Room on the disk that is kept for when it is full: a file that holds nothing.

Given up, it lets results be written and jobs be deleted; while it is missing, no new job is taken.
It knows nothing of jobs.
"""

import os
import shutil
from pathlib import Path

RESERVE_BYTES = 64 << 20
"""More than a transcript's request and its result take."""

SHARE = 20
"""A small disk gives one part of so many."""


class Reserve:
    """The file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bytes = min(RESERVE_BYTES, shutil.disk_usage(path.parent).total // SHARE)

    def fill(self) -> bool:
        """Take the room, if it is not taken and there is twice of it. Whether it is taken."""
        if self._path.exists():
            return True
        if shutil.disk_usage(self._path.parent).free < 2 * self._bytes:
            return False
        try:
            with open(self._path, "xb") as file:
                os.posix_fallocate(file.fileno(), 0, max(1, self._bytes))
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        return True

    def release(self) -> bool:
        """Give the room up. Whether it was taken."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True
