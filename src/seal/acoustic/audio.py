"""Recordings as 16 kHz samples, streamed: mixed down, or one channel alone.

Any file that can be decoded (`decoding.py`), at any rate and with any number of channels, comes out
in blocks, so that a ten-hour file needs no more memory than a short one. This file knows nothing of
speech, of models or of words.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from seal.acoustic import containers, decoding
from seal.acoustic.arrays import Floats
from seal.errors import SealError

Samples = Floats

Span = tuple[float, float]
"""(start, end) in seconds."""

RATE = 16_000
"""Samples per second of everything that leaves this file."""

_SILLY = 1e6  # samples are about [-1, 1]; unscaled 16-bit ones still pass, NaN and infinity do not


FADE = 0.005
"""Seconds over which the sound goes and comes back where a part of it is left out."""

CANCELS = 0.4
"""Power of the mix, by C² and the loudest of its C channels', below which they cancel each other.
A voice in one channel alone has 1, one in two at equal levels 4."""


@dataclass(frozen=True)
class Channel:
    """One channel of a recording, for `blocks` and `duration` in a path's place."""

    path: str | Path
    index: int
    """From 0."""
    silenced: tuple[Span, ...] = ()
    """In order, what is left out: silence is there instead."""

    def __str__(self) -> str:
        return str(self.path)


Source = str | Path | Channel
"""A recording, or one channel of it."""


def blocks(source: Source, seconds: float = 10.0, strict: bool | None = None) -> Iterator[Samples]:
    """Yield the recording as float32 [samples] at 16 kHz, `seconds` at a time: a channel, or all of
    them averaged, of which none cancels another (`_mixer`).

    The last block is shorter. Of a file that is cut short comes what is there, and a CutShort
    notice with both lengths; `strict` refuses it (None: where the variable STRICT says so). Raises
    SealError (one line) where the file is missing, no audio, empty, or holds samples that are no
    numbers; the fault may lie after good blocks.
    """
    if not isinstance(source, Channel):
        yield from _blocks(source, seconds, strict, _mixer())
        return
    index = source.index
    found = _blocks(source.path, seconds, strict, lambda frames: frames[:, index].copy())
    yield from _without(found, source.silenced) if source.silenced else found


def channel_blocks(path: str | Path, seconds: float = 10.0) -> Iterator[Samples]:
    """The same with all channels side by side: float32 [samples, channels]."""
    return _blocks(path, seconds, None, lambda frames: frames)


def count_channels(path: str | Path) -> int:
    """How many channels the recording has. Raises SealError as `blocks` does."""
    for _, frames in decoding.decoded(path, strict=False):
        return int(frames.shape[1])
    return 1


def _blocks(
    path: str | Path, seconds: float, strict: bool | None, choose: Callable[[Samples], Samples]
) -> Iterator[Samples]:
    """Yield what is chosen of the channels, `seconds` at a time."""
    if strict is None:
        strict = os.environ.get(containers.STRICT) == "1"
    size = max(1, round(seconds * RATE))
    pieces: list[Samples] = []
    count = 0
    total = 0
    for piece in _resampled(path, strict, choose):
        pieces.append(piece)
        count += len(piece)
        total += len(piece)
        if count >= size:
            joined = np.concatenate(pieces)
            whole = count - count % size
            for start in range(0, whole, size):
                yield joined[start : start + size]
            pieces, count = [joined[whole:]], count - whole
    if total == 0:
        raise SealError(f"{path}: there is no sound in this file (0 samples)")
    if count:
        yield np.concatenate(pieces)


def _mixer() -> Callable[[Samples], Samples]:
    """What averages the channels of frames [n, C] that come in order.

    Where a channel is another turned over (wires crossed, a fault that stereo hides), the average
    would be silence: channels that cancel the loudest are turned over, from the next piece of a
    second on as long as that does not cancel them in turn.
    """
    signs = np.ones(1, dtype=np.float32)

    def mix(frames: Samples) -> Samples:
        nonlocal signs
        channels = frames.shape[1]
        if channels == 1:
            return frames[:, 0].copy()
        if len(signs) != channels:
            signs = np.ones(channels, dtype=np.float32)
        power = np.einsum("ij,ij->j", frames, frames)
        mixed = _average(frames, signs)
        if mixed @ mixed * channels**2 < CANCELS * power.max():
            turned = np.where(frames.T @ frames[:, power.argmax()] < 0, -1, 1)
            signs = (turned * turned[0]).astype(np.float32)
            mixed = _average(frames, signs)
        return mixed

    return mix


