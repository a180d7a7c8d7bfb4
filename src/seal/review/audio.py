"""A recording as the review page needs it: its outline, and audio that a browser can play.

It knows nothing of words. What reads audio is imported inside the functions: a page without a
recording works where seal[audio] is not installed.
"""

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import numpy as np

from seal.review import PageAudio

PEAKS_PER_SECOND = 50
"""Points of the outline."""

PLAYABLE = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".webm": "audio/webm",
}
"""What browsers play as it is; anything else is sent as MP3."""


def outline(path: str | Path) -> tuple[float, bytes]:
    """Its seconds, and the loudest sample of each 1 / PEAKS_PER_SECOND of a second; 255 is full
    scale.

    The recording is read in blocks. Raises SealError where it is none.
    """
    from seal.acoustic.audio import RATE, blocks

    size = RATE // PEAKS_PER_SECOND
    peaks: list[bytes] = []
    samples = 0
    for block in blocks(path):  # of 10 s, so only the last one may need padding
        samples += len(block)
        padded = np.pad(np.abs(block), (0, -len(block) % size))
        loudest = padded.reshape(-1, size).max(axis=1)
        peaks.append(np.minimum(255, 255 * loudest).astype(np.uint8).tobytes())
    return samples / RATE, b"".join(peaks)


def as_mp3(path: str | Path) -> bytes:
    """The recording as mono MP3 at 16 kHz, a third of a megabyte per minute."""
    import soundfile

    from seal.acoustic.audio import RATE, blocks

    mp3 = BytesIO()
    with soundfile.SoundFile(
        mp3,
        "w",
        RATE,
        1,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.8,
    ) as file:
        for block in blocks(path):
            file.write(block)
    return mp3.getvalue()


def embedded(path: str | Path) -> PageAudio:
    """The recording inside the page, as MP3."""
    seconds, peaks = outline(path)
    return PageAudio(f"data:audio/mpeg;base64,{b64encode(as_mp3(path)).decode()}", seconds, peaks)


def linked(url: str, path: str | Path) -> PageAudio:
    """The recording at an address."""
    return PageAudio(url, *outline(path))
