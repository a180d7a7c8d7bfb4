"""The command `seal convert`, and how the commands read transcripts in other tools' formats.

`seal.cli` adds it to its own commands; what the formats are is in `seal.formats`.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seal import formats
from seal.batch.inputs import TRANSCRIPT_SUFFIXES
from seal.cli.options import From, Rttm
from seal.errors import SealError
from seal.files import check_writable
from seal.words import Word


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        help="Convert a transcript to another format.\n\nWhat that format cannot hold is reported "
        f"on stderr. Formats (words is seal's own): {', '.join(formats.FORMATS)}.",
        epilog="Example: seal convert call.json -o call.srt --to srt\n\n"
        "Example: seal convert call.ctm -o call.json --to words\n\n"
        "Example: seal convert call.json -o call.vtt",
    )(convert)


def convert(
    transcript: Annotated[Path, typer.Argument(metavar="IN", help="Transcript of any format.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="File to write.")],
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="FORMAT", help="Format to write; else what OUT's name ends in."
        ),
    ] = None,
    from_: From = None,
    rttm: Rttm = None,
) -> None:
    """Write a transcript in another format."""

    check_writable(output)
    to = to or formats.SUFFIXES.get(output.suffix.lower())
    if to is None:
        raise SealError(f"{output}: does not tell the format; name it with --to (words is seal's)")
    formats.module_of(to)
    before = formats.load(transcript, from_, rttm)
    lost = before.convert(to, output)
    if lost:
        print(f"seal: {output}: not in {to}: {', '.join(lost)}", file=sys.stderr)


def refuse_one_rttm(rttm: Path | None) -> None:
    """Raise SealError where one RTTM is given for several transcripts."""
    if rttm is not None:
        raise SealError("--rttm: is of one transcript; beside several, each has its NAME.rttm")


def pairs(references: list[Path], hypotheses: list[Path]) -> list[tuple[Path, Path]]:
    """Pair files by name where a folder is named, else in the order given."""
    if not any(path.is_dir() for path in references + hypotheses):
        if len(references) != len(hypotheses):
            raise SealError(
                f"{len(references)} --ref and {len(hypotheses)} --hyp: each needs its partner"
            )
        return list(zip(references, hypotheses, strict=True))
    ours, theirs = by_name(references), by_name(hypotheses)
    for name in sorted(ours.keys() ^ theirs.keys()):
        alone, option = (ours[name], "--hyp") if name in ours else (theirs[name], "--ref")
        raise SealError(f"{alone}: has no partner of that name under {option}")
    if not ours:
        raise SealError(f"{references[0]}: holds no {' or '.join(TRANSCRIPT_SUFFIXES)} file")
    return [(ours[name], theirs[name]) for name in sorted(ours)]


def both(reference: Path, hypothesis: Path) -> tuple[list[Word], list[Word]]:
    """Read a pair. Where a format names no conversation, the one in it is the partner's."""
    sides = [formats.load(reference), formats.load(hypothesis)]
    ours, theirs = (side.words for side in sides)
    names = [{word["session_id"] for word in words} for words in (ours, theirs)]
    named = all("conversations" in formats.module_of(side.format).HOLDS for side in sides)
    if not named and len(names[0]) == len(names[1]) == 1:
        theirs = [word | {"session_id": ours[0]["session_id"]} for word in theirs]
    return ours, theirs


def by_name(paths: list[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else []
        files = [file for file in inside if file.suffix.lower() in TRANSCRIPT_SUFFIXES]
        for file in files if path.is_dir() else [path]:
            if file.name.startswith("."):
                continue
            if file.name in found:
                raise SealError(f"{file}: has the same name as {found[file.name]}")
            found[file.name] = file
    return found
