"""The command `seal review`: a transcript in the browser, to listen to and to correct.

`seal.cli` adds it to its own commands; what it does is in `seal.review`.
"""

import sys
import webbrowser
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seal.batch.inputs import AUDIO_SUFFIXES, TRANSCRIPT_SUFFIXES, inputs_of
from seal.batch.outputs import targets_of
from seal.cli.library import LibraryPath, PassphraseFile, library_path, passphrase
from seal.errors import SealError, need
from seal.files import check_writable
from seal.review import write_page
from seal.words import Word

if TYPE_CHECKING:
    from seal.review.known import KnownVoices


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: seal review call.json --audio call.wav\n\n"
        "Example: seal review call.json --audio call.wav --html call.html\n\n"
        "Example: seal review calls/ --audio recordings/ --html pages/\n\n"
        "Example: seal review call.json --audio call.wav --voices"
    )(review)


def review(
    transcript: Annotated[
        list[Path],
        typer.Argument(
            metavar="TRANSCRIPT",
            help="Transcript of any format; edits are saved to it. Several, a folder or a glob in "
            "quotes with --html.",
        ),
    ],
    audio: Annotated[
        Path | None,
        typer.Option(
            "--audio",
            metavar="FILE|FOLDER",
            help="Recording of it, to listen to; for several a folder of NAME.wav's.",
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="ID", help="Which conversation to show, of several."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="OUT",
            help="Write the page, recording included, and serve nothing; for several a folder.",
        ),
    ] = None,
    voices: Annotated[
        bool,
        typer.Option(
            "--voices",
            help="Offer the names of known voices, and remember one where you say that the person "
            "agrees (see seal voices).",
        ),
    ] = False,
    library: LibraryPath = None,
    passphrase_file: PassphraseFile = None,
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
    if audio is not None:
        need("audio")
    if html is not None and str(html).startswith("-"):
        raise SealError(f"--html: takes the page's name, as in --html page.html, not {html}")
    if html is None:
        need("serve", "; or --html FILE writes the page")
    if (library or passphrase_file) and not voices:
        raise SealError("--library, --passphrase-file: are of --voices")
    if voices and (html is not None or audio is None):
        raise SealError("--voices: wants --audio, and a page that is served (no --html)")
    sources, several = inputs_of(transcript, None, TRANSCRIPT_SUFFIXES)
    if several:
        if html is None:
            raise SealError(
                f"{transcript[0]}: one transcript is shown at a time; name one, or write a page of "
                "each (--html FOLDER)"
            )
        write_pages(sources, audio, html, session)
        return
    source = sources[0]
    if html is not None:
        check_writable(html)
        write_page(source, audio, html, session)
        return
    check_writable(source)

    from seal.review.server import Review, serve

    def opened(address: str) -> None:
        print(f"{source}: {address} (Ctrl-C ends it)", file=sys.stderr, flush=True)
        if browser:
            webbrowser.open(address)

    known = known_voices(library, audio, passphrase_file) if voices and audio else None
    serve(Review(source, audio, session, teacher(audio), known), port, opened)


def known_voices(library: Path | None, audio: Path, passphrase_file: Path | None) -> "KnownVoices":
    """What offers names and remembers voices on a page. The library is read, so that a wrong
    passphrase is told now."""
    from seal.review.known import KnownVoices
    from seal.voices.library import opened

    path = library_path(library)
    secret = passphrase(path, passphrase_file)
    opened(path, secret)
    return KnownVoices(path, audio, secret)


def teacher(audio: Path | None) -> Callable[[Sequence[Word], Sequence[int]], dict[str, Any]]:
    """What learns from the rulings on a page. What it takes is loaded at the first one."""
    known: list[Any] = []

    def taught(words: Sequence[Word], indices: Sequence[int]) -> dict[str, Any]:
        if not known:
            from seal.teaching.lesson import Teacher

            known.append(Teacher(audio))
        answer: dict[str, Any] = known[0](words, indices)
        return answer

    return taught


def write_pages(sources: list[Path], audio: Path | None, folder: Path, session: str | None) -> None:
    """Write a page of each transcript, with its recording from the folder `audio`. What cannot be
    shown is told, and stops no other."""
    if session is not None:
        raise SealError("--session: is of one transcript; leave it out for several")
    if audio is not None and not audio.is_dir():
        raise SealError(f"--audio: {audio} is of one transcript; name a folder with one for each")
    stems = Counter(source.stem for source in sources)
    pages = [
        source.with_name(f"{source.name}.html" if stems[source.stem] > 1 else f"{source.stem}.html")
        for source in sources
    ]
    targets = targets_of(pages, str(folder), several=True, suffixes=(".html",))
    failed = 0
    for source, target in zip(sources, targets, strict=True):
        try:
            write_page(source, audio and recording_of(source, audio), target)
        except SealError as error:
            print(f"seal: {error}", file=sys.stderr)
            failed += 1
    if failed:
        raise SealError(f"{failed} of {len(sources)} could not be shown")


def recording_of(transcript: Path, folder: Path) -> Path | None:
    """The recording of the transcript's name, if there is one; else that is told."""
    for suffix in AUDIO_SUFFIXES:
        recording = folder / f"{transcript.stem}{suffix}"
        if recording.is_file():
            return recording
    print(f"seal: {transcript}: no recording in {folder}; a page without sound", file=sys.stderr)
    return None
