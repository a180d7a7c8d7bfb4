"""Recordings decoded as they come, by libsndfile or FFmpeg, and told of where they are cut short.

Any file that one of the two reads (FFmpeg through PyAV), at its own rate and with its own channels.
`audio.py` makes of it what seal hears; this file knows nothing of that.
"""

import itertools
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from seal.acoustic import containers
from seal.acoustic.arrays import Floats
from seal.errors import CutShort, SealError


def decoded(path: str | Path, strict: bool) -> Iterator[tuple[int, Floats]]:
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


def duration(path: str | Path, sure: bool = False) -> float:
    """Seconds of audio that the file's header promises; 0.0 where it does not say.

    Where there is no header, FFmpeg guesses; if `sure`, a guess is 0.0. Raises SealError where the
    file cannot be opened.
    """
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
) -> Iterator[tuple[int, Floats]]:
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
