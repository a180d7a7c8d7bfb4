"""The command `seal convert`, and how the commands read transcripts in other tools' formats.

`seal.cli` adds it to its own commands; what the formats are is in `seal.formats`.
"""

import filecmp
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from seal import formats
from seal.batch.inputs import TRANSCRIPT_SUFFIXES, inputs_of, passed_over
from seal.batch.outputs import refuse_to_replace, targets_of
from seal.cli.options import From, Rttm
from seal.errors import SealError
from seal.files import back_up
from seal.formats import known
from seal.formats.docx import SUFFIX
from seal.formats.subtitles import DEFAULT, Layout
from seal.words import Word

COUNT = re.compile(r"\b\d[\d,]* ")
"""A number of what is lost, left out where several files lose the same."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        help="Convert a transcript to another format.\n\nWhat that format cannot hold is reported "
        f"on stderr. Formats (words is seal's own): {', '.join(known.FORMATS)}, docx.",
        epilog="Example: seal convert call.json -o call.srt --to srt\n\n"
        "Example: seal convert call.ctm -o call.json --to words\n\n"
        "Example: seal convert calls/ -o subtitles/ --to vtt\n\n"
        "Example: seal convert call.json -o call.docx --rename SPEAKER_00=Ann --rename "
        "SPEAKER_01='Bob Moss'\n\n"
        "Example: seal convert call.words.json --like whisperx.json -o fixed.json",
    )(convert)


def convert(
    transcript: Annotated[
        list[Path],
        typer.Argument(metavar="IN...", help="Transcripts of any format, folders, globs."),
    ],
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="OUT", help="File; folder for several inputs; - for stdout."
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="FORMAT", help="Format to write; else what OUT's name ends in."
        ),
    ] = None,
    from_: From = None,
    rttm: Rttm = None,
    like: Annotated[
        Path | None,
        typer.Option(
            "--like",
            metavar="FILE",
            help="Write FILE, the file that the words came from, with these speakers.",
        ),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            "--rename",
            metavar="OLD=NEW",
            help="Call a speaker otherwise; once for each. OUT may be in the format of IN, too.",
        ),
    ] = None,
    line_length: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=10,
            help=f"Letters in a line of new subtitles ({DEFAULT.width}).",
        ),
    ] = None,
    lines: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=9,
            help=f"Lines in a cue of new subtitles ({DEFAULT.lines}).",
        ),
    ] = None,
    shortest: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=0,
            help=f"Seconds that a cue stays at least ({DEFAULT.shortest}).",
        ),
    ] = None,
    longest: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=0.5,
            help=f"Seconds that a cue stays at most ({DEFAULT.longest}).",
        ),
    ] = None,
) -> None:
    """Write transcripts in another format."""
    names = _names(rename or [])
    if like is not None:
        _write_like(transcript, output, like, to, from_, rttm, names)
        return
    layout = _layout(width=line_length, lines=lines, shortest=shortest, longest=longest)
    to = to or format_of(output)
    if to is None:
        raise SealError(f"{output}: does not tell the format; name it with --to (words is seal's)")
    if to != "docx":
        known.module_of(to)
    sources, several = inputs_of(transcript, None, TRANSCRIPT_SUFFIXES)
    report_passed_over(transcript)
    if output == "-":
        _to_stdout(sources, to, from_, rttm, layout, names)
        return
    if several:
        refuse_one_rttm(rttm)
    targets = _targets(sources, output, several, SUFFIX if to == "docx" else known.suffix_of(to))
    failed = 0
    losses: dict[str, list[Path]] = {}
    for source, target in zip(sources, targets, strict=True):
        try:
            lost = _convert(source, target, to, from_, rttm, layout, names)
            for one in lost:
                losses.setdefault(COUNT.sub("", one), []).append(target)
            if lost and not several:
                print(f"seal: {target}: not in {to}: {', '.join(lost)}", file=sys.stderr)
        except SealError as error:
            if not several:
                raise
            print(f"seal: {error}", file=sys.stderr)
            failed += 1
    if losses and several:
        told = ", ".join(
            f"{one} ({files[0].name if len(files) == 1 else f'{len(files)} files'})"
            for one, files in losses.items()
        )
        print(f"seal: {output}: not in {to}: {told}", file=sys.stderr)
    if failed:
        raise SealError(f"{failed} of {len(sources)} could not be converted")


def format_of(name: str) -> str | None:
    """The format that the name of a file tells, "words" for .json; None where it tells none."""
    endings = {**known.SUFFIXES, SUFFIX: "docx", ".json": "words"}
    return endings.get(Path(name).suffix.lower())


def _write_like(
    named: list[Path],
    output: str,
    like: Path,
    to: str | None,
    from_: str | None,
    rttm: Path | None,
    names: dict[str, str],
) -> None:
    """Write another tool's file with the speakers of one transcript of its words."""
    if len(named) > 1 or named[0].is_dir() or output == "-":
        raise SealError("--like: is of one transcript and one file; name both, and a file for -o")
    if to is not None:
        raise SealError(f"--to: {like} says the format; leave it out")
    from seal.formats.writing import write

    (target,) = targets_of(named, output)
    before = formats.load(named[0], from_, rttm)
    report_notes(before)
    write(before.renamed(names), target, like=like)


