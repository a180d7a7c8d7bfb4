"""Memory that was freed, given back to the system.

Long work frees large arrays between small ones that stay, and glibc keeps what lies between them:
a process grows for hours while it holds no more than before. This file knows nothing of whose
memory it is.
"""

import ctypes
from functools import lru_cache
from typing import Any


def give_back() -> None:
    """Return the pages that nothing is stored on. Takes a millisecond or a few; does nothing where
    the C library has no `malloc_trim`."""
    trim = _trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # another C library, or none to be asked
        return None
