"""The command `seal`: reads options and files, calls the library, writes what comes back.

Everything that can be refused is refused before the heavy work starts, in one line on stderr with
exit status 2. It knows nothing of how words get their speakers. Heavy modules are imported inside
the commands, so that `seal --help` answers at once.
"""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seal import __version__
from seal.acoustic import Channels, check_bounds, multilingual
from seal.batch.inputs import AUDIO_SUFFIXES, TRANSCRIPT_SUFFIXES, inputs_of
from seal.batch.outputs import refuse_to_replace, targets_of
from seal.batch.tasks import Correct, Transcribe
from seal.cli import bench, convert, corpora, learn, report, review, score, serve, teach, voices
from seal.cli.many import do_all
from seal.cli.options import (
    SEVERAL,
    Again,
    From,
    Manifest,
    On,
    Out,
    Quiet,
    Report,
    Retry,
    Rttm,
    Workers,
    with_options,
)
from seal.errors import SealError, explained, need, tell_notices
from seal.files import check_writable
from seal.formats.known import SUFFIXES

app = typer.Typer(
    name="seal",
    help="Say who said each word: transcribe recordings, correct the speakers of transcripts.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"seal {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(
    epilog="Example: seal transcribe call.wav -o call.json\n\n"
    "Example: seal transcribe monday.wav tuesday.flac --speakers 2 -o transcripts/\n\n"
    "Example: seal transcribe call.wav --words call.json --speakers 3 -o call.json\n\n"
    "Example: seal transcribe gesprek.wav --language nl -o gesprek.json"
)
@with_options("audio")
def transcribe(
    output: Out,
    audio: Annotated[
        list[Path] | None, typer.Argument(metavar="AUDIO", help=f"Recordings{SEVERAL}")
    ] = None,
    manifest: Manifest = None,
    speakers: Annotated[
        int | None,
        typer.Option("--speakers", min=1, help="Number of speakers; found if not given."),
    ] = None,
    min_speakers: Annotated[
        int,
        typer.Option("--min-speakers", min=1, help="Fewest speakers, where their number is found."),
    ] = 1,
    max_speakers: Annotated[
        int | None,
        typer.Option("--max-speakers", min=1, help="Most speakers, where their number is found."),
    ] = None,
    channels: Annotated[
        Channels,
        typer.Option(
            "--channels",
            help="Recognise each channel by itself, with speakers of its own (split), or mix them "
            "down (mix); auto splits calls with a side in each channel.",
        ),
    ] = "auto",
    words: Annotated[
        Path | None,
        typer.Option(
            "--words",
            metavar="FILE|FOLDER",
            help="Take the words of this transcript (or of NAME.json in a folder) as they are, "
            "and find their speakers anew, without speech recognition.",
        ),
    ] = None,
    asr: Annotated[
        str | None,
        typer.Option(
            "--asr",
            metavar="MODEL",
            help="faster-whisper model by name or folder; multilingual is that of seal[languages].",
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            metavar="auto|CODE",
            help="Spoken language by its code (nl, es, ja, ...), or found (auto). All but English "
            "take seal[languages]; found by default where that is installed.",
        ),
    ] = None,
    eend: Annotated[
        Path | None,
        typer.Option(
            "--eend",
            metavar="FOLDER",
            help="Diarize with an EEND of `train-eend`, or with seal's own (shipped).",
        ),
    ] = None,
    posteriors: Annotated[
        str | None,
        typer.Option(
            "--posteriors",
            metavar="FILE|pyannote",
            help="Take another diarizer's answer: .npz, .npy, .rttm, or a folder of them.",
        ),
    ] = None,
    no_correct: Annotated[
        bool, typer.Option("--no-correct", help="Stop before the correction.")
    ] = False,
    html: Annotated[
        bool,
        typer.Option("--html", help="Also write the review page, OUT.html, with the sound in it."),
    ] = False,
    *,
    options: dict[str, Any],
    workers: Workers = 1,
    on: On = None,
    again: Again = False,
    retry: Retry = False,
    quiet: Quiet = False,
    report: Report = None,
) -> None:
    """Transcribe recordings, with speakers.

    Each becomes a word transcript, whose speakers are corrected.
    """
    if eend is not None:
        need("llm")
    sources, several = inputs_of(audio or [], manifest, AUDIO_SUFFIXES)
    targets = targets_of(sources, output, several)
    refuse_to_replace(sources, targets, "recording")
    if not several:
        _check_is_json(targets[0])
    if html and targets[0].suffix == ".html":
        raise SealError(f"{targets[0]}: is where the page goes; name the transcript otherwise")
    check_bounds(speakers, min_speakers, max_speakers)
    _check_words(words, asr, language, sources)
    language = _language(language, asr)
    task = Transcribe(
        options,
        speakers,
        asr,
        eend,
        posteriors,
        not no_correct,
        several,
        html,
        min_speakers,
        max_speakers,
        channels,
        words,
        language,
    )
    do_all(task, sources, targets, several, workers, on, again, retry, quiet, report)


def _language(language: str | None, asr: str | None) -> str | None:
    """The language that is asked for; None, which is said once, where it cannot be found."""
    if language is None:
        return None
    multilingual.refuse_unknown(language, asr)
    if multilingual.without_choice(language, asr):
        print(f"seal: {multilingual.NO_CHOICE}", file=sys.stderr)
        return None
    return multilingual.checked(language)


def _check_is_json(target: Path) -> None:
    """Raise SealError where the name of a word transcript promises another format."""
    other = convert.format_of(str(target))
    if other not in (None, "words"):
        raise SealError(
            f"{target}: would be a word transcript (.json); name it {target.stem}.json, and seal "
            f"convert makes {other} of it"
        )


def _check_words(
    words: Path | None, asr: str | None, language: str | None, recordings: list[Path]
) -> None:
    """Raise SealError where known words cannot be those of the recordings."""
    if words is None:
        return
    if asr is not None:
        raise SealError("--asr: recognises words, which --words has; leave one of the two out")
    if language is not None:
        raise SealError("--language: is for the recognition of words, which --words has")
    if not words.exists():
        raise SealError(f"--words: there is no {words}")
    if len(recordings) > 1 and not words.is_dir():
        raise SealError(
            f"--words: {words} is of one recording; name a folder with NAME.json for each"
        )


@app.command(
    epilog="Example: seal correct call.json -o corrected.json\n\n"
    "Example: seal correct whisperx/*.json meeting.srt -o corrected/\n\n"
    "Example: seal correct calls/ --workers 4 -o corrected/"
)
@with_options()
def correct(
    output: Out,
    transcript: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="TRANSCRIPT", help=f"Word transcripts, or what other tools write{SEVERAL}"
        ),
    ] = None,
    manifest: Manifest = None,
    *,
    options: dict[str, Any],
    from_: From = None,
    rttm: Rttm = None,
    workers: Workers = 1,
    on: On = None,
    again: Again = False,
    retry: Retry = False,
    quiet: Quiet = False,
    report: Report = None,
) -> None:
    """Correct the speakers of transcripts.

    Each is written as it was read: a word transcript, or another tool's format with its speakers
    changed and nothing else.
    """
    sources, several = inputs_of(transcript or [], manifest, TRANSCRIPT_SUFFIXES)
    if not quiet:
        convert.report_passed_over(transcript or [])
    targets = targets_of(sources, output, several, (".json", ".jsonl", *SUFFIXES))
    if several:  # one may be replaced by its own result; a rerun could not tell which of many are
        refuse_to_replace(sources, targets, "transcript")
        convert.refuse_one_rttm(rttm)
    audio = options["audio"]
    if audio is not None and len(sources) > 1 and not audio.is_dir():
        raise SealError(f"--audio: {audio} is of one conversation; name a folder with one for each")
    task = Correct(options, from_, rttm)
    do_all(task, sources, targets, several, workers, on, again, retry, quiet, report)


@app.command(hidden=True)
def demo(
    folder: Annotated[
        Path | None, typer.Argument(help="Where the transcript goes; a temporary folder if absent.")
    ] = None,
) -> None:
    """Run the bundled call through the models and show what came of it."""
    for extra in ("audio", "score"):
        need(extra)
    if folder is not None:
        check_writable(folder / "call.json")

    from seal.demo import show

    show(folder)


score.register(app)
corpora.register(app)
learn.register(app)
bench.register(app)
convert.register(app)
review.register(app)
voices.register(app)
teach.register(app)
report.register(app)
serve.register(app)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, 2 (one line on stderr), 130 (interrupt)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    tell_notices()
    try:
        status = app(arguments or sys.argv[1:] or ["--help"], standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except KeyboardInterrupt:
        return 130
    except typer.TyperException as error:  # a wrong option or argument
        problem = error.format_message()
        if problem.startswith("Missing option '-o'"):
            problem += " Say where the result goes, as in -o result.json"
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:  # a pipe's reader has left
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        message = explained(error)
        if message is None:
            raise
        problem = message
    print("seal: " + " ".join(problem.split()), file=sys.stderr)
    return 2
