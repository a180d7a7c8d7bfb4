"""The command `seal serve`: correction and transcription over HTTP.

`seal.cli` adds it to its own commands; what it does is in `seal.server`.
"""

import socket
import sys
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from seal.correctors import CORRECTORS, TextCorrector
from seal.errors import SealError, need
from seal.server.settings import Limits, Settings

GRACE = 3
"""Seconds that open connections have to end when the server does."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: seal serve\n\n"
        "Example: seal serve --host 0.0.0.0 --token-file tokens.txt --data /var/lib/seal"
    )(serve)


def serve(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder for jobs and results.")
    ] = Path("seal-data"),
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen at; one that others can reach needs tokens."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0: any free one.")
    ] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="File of bearer tokens, one per line; or set SEAL_TOKENS.",
        ),
    ] = None,
    corrector: Annotated[
        TextCorrector | None,
        typer.Option(
            "--corrector", help="Corrector for requests that name none; loaded at the start."
        ),
    ] = None,
    recordings: Annotated[
        bool,
        typer.Option(
            "--recordings/--no-recordings",
            help="Take recordings and transcripts, or transcripts only.",
        ),
    ] = True,
    voices: Annotated[
        bool,
        typer.Option(
            "--voices", help="Let each token remember voices; they stay until they are forgotten."
        ),
    ] = False,
    max_upload: Annotated[
        int,
        typer.Option(
            "--max-upload",
            min=1,
            metavar="BYTES",
            help="Refuse a recording whose request is larger.",
        ),
    ] = 1_000_000_000,
    max_json: Annotated[
        int,
        typer.Option(
            "--max-json",
            min=1,
            metavar="BYTES",
            help="Refuse a transcript whose request is larger.",
        ),
    ] = 16_000_000,
    max_sound: Annotated[
        float,
        typer.Option(
            "--max-sound", min=0.0, metavar="MINUTES", help="Refuse a recording that is longer."
        ),
    ] = 240.0,
    max_job: Annotated[
        float,
        typer.Option("--max-job", min=0.0, metavar="MINUTES", help="End a job that takes longer."),
    ] = 240.0,
    queue: Annotated[
        int, typer.Option("--queue", min=1, help="Number of jobs that may wait.")
    ] = 256,
    keep: Annotated[
        float,
        typer.Option("--keep", min=0.0, metavar="DAYS", help="Keep finished jobs for this long."),
    ] = 7.0,
) -> None:
    """Serve corrections over HTTP.

    Transcribes and corrects, with a queue that survives restarts.
    """
    need("serve")
    if recordings:
        need("audio", "; or --no-recordings serves transcripts only")
    if extra := CORRECTORS[corrector or "best"].extra:
        need(extra)
    from seal.server.auth import is_loopback, read_tokens

    tokens = read_tokens(token_file)
    if not tokens and not is_loopback(host):
        raise SealError(
            f"--host: {host} can be reached from elsewhere; name a --token-file, or set SEAL_TOKENS"
        )
    limits = Limits(max_upload, max_json, max_sound, max_job, queue, keep_days=keep)
    run(Settings(data, tokens, corrector, recordings, limits, voices), host, port)


def run(settings: Settings, host: str, port: int, **stand_ins: Any) -> None:
    """Serve until a signal comes. `stand_ins` are options of `create_app`, for tests."""
    import uvicorn

    from seal.server import connections
    from seal.server.app import create_app

    class Server(uvicorn.Server):
        """Ends even while clients follow a job's events."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if hasattr(app.state, "service"):
                app.state.service.events.end()
            super().handle_exit(sig, frame)

    listening = _listen(host, port)
    app = create_app(settings, **stand_ins)
    server = Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,  # it would write the jobs' names
            server_header=False,
            timeout_graceful_shutdown=GRACE,
            http=partial(connections.Connection, connections.Gate(connections.most())),  # type: ignore[arg-type]
            backlog=connections.BACKLOG,
        )
    )
    name = f"[{host}]" if ":" in host else host
    address = f"http://{name}:{listening.getsockname()[1]}"
    print(f"seal: {address} (Ctrl-C ends it)", file=sys.stderr, flush=True)
    server.run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SealError(f"--host {host} --port {port}: {error.strerror or error}") from None
