"""Room on the disk that is kept for when it is full: a file that holds nothing.

Given up, it lets results be written and jobs be deleted; while it is missing, no new job is taken.
It knows nothing of jobs.
"""

import os
import shutil
from pathlib import Path

RESERVE_BYTES = 96 << 20
"""More than the largest request, its result, and what the log needs to write the one over the
other."""

MIN_FREE_BYTES = 1 << 19
"""With less beside the reserve, the disk is full."""

SHARE = 8
"""A small disk gives one part of so many: zeros over what is deleted go through the log, too."""


class Reserve:
    """The file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bytes = min(RESERVE_BYTES, shutil.disk_usage(path.parent).total // SHARE)

    def fill(self, times: int = 2) -> bool:
        """Take the room, if it is not taken and there is so many times of it: twice, so that what
        was given up is not taken back while it is in use. Whether it is taken, and some is left."""
        free = shutil.disk_usage(self._path.parent).free
        if self._path.exists():
            return free >= MIN_FREE_BYTES
        if free < times * self._bytes:
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
