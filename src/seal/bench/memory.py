"""Peak memory of a system on one recording, measured in a process of its own.

A process never gives its peak back, and models that others loaded would count; so each system
starts from nothing. It knows nothing of what a system does.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from seal import child
from seal.words import Word


def peak(given: Sequence[Word], options: dict[str, Any]) -> float:
    """Megabytes that `seal.correct(given, **options)` takes, Python and libraries included."""
    with child.safe_path(), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak, list(given), options).result()


def _peak(given: list[Word], options: dict[str, Any]) -> float:
    from seal.correction import correct

    correct(given, **options)
    try:  # Linux: what getrusage says there counts the process that started this one
        status = Path("/proc/self/status").read_text(encoding="ascii")
        most = (
            float(next(line for line in status.splitlines() if "VmHWM" in line).split()[1]) / 2**10
        )
    except (OSError, StopIteration):
        import resource

        unit = 2**20 if sys.platform == "darwin" else 2**10
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return round(most, 1)
