"""A small server of the review page of one file, for the person at this machine alone.

It binds the loopback address, answers only under a path that nobody can guess, and only to requests
for this machine's own name. It saves whole files or nothing, and never over a file that another
program has changed since. It knows nothing of models.
"""

import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import uvicorn
from fastapi import Body, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse

from seal import formats
from seal.errors import SealError
from seal.formats import docx, evidence, known
from seal.review import FOR_PEOPLE, conversation, document
from seal.review.audio import PLAYABLE, as_mp3, linked
from seal.review.edits import apply
from seal.review.known import KnownVoices
from seal.words import Word

ENDINGS = {
    name: f"-{name}.json" if kind == "json" else known.suffix_of(name)
    for name, kind in known.FORMATS.items()
    if name != "ctm-rttm"
} | {"docx": docx.SUFFIX}
"""The formats that one file can hold, and how the name of an export ends."""

OTHERS = {
    name: f"{name} ({ending.rsplit('.')[-1]})"
    for name, ending in sorted(ENDINGS.items())
    if name not in FOR_PEOPLE
}
"""Those beside what people ask for first, as they are called on the page."""


Teacher = Callable[[Sequence[Word], Sequence[int]], dict[str, Any]]
"""What says, of a transcript and the words of its conversation, what follows from its rulings
(`seal.teaching.lesson`)."""


class Review:
    """The file that is reviewed, as it is on disk and on the page."""

    def __init__(
        self,
        path: Path,
        audio: Path | None = None,
        session: str | None = None,
        teacher: Teacher | None = None,
        known: KnownVoices | None = None,
    ) -> None:
        self.path = path
        self.teacher = teacher
        self.known = known
        self.audio = audio
        self.session = session
        self._lock = threading.Lock()
        self._transcript: formats.Transcript | None = None
        self.load()
        self.page_audio = linked("sound", audio) if audio else None

    def load(self) -> None:
        """Read the file (again). `version` identifies what was read."""
        self.version = self._digest()
        # The format stays: with other speakers another one might be recognised.
        known = self._transcript.format if self._transcript else None
        self._transcript = formats.load(self.path, known)
        self.format, self.words = self._transcript.format, self._transcript.words
        try:
            self.indices = conversation(self.words, self.session)
        except SealError as error:
            raise SealError(f"{self.path}: {error}") from None

    def page(self) -> str:
        with self._lock:
            self.load()
            return document(
                self.path.name,
                self.words,
                self.indices,
                self.page_audio,
                self._save_address(),
                OTHERS,
                writable=self.format == "words",
                teaches=self.teacher is not None,
                library=str(self.known.library) if self.known else None,
            )

    def save(self, edits: Any, version: str) -> str:
        """Write the edits of a page that shows `version`; return the address for its next ones.
        Raises SealError, and leaves the file as it is, if another program or page has changed it.
        """
        with self._lock:
            if not version == self.version == self._digest():
                raise SealError(
                    f"{self.path}: was changed by somebody else, or in another tab; export your "
                    "words (json), then load the page again"
                )
            edited = apply(self.words, self.indices, edits)
            if self.format != "words" and edits.get("texts"):
                raise SealError(
                    f"{self.path}: words can be corrected in a word transcript alone; "
                    "seal convert --to words makes one"
                )
            assert self._transcript is not None
            self._transcript.save(edited, self.path)
            self.load()
            return self._save_address()

    def _digest(self) -> str:
        # A CTM's speakers are in the second; what a person said of another tool's in the third.
        paths = (self.path, self.path.with_suffix(".rttm"), evidence.beside(self.path))
        try:
            contents = [path.read_bytes() for path in paths if path.is_file()]
        except OSError as error:
            raise SealError(f"{self.path}: cannot be read: {error.strerror}") from None
        return sha256(b"\0".join(contents)).hexdigest()[:16]

    def _save_address(self) -> str:
        return f"save?version={self.version}"

    def teach(self, edits: Any) -> dict[str, Any]:
        """What follows from the rulings of the file and of these edits; nothing is written."""
        if self.teacher is None:
            raise SealError("this page was opened without what learns from rulings")
        return self.teacher(apply(self.words, self.indices, edits), self.indices)

    def offered(self, edits: Any) -> list[dict[str, Any]]:
        """Whom the speakers sound like, with these edits; nothing is written."""
        known, words = self._with_known(edits)
        return known.offered(words, self.indices)

    def remember(self, request: Any) -> str:
        """Put a speaker's voice into the library; the transcript is left as it is. `request` has
        the `edits`, the `speaker` and the `consent`. Raises SealError without it."""
        if not isinstance(request, dict):
            raise SealError("remember: must be an object")
        known, words = self._with_known(request.get("edits"))
        return known.remember(words, self.indices, request.get("speaker"), request.get("consent"))

    def _with_known(self, edits: Any) -> tuple[KnownVoices, list[Word]]:
        if self.known is None:
            raise SealError("this page was opened without known voices (--voices)")
        return self.known, apply(self.words, self.indices, edits)

    def export(self, kind: str, edits: Any) -> tuple[str, bytes]:
        """The file name and the bytes of the edited transcript in another format; nothing is
        written. Raises SealError where that format cannot hold it."""
        if kind not in ENDINGS:
            raise SealError(f"{kind}: is none of {', '.join(sorted(ENDINGS))}")
        words = apply(self.words, self.indices, edits)
        made = docx.made(words) if kind == "docx" else formats.written(words, kind).encode()
        return self.path.stem + ENDINGS[kind], made


