"""Recordings as 16 kHz mono samples, streamed.

Any file that libsndfile or FFmpeg (through PyAV) reads, at any rate and with any number of
channels, comes out in blocks, so that a ten-hour file needs no more memory than a short one. This
file knows nothing of speech, of models or of words.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from seal.acoustic import containers
from seal.acoustic.arrays import Floats
from seal.errors import SealError

Samples = Floats

RATE = 16_000
"""Samples per second of everything that leaves this file."""

_SILLY = 1e6  # samples are about [-1, 1]; unscaled 16-bit ones still pass, NaN and infinity do not


def blocks(path: str | Path, seconds: float = 10.0) -> Iterator[Samples]:
    """Yield the recording as float32 [samples] at 16 kHz, channels averaged, `seconds` at a time.

    The last block is shorter. Raises SealError (one line) where the file is missing, no audio,
    empty, cut short, or holds samples that are no numbers; the fault may lie after good blocks.
    """
    size = max(1, round(seconds * RATE))
    pieces: list[Samples] = []
    count = 0
    total = 0
    for piece in _resampled(path):
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


def duration(path: str | Path) -> float:
    """Seconds of audio that the file's header promises; 0.0 where it does not say.

    For progress only: the header may be wrong. Raises SealError where the file cannot be opened.
    """
    _check_file(path)
    try:
        info = soundfile.info(str(path))
        return float(info.frames / info.samplerate) if 0 < info.frames < 2**48 else 0.0
    except soundfile.LibsndfileError:
        with _audio_stream(path) as stream:
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


def _resampled(path: str | Path) -> Iterator[Samples]:
    """Mono pieces at 16 kHz; short ones may be empty while the resampler fills."""
    resampler: Any = None
    source_rate = 0
    read = 0
    written = 0
    for rate, frames in _decoded(path):
        with np.errstate(over="ignore", invalid="ignore"):
            mono = frames.mean(axis=1, dtype=np.float32)
        sane = np.abs(mono) < _SILLY
        if not sane.all():
            time = (read + int(np.argmin(sane))) / rate
            raise SealError(
                f"{path}: the sample at {time:.3f} s is no sound (NaN, infinite or huge);"
                " save the file again as 16-bit audio"
            )
        read += len(mono)
        if rate == RATE:
            yield mono
            continue
        if resampler is None:
            resampler, source_rate = soxr.ResampleStream(rate, RATE, 1, dtype="float32"), rate
        elif rate != source_rate:
            raise SealError(f"{path}: the sample rate changes at {read / rate:.1f} s; convert it")
        piece = resampler.resample_chunk(mono)
        written += len(piece)
        yield piece
    if resampler is not None:
        piece = resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
        # A sample or two at a higher rate round to none at ours, but they are a recording.
        yield piece if written + len(piece) or not read else np.zeros(1, dtype=np.float32)


def _decoded(path: str | Path) -> Iterator[tuple[int, Samples]]:
    """Yield (rate, float32 [frames, channels]) by libsndfile, else by FFmpeg."""
    _check_file(path)
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.LibsndfileError as error:
        if not _readable(path):
            raise SealError(f"{path}: cannot be read; have you the right to?") from None
        reason = str(error.error_string).strip().rstrip(".")
        yield from _decoded_by_ffmpeg(path, reason)
        return
    if containers.has_second_stream(path, file.format):
        file.close()
        yield from _decoded_by_ffmpeg(path, "two streams", joined=True)
        return
    with file:
        _check_whole(path, file)
        read = 0
        while True:
            try:
                frames = file.read(file.samplerate, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, RuntimeError):
                raise SealError(_cut_short(path, read / file.samplerate)) from None
            if not len(frames):
                break
            read += len(frames)
            yield file.samplerate, frames
        # A pipe writes 'unknown' as a huge count: such a header promises nothing.
        if read < file.frames < 2**31 and _loses_sound(file.format, file.frames - read):
            raise SealError(_cut_short(path, read / file.samplerate, file.frames / file.samplerate))


def _loses_sound(container: str, missing: int) -> bool:
    """Is the file shorter than its header says? MPEG's header is an estimate."""
    return missing > (48_000 if container == "MPEG" else 0)


def _check_whole(path: str | Path, file: Any) -> None:
    """libsndfile mends the length of a truncated file silently; of a WAV or OGG its log tells."""
    half_a_page = "lacks an end-of-stream bit" in file.extra_info and "Junk" in file.extra_info
    if half_a_page and file.frames:
        raise SealError(_cut_short(path, file.frames / file.samplerate))
    less = containers.missing(path)
    if less is not None:
        seconds = file.frames / file.samplerate
        raise SealError(_cut_short(path, seconds, seconds * less[1] / max(1, less[0])))
    found = re.search(r"^data\s*:\s*(\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if found is None:
        return
    promised, present = int(found[1]), int(found[2])
    if present < promised < 0x7FFF0000 and file.frames:
        seconds = file.frames / file.samplerate
        raise SealError(_cut_short(path, seconds, seconds * promised / present))


def _cut_short(path: str | Path, present: float, promised: float | None = None) -> str:
    of = "" if promised is None else f" of {promised:.1f} s"
    return (
        f"{path}: the file is cut short or damaged at {present:.1f} s{of};"
        " copy it again, or save what is there as a new file"
    )


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


def _frames(stream: Any, joined: bool) -> Iterator[Any]:
    """The decoded frames. Between two `joined` files there may be tags, which are no sound."""
    import av

    for packet in stream.container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            if not joined:
                raise


def _decoded_by_ffmpeg(
    path: str | Path, reason: str, joined: bool = False
) -> Iterator[tuple[int, Samples]]:
    import av

    with _audio_stream(path, reason) as stream:
        planar = av.AudioResampler(format="fltp")  # the sample format alone; soxr does the rate
        seconds = 0.0
        try:
            for frame in _frames(stream, joined):
                for converted in planar.resample(frame):
                    samples = converted.to_ndarray().astype(np.float32, copy=False)
                    seconds += samples.shape[1] / converted.sample_rate
                    yield converted.sample_rate, samples.T
        except (av.error.FFmpegError, OSError, ValueError):
            raise SealError(_cut_short(path, seconds)) from None
        less = containers.missing(path)
        if less is not None:
            whole = seconds * less[1] / max(1, less[0])
            raise SealError(_cut_short(path, seconds, whole))
        promised = 0.0
        if stream.duration is not None and stream.time_base is not None:
            promised = float(stream.duration * stream.time_base)
        if seconds < promised - 1.0:
            raise SealError(_cut_short(path, seconds, promised))
