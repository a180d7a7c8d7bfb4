"""What a recording's file says of its length, where the libraries that decode it do not ask.

libsndfile takes what is there of a truncated RF64, W64, AIFF, AU or NIST file, FFmpeg of a CAF, and
libsndfile stops at the end of the first of two streams. This file reads headers and knows nothing
of sound.
"""

import mmap
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

UNKNOWN = 0x7FFF0000
"""Bytes in a field of 32 bits from which on it means that the writer did not know."""

UNKNOWN_64 = 1 << 62
"""The same for one of 64."""

MIN_FRAME_BYTES = 2048
"""Behind the end of an MP3's stream lie tags; more than this that begins as a stream is one."""

MAX_HEADER_BYTES = 1 << 16
"""Beginnings of the streams that run side by side in an Ogg file lie within its first bytes."""

STRICT = "SEAL_STRICT"
"""A variable, so that worker processes have it: 1 refuses a recording that is cut short."""

_W64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")
_SYNC = re.compile(rb"\xff[\xe2-\xff]")


def missing(path: str | Path) -> tuple[int, int] | None:
    """The bytes of sound that are there, and those that the header promises, if those are more."""
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        start = file.read(16)
        place = _place(start, file)
    if place is None:
        return None
    begin, promised = place
    present = max(0, size - begin)
    return (present, promised) if present < promised else None


def _place(start: bytes, file: IO[bytes]) -> tuple[int, int] | None:
    """Where the sound begins and how many bytes of it the header promises; None if it does not."""
    if start[:4] == b"RF64" and start[8:] == b"WAVEds64":
        file.seek(28)
        promised = int.from_bytes(file.read(8), "little")
        for name, begin, _ in _chunks(file, 12, "little"):
            if name == b"data":
                return _known(begin, promised, UNKNOWN_64)
    elif start[:4] == b"FORM":
        for name, begin, promised in _chunks(file, 12, "big"):
            if name == b"SSND":
                return _known(begin, promised, UNKNOWN)
    elif start[:4] == b"riff":
        for name, begin, promised in _chunks(file, 40, "little", wide=16):
            if name == _W64_DATA:
                return _known(begin, promised - 24, UNKNOWN_64)
    elif start[:4] == b"caff":
        for name, begin, promised in _chunks(file, 8, "big", wide=4):
            if name == b"data":
                return _known(begin, promised, UNKNOWN_64)
    elif start[:4] == b".snd":
        begin, promised = (int.from_bytes(start[i : i + 4], "big") for i in (4, 8))
        return _known(begin, promised, UNKNOWN)
    elif start[:7] == b"NIST_1A":
        return _nist(start, file)
    return None


def _known(begin: int, promised: int, unknown: int) -> tuple[int, int] | None:
    return (begin, promised) if 0 < promised < unknown else None


def _chunks(
    file: IO[bytes], at: int, order: str, wide: int = 0
) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin of the content and size of each chunk from `at` on. `wide` is the length of names
    where sizes have 64 bits; W64's (16) count their own heads and are padded to 8 bytes."""
    name_length, size_length = wide or 4, 8 if wide else 4
    end = os.fstat(file.fileno()).st_size
    while at < end:
        file.seek(at)
        head = file.read(name_length + size_length)
        if len(head) < name_length + size_length:
            return
        size = int.from_bytes(head[name_length:], order)  # type: ignore[arg-type]
        begin = at + len(head)
        yield head[:name_length], begin, size
        if wide == 16:
            at += max(24, size + -size % 8)
        else:
            at = begin + size + (size % 2 if not wide else 0)


def _nist(start: bytes, file: IO[bytes]) -> tuple[int, int] | None:
    file.seek(0)
    text = file.read(4096).decode("latin-1")
    fields = dict(re.findall(r"^(\w+) -\S+ (\S+)", text.partition("end_head")[0], re.MULTILINE))
    length = text.partition("\n")[2].partition("\n")[0].strip()
    numbers = [fields.get(f"{name}", "1") for name in ("channel_count", "sample_n_bytes")]
    count = fields.get("sample_count", "0")
    if "shorten" in fields.get("sample_coding", "") or not all(
        number.isdecimal() for number in (length, count, *numbers)
    ):
        return None
    return _known(int(length), int(count) * int(numbers[0]) * int(numbers[1]), UNKNOWN)


def has_second_stream(path: str | Path, container: str) -> bool:
    """Whether another MP3 or Ogg stream lies behind the first, where libsndfile ends."""
    if Path(path).stat().st_size < MIN_FRAME_BYTES or container not in ("MPEG", "OGG", "MP3"):
        return False
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if container == "OGG":
            return data.find(b"OggS\x00\x02", MAX_HEADER_BYTES) >= 0
        begin = 0
        if data[:3] == b"ID3":
            begin = 10 + sum(byte << 7 * (3 - i) for i, byte in enumerate(data[6:10]))
        end = begin + _mp3_bytes(data[begin : begin + 512])
        rest = data[end : end + 4096] if end > begin else b""
        if rest[:3] == b"ID3":
            return len(data) - end > MIN_FRAME_BYTES
        return len(data) - end > MIN_FRAME_BYTES and bool(_SYNC.match(rest))


def _mp3_bytes(frame: bytes) -> int:
    """Bytes of an MP3's stream by its Xing header; 0 where there is none, or it does not say."""
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if at < 0 or len(frame) < at + 16:
        return 0
    flags = int.from_bytes(frame[at + 4 : at + 8], "big")
    if not flags & 2:
        return 0
    at += 12 if flags & 1 else 8
    return int.from_bytes(frame[at : at + 4], "big")
