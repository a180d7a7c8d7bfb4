"""The command `seal review`: a transcript in the browser, to listen to and to correct.

`seal.cli` adds it to its own commands; what it does is in `seal.review`.
"""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from seal.files import check_writable
from seal.review import write_page


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: seal review call.json --audio call.wav\n\n"
        "Example: seal review call.json --audio call.wav --html call.html"
    )(review)


def review(
    transcript: Annotated[
        Path,
        typer.Argument(
            metavar="TRANSCRIPT", help="Transcript of any format; edits are saved to it."
        ),
    ],
    audio: Annotated[
        Path | None, typer.Option("--audio", metavar="FILE", help="Recording of it, to listen to.")
    ] = None,
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="ID", help="Which conversation to show, of several."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="OUT", help="Write the page, recording included, and serve nothing."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to serve at; 0: any free one.")
    ] = 0,
    browser: Annotated[
        bool,
        typer.Option("--browser/--no-browser", help="Open the page, or only print its address."),
    ] = True,
) -> None:
    """Review a transcript in the browser.

    Look at it, listen to it, and mend its speakers.
    """
    if html is not None:
        check_writable(html)
        write_page(transcript, audio, html, session)
        return
    check_writable(transcript)

    from seal.review.server import Review, serve

    def opened(address: str) -> None:
        print(f"{transcript}: {address} (Ctrl-C ends it)", file=sys.stderr, flush=True)
        if browser:
            webbrowser.open(address)

    serve(Review(transcript, audio, session), port, opened)
