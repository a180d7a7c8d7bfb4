"""A recording as the review page needs it: its outline, and something that a browser can play.

It knows nothing of words. What reads audio is imported where there is a recording: a page without
one works where seal[audio] is not installed.
"""

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import numpy as np

from seal.review import Sound

PEAKS = 50
"""Points of the outline per second."""

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
    """Seconds, and the loudest sample of each 1 / PEAKS of a second, 255 being full scale.

    The sound is streamed. Raises SealError where it is none.
    """
    from seal.acoustic.audio import RATE, blocks

    size = RATE // PEAKS
    found: list[bytes] = []
    count = 0
    for block in blocks(path):  # of 10 s, so only the last one has an odd size
        count += len(block)
        padded = np.pad(np.abs(block), (0, -len(block) % size))
        loudest = padded.reshape(-1, size).max(axis=1)
        found.append(np.minimum(255, 255 * loudest).astype(np.uint8).tobytes())
    return count / RATE, b"".join(found)


def as_mp3(path: str | Path) -> bytes:
    """The recording as mono MP3 of 16 kHz, a third of a megabyte a minute."""
    import soundfile

    from seal.acoustic.audio import RATE, blocks

    written = BytesIO()
    with soundfile.SoundFile(
        written,
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
    return written.getvalue()


def embedded(path: str | Path) -> Sound:
    """The recording inside the page."""
    seconds, peaks = outline(path)
    return Sound(f"data:audio/mpeg;base64,{b64encode(as_mp3(path)).decode()}", seconds, peaks)


def at(url: str, path: str | Path) -> Sound:
    """The recording at an address."""
    return Sound(url, *outline(path))
