"""Processes that seal starts run the code of the installation, not what lies where one stands.

A new Python looks for modules in the current folder first: a `soundfile.py` that somebody was sent
would be run. This file knows nothing of what the processes do.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection as pipes
from multiprocessing import parent_process
from pathlib import Path

FLAG = "-P"
"""Python's option for that, where the command line is ours."""

_VARIABLE = "PYTHONSAFEPATH"
_TRACKED = "ignore:resource_tracker:UserWarning"
"""A killed process leaves its libraries' semaphores. Python's own helper removes them, and tells
about it whoever can do nothing."""
_lock = threading.RLock()  # two threads would put back what the other one had set


@contextmanager
def safe_path() -> Iterator[None]:
    """Processes that `multiprocessing` starts within do not search the current folder, and the
    helper that it starts with the first is quiet."""
    with _lock:
        before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = "1"
        sys.warnoptions.append(_TRACKED)
        try:
            yield
        finally:
            sys.warnoptions.remove(_TRACKED)
            if before is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = before


def forget_current_folder() -> None:
    """Stop searching the current folder in this process, which another library has started."""
    here = os.path.realpath(os.getcwd())
    if Path(__file__).resolve().parents[1] != Path(here):
        sys.path[:] = [each for each in sys.path if os.path.realpath(each or ".") != here]


def end_with_parent() -> None:
    """End this process, started by `multiprocessing`, when the one that started it ends, even if
    that is killed."""
    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            pipes.wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
