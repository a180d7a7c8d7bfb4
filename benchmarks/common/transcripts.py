"""Transcripts to correct, and whether two answers are the same."""

import json
from pathlib import Path

import numpy as np

from seal import words
from seal.demo import REFERENCE
from seal.training.simulate import draw_severity, simulate


def write_transcripts(folder: Path, count: int) -> int:
    """Write so many transcripts of about 300 words; return how many words they have."""
    reference = words.read(REFERENCE)
    total = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        first, _ = simulate(reference, draw_severity(rng), rng)
        words.write(first, folder / f"{seed:03}.json")
        total += len(first)
    return total


def differs(answer: bytes, expected: Path) -> bool:
    """Is the answer another than what the command wrote, confidences to 0.0002?"""
    given, wanted = json.loads(answer), words.read(expected)
    if not (isinstance(given, list) and len(given) == len(wanted)):
        return True
    for one, other in zip(given, wanted, strict=True):
        gap = abs(one.pop("speaker_confidence") - other.pop("speaker_confidence"))
        if one != other or gap >= 2e-4:
            return True
    return False