def _average(frames: Samples, signs: Samples) -> Samples:
    turned = frames if (signs > 0).all() else frames * signs
    return turned.mean(axis=1, dtype=np.float32)


def _without(found: Iterator[Samples], spans: tuple[Span, ...]) -> Iterator[Samples]:
    """The blocks with silence in the spans, into which the sound fades."""
    size = round(FADE * RATE)
    begin, next_span = 0, 0
    for block in found:
        end = begin + len(block)
        times = np.arange(begin, end)
        block = block.copy()
        for index in range(next_span, len(spans)):
            first, last = (round(time * RATE) for time in spans[index])
            if first >= end:
                break
            part = slice(max(first - begin, 0), max(last - begin, 0))
            edge = np.minimum(times[part] - first, last - 1 - times[part])
            block[part] *= np.maximum(1 - edge / size, 0).astype(np.float32)
            if last <= end:
                next_span = index + 1
        yield block
        begin = end


def duration(source: Source, sure: bool = False) -> float:
    """Seconds of audio that the file's header promises; 0.0 where it does not say.

    For progress: the header may be wrong, or, where there is none, FFmpeg guesses. If `sure`, a
    guess is 0.0. Raises SealError where the file cannot be opened.
    """
    return decoding.duration(source.path if isinstance(source, Channel) else source, sure)


def excerpts(source: Source, spans: Sequence[Span]) -> Iterator[tuple[Samples, float]]:
    """Yield the samples of each span, and the seconds of the recording that were read by then.

    Spans begin one after the other and may overlap; what lies before or behind the recording is
    left out. Of the recording, which is streamed, no more is held than they need.
    """
    found = blocks(source)
    held = np.zeros(0, dtype=np.float32)
    begin, over = 0, False
    for start, end in spans:
        first, last = (max(0, round(time * RATE)) for time in (start, end))
        while not over and begin + len(held) < last:
            block = next(found, None)
            over = block is None
            if block is not None:
                keep = max(0, min(first - begin, len(held)))
                held, begin = np.concatenate([held[keep:], block]), begin + keep
        samples = held[max(0, first - begin) : max(0, last - begin)]
        yield samples, (begin + len(held)) / RATE


def _resampled(
    path: str | Path, strict: bool, choose: Callable[[Samples], Samples]
) -> Iterator[Samples]:
    """Pieces of what is chosen at 16 kHz; short ones may be empty while the resampler fills."""
    resampler: Any = None
    source_rate = 0
    read = 0
    written = 0
    for rate, frames in _whole_seconds(decoding.decoded(path, strict)):
        sane = (np.abs(frames) < _SILLY).all(axis=1)
        if not sane.all():
            time = (read + int(np.argmin(sane))) / rate
            raise SealError(
                f"{path}: the sample at {time:.3f} s is no sound (NaN, infinite or huge);"
                " save the file again as 16-bit audio"
            )
        chosen = choose(frames)
        read += len(chosen)
        if rate == RATE:
            yield chosen
            continue
        if resampler is None:
            count = 1 if chosen.ndim == 1 else chosen.shape[1]
            resampler, source_rate = soxr.ResampleStream(rate, RATE, count, dtype="float32"), rate
        elif rate != source_rate:
            raise SealError(f"{path}: the sample rate changes at {read / rate:.1f} s; convert it")
        piece = resampler.resample_chunk(chosen)
        written += len(piece)
        yield piece
    if resampler is not None:
        piece = resampler.resample_chunk(np.zeros_like(chosen[:0]), last=True)
        # A sample or two at a higher rate round to none at ours, but they are a recording.
        yield piece if written + len(piece) or not read else np.zeros_like(chosen[:1])


def _whole_seconds(decoded: Iterator[tuple[int, Samples]]) -> Iterator[tuple[int, Samples]]:
    """What was decoded, in pieces of a second or more: what is decided about a piece does not hang
    on how a container cuts its sound."""
    held: list[Samples] = []
    rate = count = 0
    for next_rate, frames in decoded:
        if held and (next_rate != rate or frames.shape[1] != held[0].shape[1]):
            yield rate, np.concatenate(held)
            held, count = [], 0
        rate = next_rate
        held.append(frames)
        count += len(frames)
        if count >= rate:
            yield rate, held[0] if len(held) == 1 else np.concatenate(held)
            held, count = [], 0
    if held:
        yield rate, np.concatenate(held)
