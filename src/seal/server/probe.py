"""Check that an upload is a recording, by decoding it once in a process of its own.

A file that crashes a decoder, or takes too much memory in it, ends that process and not the server.
It knows nothing of jobs. What decodes is imported there: a server without recordings needs no
seal[audio].
"""

import asyncio
import resource
import sys
from pathlib import Path

from seal import child
from seal.errors import SealError

SAMPLE_RATES = (1_000, 768_000)
"""Lowest and highest samples per second of real recordings."""

MAX_CHANNELS = 64
"""More are no recording of a conversation."""

CONTAINERS = "aac,aiff,amr,ape,asf,au,avi,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav,wv"
"""FFmpeg's names of those that hold audio. Playlists are not among them: they name other files."""

MAX_MEMORY_BYTES = 4 << 30
"""What the decoding process may take."""

MAX_DECODING_TIME = 0.02
"""Seconds of decoding per second of audio, beyond which it is given up."""

_TOO_LONG = 3  # exit status


class TooLongError(Exception):
    """The recording is longer than is taken."""


async def check(path: Path, minutes: float) -> None:
    """Decode the file. Raises SealError if it is no whole recording, TooLongError if it is longer
    than `minutes`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        child.FLAG,
        "-m",
        "seal.server.probe",
        str(path),
        str(60 * minutes),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(
            process.communicate(), timeout=60 + MAX_DECODING_TIME * 60 * minutes
        )
    except TimeoutError:
        raise SealError("recording: takes too long to decode; save it as WAV or FLAC") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return
    if process.returncode == _TOO_LONG:
        raise TooLongError
    line = output.decode(errors="replace").strip().replace(str(path), "recording")
    raise SealError(line or "recording: cannot be decoded; save it as WAV or FLAC")


def measure(path: Path, max_seconds: float) -> float:
    """The seconds of audio in a file, decoded block by block. Raises TooLongError as soon as there
    are more than `max_seconds`, SealError if it is no whole recording."""
    from seal.acoustic.audio import RATE, blocks, duration

    _check_container(path)
    if duration(path) > max_seconds:
        raise TooLongError
    seconds = 0.0  # counted, since the header may be wrong
    for block in blocks(path, strict=True):
        seconds += len(block) / RATE
        if seconds > max_seconds:
            raise TooLongError
    return seconds


def _check_container(path: Path) -> None:
    import soundfile

    try:
        info = soundfile.info(str(path))
        rate, channels = info.samplerate, info.channels
    except soundfile.LibsndfileError:
        rate, channels = _ffmpeg_info(path)
    if not SAMPLE_RATES[0] <= rate <= SAMPLE_RATES[1] or not 1 <= channels <= MAX_CHANNELS:
        raise SealError(f"{path}: {channels} channels at {rate} Hz are no recording")


def _ffmpeg_info(path: Path) -> tuple[int, int]:
    """The sample rate in Hz and the number of channels, for what libsndfile cannot read."""
    import av

    refusal = f"{path}: holds no sound that can be read; give a WAV, FLAC, MP3, OGG or M4A file"
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        with av.open(f"file:{path.absolute()}", options=options) as container:
            stream = container.streams.audio[0]
            return int(stream.rate or 0), int(stream.channels or 0)
    except (av.error.FFmpegError, IndexError, OSError, ValueError):
        raise SealError(refusal) from None


def _main(path: str, max_seconds: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    try:
        measure(Path(path), float(max_seconds))
    except TooLongError:
        return _TOO_LONG
    except SealError as error:
        print(" ".join(str(error).split()))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
