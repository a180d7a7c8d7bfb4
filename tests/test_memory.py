"""Freed memory goes back to the system, and nobody minds where it cannot."""

import ctypes
import subprocess
import sys

from seal import memory

PROGRAM = """
from seal import memory

def megabytes():
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024

kept, large = [], []
for _ in range(2000):  # too small for a mapping of its own
    large.append(bytearray(100_000))
    kept.append(bytearray(600))
del large
before = megabytes()
memory.give_back()
assert memory._trim() is None or before - megabytes() > 100
assert len(kept) == 2000
"""


def test_what_lies_between_small_things_that_stay_goes_back():
    """In a process of its own: what other tests have freed would take the small things in."""
    assert subprocess.run([sys.executable, "-c", PROGRAM]).returncode == 0


def test_another_c_library_is_no_fault(monkeypatch):
    memory._trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    memory.give_back()
    memory._trim.cache_clear()
