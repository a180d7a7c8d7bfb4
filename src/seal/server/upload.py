"""Bodies of requests, read as they come and refused beyond their limits.

A recording goes straight to a file of ours; the client's name for it is never used as a path. This
file knows nothing of jobs, nor of what is in a body.
"""

import asyncio
import time
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import HTTPException
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from seal.server.settings import MIN_BYTES_PER_SECOND, SPOOL_BYTES

MAX_OPTION_BYTES = 1000
"""Of the value of an option."""

MAX_FIELDS = 16
"""Options in a form."""

MAX_NAME_LENGTH = 120
"""Characters that are used of a file's name."""


async def pieces(request: Request, max_bytes: int, idle: float) -> AsyncIterator[bytes]:
    """Yield the body piece by piece. Answers 413 beyond `max_bytes`, and 408 after `idle` seconds
    without a byte, or where the whole comes slower than MIN_BYTES_PER_SECOND."""
    try:
        promised = int(request.headers.get("content-length", 0))
    except ValueError:
        raise HTTPException(400, "Content-Length is no number") from None
    if promised > max_bytes:
        raise _too_large(max_bytes)
    stream = request.stream()
    received = 0
    begun = time.monotonic()
    while True:
        patience = begun + idle + received / MIN_BYTES_PER_SECOND - time.monotonic()
        try:
            piece = await asyncio.wait_for(anext(stream), max(0.0, min(idle, patience)))
        except StopAsyncIteration:
            return
        except TimeoutError:
            why = f"no data came for {idle:g} seconds"
            raise HTTPException(
                408, why if patience >= idle else "the data come too slowly"
            ) from None
        except ClientDisconnect:
            raise HTTPException(400, "the body ended too early") from None
        received += len(piece)
        if received > max_bytes:
            raise _too_large(max_bytes)
        yield piece


@dataclass
class Body:
    """A body that is taken as a whole: in memory where it is small, else in the file `target`."""

    target: Path
    size: int = 0
    _start: bytearray = field(default_factory=bytearray)

    async def receive(self, request: Request, max_bytes: int, idle: float) -> None:
        """Read it. Raises HTTPException beyond a limit; the caller then removes the file."""
        pending = bytearray()
        async for piece in pieces(request, max_bytes, idle):
            pending += piece
            self.size += len(piece)
            if len(pending) > SPOOL_BYTES:
                written, pending = pending, bytearray()
                await run_in_threadpool(self._write, written)
        if self.size == len(pending):
            self._start = pending
        elif pending:
            await run_in_threadpool(self._write, pending)

    def _write(self, data: bytearray) -> None:
        with open(self.target, "ab") as file:
            file.write(data)

    @property
    def in_file(self) -> bool:
        """Whether it is, or was begun to be, written to `target`."""
        return self.size != len(self._start)

    @property
    def source(self) -> bytes | Path:
        """Where it is."""
        return self.target if self.in_file else bytes(self._start)

    def content(self) -> bytes:
        """All of it."""
        return self.target.read_bytes() if self.in_file else bytes(self._start)


def _too_large(max_bytes: int) -> HTTPException:
    return HTTPException(
        413, f"the body is larger than {max_bytes:,} bytes, the most that is taken"
    )


@dataclass
class Form:
    """A multipart body; its one file, the field `recording`, is written to `target`."""

    target: Path
    long: str = ""
    """A field that may have `long_bytes`, as a transcript has; the others are options."""
    long_bytes: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    """The client's name of the file; None until it has come."""
    _header: list[bytes] = field(default_factory=lambda: [b"", b""])
    _disposition: bytes = b""
    _name: str = ""
    _value: bytearray | None = None
    """Of the option being read; None while the file is read."""
    _pending: bytearray = field(default_factory=bytearray)
    _whole: bool = False

    async def receive(self, request: Request, max_bytes: int, idle: float) -> None:
        """Read the body. Raises HTTPException where it is no such form or beyond a limit; the
        caller then removes the file."""
        kind, options = parse_options_header(request.headers.get("content-type"))
        if kind != b"multipart/form-data":
            raise HTTPException(415, "send the recording as multipart/form-data")
        boundary = options.get(b"boundary", b"")
        if not boundary or len(boundary) > 200:
            raise HTTPException(400, "the Content-Type names no usable boundary")
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": lambda data, start, end: self._add(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._add(1, data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_end": self._close,
            },
        )
        with open(self.target, "xb") as file:
            try:
                async for piece in pieces(request, max_bytes, idle):
                    parser.write(piece)
                    if len(self._pending) >= 1 << 20:
                        written, self._pending = self._pending, bytearray()
                        await run_in_threadpool(file.write, written)
            except FormParserError as error:
                line = " ".join(str(error).split())
                raise HTTPException(400, f"not a multipart body: {line}") from None
            await run_in_threadpool(file.write, self._pending)
            await run_in_threadpool(file.flush)
        if not self._whole:
            raise HTTPException(400, "the multipart body ends too early")
        if self.filename is None:
            raise HTTPException(400, "there is no file in the field 'recording'")

    def _begin(self) -> None:
        self._disposition = b""

    def _add(self, index: int, data: bytes) -> None:
        self._header[index] += data

    def _header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = [b"", b""]

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace")
        if self._name == "recording":
            if self.filename is not None:
                raise HTTPException(400, "there are two recordings; send one request for each")
            self.filename = options.get(b"filename", b"").decode(errors="replace")
            self._value = None
            return
        if self._name in self.fields:
            raise HTTPException(422, f"the option {self._name[:40]!r} is there twice")
        if len(self.fields) == MAX_FIELDS:
            raise HTTPException(400, "there are too many fields")
        self._value = bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._value is None:
            self._pending += data[start:end]
            return
        self._value += data[start:end]
        if self._name == self.long and self.long:
            if len(self._value) > self.long_bytes:
                raise _too_large(self.long_bytes)
        elif len(self._value) > MAX_OPTION_BYTES:
            raise HTTPException(
                422,
                f"the option {self._name[:40]!r} is too long; a recording goes in a part called "
                "'recording'",
            )

    def _end(self) -> None:
        if self._value is not None:
            self.fields[self._name] = self._value.decode(errors="replace")

    def _close(self) -> None:
        self._whole = True


def stem(filename: str | None) -> str:
    """The recording's name: the file's without folders, ending and control characters."""
    base = (filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(char for char in base if unicodedata.category(char)[0] != "C")
    return Path(printable).stem.strip(" .")[:MAX_NAME_LENGTH] or "recording"
