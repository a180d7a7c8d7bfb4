"""The command `seal serve`: correction and transcription over HTTP.

`seal.cli` adds it to its own commands; what it does is in `seal.server`.
"""

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seal.errors import SealError

if TYPE_CHECKING:
    from types import FrameType

    from seal.server.settings import Settings

GRACE = 3  # seconds that open connections have to end when the server does


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: seal serve\n\n"
        "Example: seal serve --host 0.0.0.0 --token-file tokens.txt --data /var/lib/seal"
    )(serve)


def serve(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Where jobs and results are kept.")
    ] = Path("seal-data"),
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen at; others than this machine's own want tokens."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", metavar="FILE", help="Bearer tokens, one a line; or SEAL_TOKENS."
        ),
    ] = None,
    corrector: Annotated[
        Literal["best", "seal", "ag-lsec", "cbs", "hmm"] | None,
        typer.Option("--corrector", help="Where a request names none, and loaded at the start."),
    ] = None,
    recordings: Annotated[
        bool,
        typer.Option("--recordings/--no-recordings", help="Take recordings, or transcripts only."),
    ] = True,
    max_upload: Annotated[
        int, typer.Option("--max-upload", min=1, metavar="BYTES", help="Of a recording's request.")
    ] = 1_000_000_000,
    max_json: Annotated[
        int, typer.Option("--max-json", min=1, metavar="BYTES", help="Of a transcript's request.")
    ] = 16_000_000,
    max_sound: Annotated[
        float, typer.Option("--max-sound", min=0.0, metavar="MINUTES", help="Of a recording.")
    ] = 240.0,
    max_job: Annotated[
        float, typer.Option("--max-job", min=0.0, metavar="MINUTES", help="Of work on a job.")
    ] = 240.0,
    queue: Annotated[int, typer.Option("--queue", min=1, help="Jobs that may wait.")] = 256,
    keep: Annotated[
        float, typer.Option("--keep", min=0.0, metavar="DAYS", help="For finished jobs.")
    ] = 7.0,
) -> None:
    """Serve corrections and transcriptions over HTTP, with a queue that survives restarts."""
    from seal.server.auth import is_loopback, read_tokens
    from seal.server.settings import Limits, Settings

    tokens = read_tokens(token_file)
    if not tokens and not is_loopback(host):
        raise SealError(
            f"--host: {host} can be reached from elsewhere; name a --token-file, or set SEAL_TOKENS"
        )
    limits = Limits(max_upload, max_json, max_sound, max_job, queue, keep=keep)
    run(Settings(data, tokens, corrector, recordings, limits), host, port)


def run(settings: "Settings", host: str, port: int, **stand_ins: Any) -> None:
    """Serve until a signal comes. `stand_ins` are `create_app`'s, for tests."""
    import uvicorn

    from seal.server.app import create_app

    class Server(uvicorn.Server):
        """Clients that follow a job do not keep it."""

        def handle_exit(self, sig: int, frame: "FrameType | None") -> None:
            if hasattr(app.state, "service"):
                app.state.service.events.end()
            super().handle_exit(sig, frame)

    listening = _listen(host, port)
    app = create_app(settings, **stand_ins)
    server = Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,  # its lines would hold the jobs' names
            server_header=False,
            timeout_graceful_shutdown=GRACE,
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
