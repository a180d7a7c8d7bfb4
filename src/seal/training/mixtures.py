"""Simulated conversations as audio: voices that speak when the speakers of a real one did.

Turns come from references with times, so that pauses, overlap and short answers are those of real
talk; what is said is a voice's recordings, cut to the turns. Rooms, telephone lines, levels and
noise differ from one conversation to the next. It knows nothing of words.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from seal.acoustic.arrays import Floats
from seal.acoustic.audio import RATE, blocks
from seal.errors import SealError

FADE = int(0.01 * RATE)
FRAME = RATE // 50

Turns = Sequence[tuple[float, float, str]]
"""(start, end, speaker), in seconds."""


def load_voices(folder: Path) -> dict[str, Floats]:
    """The speech of each speaker, joined, without its pauses, at equal power.

    A file's speaker is what its name begins with, up to the first `-` (LibriSpeech's way).
    """
    speech_of: dict[str, list[Floats]] = defaultdict(list)
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".flac", ".wav")):
        samples = np.concatenate(list(blocks(path)))
        frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        if len(frames):
            power = np.convolve((frames**2).mean(axis=1), np.ones(10) / 10, mode="same")
            speech = frames[power > np.quantile(power, 0.95) / 300].ravel()
            if len(speech) > RATE:
                speech_of[path.stem.split("-")[0]].append(speech / np.sqrt((speech**2).mean()))
    if len(speech_of) < 2:
        raise SealError(f"{folder}: holds recordings of fewer than two speakers (SPEAKER-….flac)")
    return {name: np.concatenate(parts) for name, parts in speech_of.items()}


def held_out(voices: Iterable[str]) -> set[str]:
    """The names of the voices that no training may hear: a tenth of them, or three of few."""
    names = sorted(voices)
    return set(names[:: max(2, min(10, len(names) // 3))])


def mix(
    turns: Turns,
    cast: dict[str, Floats],
    gains: dict[str, float],
    seconds: float,
    rng: np.random.Generator,
    varied: bool = False,
) -> Floats:
    """Samples of `seconds` in which each of the speakers in `cast` speaks at their turns.

    `gains` are in decibels; turns may begin before and end after the samples. A `varied` voice
    sounds a little different at each turn, in pitch, tone and level, as people do.
    """
    length = int(seconds * RATE)
    samples = np.zeros(length, dtype=np.float32)
    for begin, end, name in turns:
        first, size = int(begin * RATE), max(int((end - begin) * RATE), 2 * FADE)
        voice = cast[name]
        piece = np.roll(voice, -int(rng.integers(len(voice)))).astype(np.float32)
        piece = _changed(piece, size, rng) if varied else np.resize(piece, size)
        piece[:FADE] *= np.linspace(0, 1, FADE)
        piece[-FADE:] *= np.linspace(1, 0, FADE)
        left, right = max(first, 0), min(first + size, length)
        if left < right:
            level = 10 ** ((gains[name] + rng.normal(0, 3 if varied else 2)) / 20)
            samples[left:right] += level * piece[left - first : right - first]
    return samples


def _changed(voice: Floats, size: int, rng: np.random.Generator) -> Floats:
    """`size` samples of a voice, up to 6 % faster or slower, with some 3 dB more or less treble."""
    speed = np.clip(rng.normal(1, 0.025), 0.94, 1.06)
    piece = np.resize(voice, int(size * 1.1) + 8)
    piece = np.interp(np.arange(size) * speed, np.arange(len(piece)), piece).astype(np.float32)
    treble = 10 ** (rng.normal(0, 3) / 20)
    low = sosfilt(butter(1, 1000, "low", fs=RATE, output="sos"), piece)
    return (low + (piece - low) * treble).astype(np.float32)


def effects(samples: Floats, rng: np.random.Generator) -> Floats:
    """The samples in a room, over a telephone (each in some of the cases), with noise; peak 0.5."""
    heard: np.ndarray = samples
    if rng.random() < 0.4:
        decay = rng.uniform(0.1, 0.5)  # seconds until the echo is 60 dB down
        times = np.arange(int(decay * RATE)) / RATE
        echo = rng.normal(0, 1, len(times)) * 10 ** (-3 * times / decay)
        echo *= rng.uniform(0.1, 0.6) / np.sqrt((echo**2).sum())
        echo[0] = 1.0
        heard = fftconvolve(heard, echo)[: len(heard)]
    if rng.random() < 0.4:
        heard = sosfilt(butter(4, [300, 3400], "band", fs=RATE, output="sos"), heard)
    loud = float(np.sqrt((heard**2).mean())) or 1.0
    hiss = rng.normal(0, 1, len(heard))
    if rng.random() < 0.5:  # a darker noise, as of rooms
        hiss = sosfilt(butter(1, 400, "low", fs=RATE, output="sos"), hiss)
        hiss /= hiss.std()
    heard = heard + loud * 10 ** (-rng.uniform(10, 40) / 20) * hiss
    return (heard * (0.5 / max(float(np.abs(heard).max()), 1e-6))).astype(np.float32)
