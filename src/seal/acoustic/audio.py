"""Recordings as 16 kHz samples, streamed: mixed down, or one channel alone.

Any file that libsndfile or FFmpeg (through PyAV) reads, at any rate and with any number of
channels, comes out in blocks, so that a ten-hour file needs no more memory than a short one. This
file knows nothing of speech, of models or of words.
"""

import itertools
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from seal.acoustic import containers
from seal.acoustic.arrays import Floats
from seal.errors import CutShort, SealError

Samples = Floats

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
    silenced: tuple[tuple[float, float], ...] = ()
    """(start, end) in seconds, in order, of what is left out: silence is there instead."""

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
    for _, frames in _decoded(path, strict=False):
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


def _without(found: Iterator[Samples], spans: tuple[tuple[float, float], ...]) -> Iterator[Samples]:
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
    path = source.path if isinstance(source, Channel) else source
    _check_file(path)
    try:
        info = soundfile.info(str(path))
        return float(info.frames / info.samplerate) if 0 < info.frames < 2**48 else 0.0
    except soundfile.LibsndfileError:
        with _audio_stream(path) as stream:
            if sure:
                return _promised_end(stream.container)
            if stream.duration is None or stream.time_base is None:
                return 0.0
            return float(stream.duration * stream.time_base)


def _check_file(path: str | Path) -> None:
    path = Path(path)
    if path.is_dir():
        raise SealError(f"{path}: is a folder; name an audio file")
    if not path.exists():
        raise SealError(f"{path}: there is no such file")
    if not path.is_file():
        raise SealError(f"{path}: is no regular file; save the sound to a file first")


def _resampled(
    path: str | Path, strict: bool, choose: Callable[[Samples], Samples]
) -> Iterator[Samples]:
    """Pieces of what is chosen at 16 kHz; short ones may be empty while the resampler fills."""
    resampler: Any = None
    source_rate = 0
    read = 0
    written = 0
    for rate, frames in _whole_seconds(_decoded(path, strict)):
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


def _decoded(path: str | Path, strict: bool) -> Iterator[tuple[int, Samples]]:
    """Yield (rate, float32 [frames, channels]) by libsndfile, else by FFmpeg."""
    _check_file(path)
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.LibsndfileError as error:
        if not _readable(path):
            raise SealError(f"{path}: cannot be read; have you the right to?") from None
        reason = str(error.error_string).strip().rstrip(".")
        yield from _decoded_by_ffmpeg(path, reason, strict)
        return
    if containers.has_second_stream(path, file.format):
        file.close()
        yield from _decoded_by_ffmpeg(path, "two streams", strict, joined=True)
        return
    with file:
        told = _check_whole(path, file, strict)
        read = 0
        while True:
            try:
                frames = file.read(file.samplerate, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, RuntimeError):
                if not told:
                    _cut_short(path, strict, read / file.samplerate, _promised(file, read))
                return
            if not len(frames):
                break
            read += len(frames)
            yield file.samplerate, frames
        promised = _promised(file, read)
        if promised is not None and not told:
            _cut_short(path, strict, read / file.samplerate, promised)


def _promised(file: Any, read: int) -> float | None:
    """The seconds that the header promises, where those are more than the frames that were `read`.
    A pipe writes 'unknown' as a huge count; MPEG's header is an estimate."""
    inexact = 48_000 if file.format == "MPEG" else 0
    return file.frames / file.samplerate if read + inexact < file.frames < 2**31 else None


def _check_whole(path: str | Path, file: Any, strict: bool) -> bool:
    """Tell of a truncated file, whose length libsndfile mends silently; of a WAV or OGG its log
    tells. Return whether it is one."""
    seconds = file.frames / file.samplerate
    half_a_page = "lacks an end-of-stream bit" in file.extra_info and "Junk" in file.extra_info
    if half_a_page and file.frames:
        _cut_short(path, strict, seconds)
        return True
    less = containers.missing(path)
    if less is not None:
        _cut_short(path, strict, seconds, seconds * less[1] / max(1, less[0]))
        return True
    found = re.search(r"^data\s*:\s*(\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    promised, present = (int(found[1]), int(found[2])) if found else (0, 0)
    if not present < promised < 0x7FFF0000 or not file.frames:
        return False
    _cut_short(path, strict, seconds, seconds * promised / present)
    return True


def _cut_short(
    path: str | Path, strict: bool, present: float, promised: float | None = None
) -> None:
    """Warn of a file without the rest of its sound; `strict` refuses it."""
    of = "" if promised is None else f" of {promised:.1f} s"
    what = f"{path}: the file is cut short or damaged at {present:.1f} s{of}"
    if strict:
        raise SealError(f"{what}; copy it again, or save what is there as a new file")
    warnings.warn(f"{what}; what is there is used (--strict refuses it)", CutShort, stacklevel=2)


def _readable(path: str | Path) -> bool:
    try:
        with open(path, "rb"):
            return True
    except OSError:
        return False


@contextmanager
def _audio_stream(path: str | Path, reason: str = "unknown format") -> Iterator[Any]:
    """The first audio stream of a file by FFmpeg. SealError where there is none."""
    import av

    container = None
    try:
        # Without 'file:', FFmpeg takes 'a:b.m4a' for a protocol; a playlist could name a URL.
        name = f"file:{Path(path).absolute()}"
        container = av.open(name, options={"protocol_whitelist": "file"})
        stream = container.streams.audio[0]
    except (av.error.FFmpegError, IndexError, OSError, ValueError):
        if container is not None:
            container.close()
        raise SealError(
            f"{path}: holds no sound that can be read ({reason});"
            " give a WAV, FLAC, MP3, OGG or M4A file"
        ) from None
    with container:
        yield stream


def _frames(packet: Any, joined: bool) -> list[Any]:
    """The decoded frames. Between two `joined` files there may be tags, which are no sound."""
    import av

    try:
        return list(packet.decode())
    except av.error.InvalidDataError:
        if not joined:
            raise
        return []


def _decoded_by_ffmpeg(
    path: str | Path, reason: str, strict: bool, joined: bool = False
) -> Iterator[tuple[int, Samples]]:
    import av

    with _audio_stream(path, reason) as stream:
        planar = av.AudioResampler(format="fltp")  # the sample format alone; soxr does the rate
        promised = _promised_end(stream.container)
        seconds = reached = 0.0
        try:
            for packet in stream.container.demux():  # pictures may go on behind the sound
                if packet.pts is not None:
                    end = (packet.pts + (packet.duration or 0)) * packet.time_base
                    reached = max(reached, float(end))
                if packet.stream.index != stream.index:
                    continue
                for converted in itertools.chain(*map(planar.resample, _frames(packet, joined))):
                    samples = converted.to_ndarray().astype(np.float32, copy=False)
                    seconds += samples.shape[1] / converted.sample_rate
                    yield converted.sample_rate, samples.T
        except (av.error.FFmpegError, OSError, ValueError):
            _cut_short(path, strict, seconds, promised or None)
            return
        less = containers.missing(path)
        if less is not None:
            _cut_short(path, strict, seconds, seconds * less[1] / max(1, less[0]))
            return
        if reached < promised - 1.0:
            _cut_short(path, strict, seconds, promised)


def _promised_end(container: Any) -> float:
    """Seconds at which the file's header says that it ends; 0.0 where FFmpeg would but guess."""
    known = container.format.name.startswith(("mov", "matroska", "asf"))
    if not known or container.duration is None:
        return 0.0
    return float((container.duration + (container.start_time or 0)) / 1e6)