def _layout(**wanted: Any) -> Layout | None:
    """The layout that is asked for; None where nothing is."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return DEFAULT._replace(**given) if given else None


def _targets(sources: list[Path], output: str, several: bool, suffix: str) -> list[Path]:
    """Where each goes: in a folder under its own stem."""
    named: dict[Path, Path] = {}
    for source in sources:
        name = source.with_suffix(suffix)
        other = named.setdefault(Path(name.name), source)
        if other is not source:
            raise SealError(f"{source}: would be written to {name.name}, as would {other}")
    targets = targets_of([s.with_suffix(suffix) for s in sources], output, several, (suffix,))
    if several:
        refuse_to_replace(sources, targets, "transcript")
    return targets


def _names(given: Sequence[str]) -> dict[str, str]:
    """The new name of each old one."""
    names: dict[str, str] = {}
    for each in given:
        old, found, new = each.partition("=")
        if not (old and found and new.strip()):
            raise SealError(f"--rename: {each!r} is not OLD=NEW, as in A=Ann")
        if old in names:
            raise SealError(f"--rename: {old!r} gets two names; give it once")
        names[old] = new
    return names


def _convert(
    source: Path,
    target: Path,
    to: str,
    from_: str | None,
    rttm: Path | None,
    layout: Layout | None,
    names: dict[str, str],
) -> list[str]:
    """Write a file in another format; return what that cannot hold."""
    before = formats.load(source, from_, rttm)
    report_notes(before)
    words = before.renamed(names)
    with kept_before(source, target):
        return _written(before, words, target, to, layout)


@contextmanager
def kept_before(source: Path, target: Path) -> Iterator[None]:
    """Where an input is replaced by what is made of it: keep a copy of it, if that is another."""
    if not (target.exists() and target.samefile(source)):
        yield
        return
    copy = back_up(source)
    try:
        yield
    finally:
        if filecmp.cmp(source, copy, shallow=False):
            copy.unlink()
        else:
            print(f"seal: {target}: as it was: {copy.name}", file=sys.stderr)


def _written(
    before: formats.Transcript, words: list[Word], target: Path, to: str, layout: Layout | None
) -> list[str]:
    """Write the words of a file in a format; return what that cannot hold."""
    if to == "docx":
        from seal.formats import conversion, docx

        docx.save(words, target)
        lost = conversion.lost(words, docx, to, before.timed)
        return lost + conversion.left_out(before.original)
    return before.convert(to, target, layout, words)


def _to_stdout(
    sources: list[Path],
    to: str,
    from_: str | None,
    rttm: Path | None,
    layout: Layout | None,
    names: dict[str, str],
) -> None:
    if len(sources) > 1 or to == "docx" or hasattr(known.module_of(to), "BESIDE"):
        raise SealError("-o -: stdout takes one text of one transcript; name a file or a folder")
    before = formats.load(sources[0], from_, rttm)
    report_notes(before)
    words = before.renamed(names)
    lost: list[str] = []
    if before.stays(to, layout):
        before.check_names(words)
        data = before.data(words)
    else:
        text, _, lost = before.converted(to, layout, words)
        data = text.encode("utf-8", "surrogateescape")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    if lost:
        print(f"seal: {sources[0]}: not in {to}: {', '.join(lost)}", file=sys.stderr)


def report_notes(transcript: formats.Transcript) -> None:
    """Tell on stderr what was taken for granted in reading a transcript."""
    for note in transcript.notes:
        print(f"seal: {transcript.path}: {note}", file=sys.stderr)


def report_passed_over(named: Sequence[Path]) -> None:
    """Tell on stderr which files of a folder are not read."""
    for told in passed_over(named, TRANSCRIPT_SUFFIXES):
        print(f"seal: {told}", file=sys.stderr)


def refuse_one_rttm(rttm: Path | None) -> None:
    """Raise SealError where one RTTM is given for several transcripts."""
    if rttm is not None:
        raise SealError("--rttm: is of one transcript; beside several, each has its NAME.rttm")