def application(review: Review, secret: str) -> FastAPI:
    """The FastAPI application that serves `review` under /`secret`/."""
    app = FastAPI(openapi_url=None)
    converted: list[bytes] = []

    @app.middleware("http")
    async def only_from_here(request: Request, call_next: Any) -> Response:
        host = (request.headers.get("host") or "").rsplit(":", 1)[0]
        if host not in ("127.0.0.1", "localhost"):
            return PlainTextResponse("not here", 403)
        answer: Response = await call_next(request)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        # The page has a policy of its own; that nobody may put it into theirs cannot be said there.
        answer.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
        return answer

    @app.exception_handler(SealError)
    async def as_conflict(request: Request, error: SealError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 409)

    @app.get(f"/{secret}/", response_class=HTMLResponse)
    def page() -> str:
        return review.page()

    @app.get(f"/{secret}/sound")
    def sound() -> Response:
        if review.audio is None:
            return PlainTextResponse("no recording", 404)
        kind = PLAYABLE.get(review.audio.suffix.lower())
        if kind:
            return FileResponse(review.audio, media_type=kind)  # in parts, if a range is asked for
        if not converted:
            converted.append(as_mp3(review.audio))
        return Response(converted[0], media_type="audio/mpeg")

    @app.put(f"/{secret}/save")
    def save(edits: Annotated[Any, Body()], version: str) -> dict[str, str]:
        return {"save": review.save(edits, version)}

    @app.post(f"/{secret}/teach")
    def teach(edits: Annotated[Any, Body()]) -> dict[str, Any]:
        return review.teach(edits)

    @app.post(f"/{secret}/known")
    def known(edits: Annotated[Any, Body()]) -> list[dict[str, Any]]:
        return review.offered(edits)

    @app.post(f"/{secret}/remember")
    def remember(request: Annotated[Any, Body()]) -> dict[str, str]:
        return {"told": review.remember(request)}

    @app.post(f"/{secret}/export/{{kind}}")
    def export(kind: str, edits: Annotated[Any, Body()]) -> Response:
        name, made = review.export(kind, edits)
        return Response(made, headers={"X-Name": quote(name)})

    return app


def serve(review: Review, port: int, opened: Callable[[str], None]) -> None:
    """Serve until interrupted; `opened` gets the address once it answers. Port 0: any free one."""
    secret = secrets.token_urlsafe(12)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            raise SealError(f"--port {port}: cannot be used: {error.strerror}") from None
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/{secret}/"
        config = uvicorn.Config(application(review, secret), log_level="warning")
        server = uvicorn.Server(config)
        listening.listen()  # a browser that comes early waits
        opened(address)
        server.run(sockets=[listening])
