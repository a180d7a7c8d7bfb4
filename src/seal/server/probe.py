"""Is an upload a recording that may be worked on? Decoded once, in a process of its own.

A file that breaks a decoder, or swells in it, ends that process and not the server. It knows
nothing of jobs.
"""

import asyncio
import sys
from pathlib import Path

from seal.errors import SealError

RATES = (1_000, 768_000)  # samples per second of real recordings
CHANNELS = 64
CONTAINERS = "aac,aiff,amr,ape,asf,au,avi,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav,wv"
"""FFmpeg's names of those that hold sound. Playlists are not among them: they name other files."""
MEMORY = 4 << 30  # bytes that the decoding may take
SLOWEST = 0.02  # seconds of decoding per second of sound, beyond which it is given up

_TOO_LONG = 3  # exit status


class TooLongError(Exception):
    """More sound than is taken."""


async def check(path: Path, minutes: float) -> None:
    """Decode the file. Raises SealError if it is no whole recording, TooLongError if it holds more
    than so many minutes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
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
            process.communicate(), timeout=60 + SLOWEST * 60 * minutes
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


def measure(path: Path, most: float) -> float:
    """Seconds of sound in a file, decoded block by block; TooLongError as soon as there are more
    than `most`. Raises SealError if it is no whole recording."""
    from seal.acoustic.audio import RATE, blocks, duration

    _check_container(path)
    if duration(path) > most:
        raise TooLongError
    seconds = 0.0  # the header may have lied
    for block in blocks(path):
        seconds += len(block) / RATE
        if seconds > most:
            raise TooLongError
    return seconds


def _check_container(path: Path) -> None:
    import soundfile

    try:
        info = soundfile.info(str(path))
        rate, channels = info.samplerate, info.channels
    except soundfile.LibsndfileError:
        rate, channels = _known_to_ffmpeg(path)
    if not RATES[0] <= rate <= RATES[1] or not 1 <= channels <= CHANNELS:
        raise SealError(f"{path}: {channels} channels at {rate} Hz are no recording")


def _known_to_ffmpeg(path: Path) -> tuple[int, int]:
    import av

    refusal = f"{path}: holds no sound that can be read; give a WAV, FLAC, MP3, OGG or M4A file"
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        with av.open(f"file:{path.absolute()}", options=options) as container:
            stream = container.streams.audio[0]
            return int(stream.rate or 0), int(stream.channels or 0)
    except (av.error.FFmpegError, IndexError, OSError, ValueError):
        raise SealError(refusal) from None


def _main(path: str, most: str) -> int:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        measure(Path(path), float(most))
    except TooLongError:
        return _TOO_LONG
    except SealError as error:
        print(" ".join(str(error).split()))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
