"""Diarization error rate: the turns of a reference and of a first pass, compared by spyder.

It wants the package spy-der (pip install spy-der; it compiles).
"""

import sys
from typing import Any

import numpy as np

from seal.acoustic.posteriors import Posteriors
from seal.acoustic.reconcile import smooth
from seal.words import Word, turns

Turn = tuple[str, float, float]
"""Speaker, start and end."""

Clip = tuple[str, list[Turn], list[Turn], float]
"""Name, true turns, turns found, and seconds of a recording."""

SPEAKS = 0.5  # posterior from which the first pass says that a speaker speaks


def true_turns(words: list[Word]) -> list[Turn]:
    """Segments of the reference, those of no length aside."""
    return [(speaker, start, end) for start, end, speaker in turns(words) if end > start]


def found_turns(posteriors: Posteriors) -> list[Turn]:
    """Segments of the first pass: runs of median-filtered posteriors of SPEAKS or more."""
    found: list[Turn] = []
    frames = smooth(posteriors.frames)
    for speaker in range(frames.shape[1]):
        edges = np.flatnonzero(np.diff(frames[:, speaker] >= SPEAKS, prepend=False, append=False))
        for begin, end in edges.reshape(-1, 2):
            left = posteriors.start + (begin - 0.5) * posteriors.step
            right = posteriors.start + (end - 0.5) * posteriors.step
            found.append((str(speaker), float(max(left, 0.0)), float(right)))
    return found


def der(clips: list[Clip], collar: float) -> str:
    """Diarization error rate of all clips; '' without spyder."""
    found = der_parts(clips, collar)
    return f"{found.der:.1%}" if found else ""


def der_parts(clips: list[Clip], collar: float) -> Any:
    """spyder's der, miss, falarm and conf of all clips, overlapped speech counted; None without
    spyder."""
    try:
        from spyder import DER
    except ImportError:
        print("DER: left out; pip install spy-der", file=sys.stderr)
        return None
    clips = [clip for clip in clips if clip[1]]
    return DER(
        {name: true for name, true, _, _ in clips},
        {name: found for name, _, found, _ in clips},
        uem={name: [(0.0, seconds)] for name, _, _, seconds in clips},
        collar=collar,
    )["Overall"]
