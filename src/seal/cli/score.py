"""The command `seal score`: which files are compared with which, and what is shown of it.

`seal.cli` adds it to its own commands; what is counted is in `seal.scoring`.
"""

import dataclasses
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from seal import formats
from seal.batch.inputs import TRANSCRIPT_SUFFIXES
from seal.cli.convert import report_notes
from seal.console import score_table
from seal.errors import SealError, need
from seal.files import check_writable, write_text
from seal.formats import known
from seal.parsing import quoted
from seal.unspaced import Unit

if TYPE_CHECKING:  # loads numpy and meeteval
    from seal.scoring import Score

Pair = tuple[Path, Path]
"""A reference, and the transcript to be compared with it."""

RATES = ("wer", "cpwer", "delta_cp", "wder", "tcpwer", "di_cpwer", "der")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: seal score --ref reference.json --hyp corrected.json\n\n"
        "Example: seal score --ref references/ --hyp corrected/ --json\n\n"
        "Example: seal score --ref all.stm --hyp corrected/\n\n"
        "Example: seal score --ref reference.srt --hyp corrected.srt --unit character"
    )(score)


def score(
    ref: Annotated[
        list[Path], typer.Option("--ref", metavar="REF", help="Reference file or folder.")
    ],
    hyp: Annotated[
        list[Path], typer.Option("--hyp", metavar="HYP", help="Transcript file or folder.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print rates and counts as JSON.")
    ] = False,
    unit: Annotated[
        Unit,
        typer.Option(
            "--unit",
            help="Count words, characters, or (auto) words and, of scripts without spaces such as "
            "Chinese, Japanese and Thai, characters.",
        ),
    ] = "auto",
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="OUT", help="Write to this file, not to stdout."),
    ] = None,
) -> None:
    """Score transcripts against references.

    Prints WER, cpWER, Δcp, WDER, tcpWER, DI-cpWER and DER in per cent. tcpWER has a collar of 5
    seconds; DI-cpWER lets each turn of the transcript go where it costs least, so that what is left
    of cpWER are wrong words and wrong places of changes. DER is in time, of the turns that the
    words make, without a collar; texts without times have none. --ref and --hyp may be given
    several times, in the same order, or be folders, whose files are matched by name, whatever their
    endings: each pair has a row, what has no partner is named, and the counts are summed. One file
    of all conversations, such as an STM, goes with a folder of a file each. Sessions are matched by
    session_id.
    """
    need("score")
    if output is not None:
        check_writable(Path(output))
    pairs, whole = pairs_of(ref, hyp)
    load = cache(formats.load) if whole is not None else formats.load
    scores: dict[str, Score] = {}
    failed = 0
    for pair in pairs:
        try:
            found = compared(*pair, unit, whole, load)
        except SealError as error:
            if len(pairs) == 1:
                raise
            print(f"seal: {error}", file=sys.stderr)
            failed += 1
            continue
        row = pair[0] if whole == 1 else pair[1]
        scores[row.name if row.name not in scores else str(row)] = found
    if not scores:
        raise SealError(f"none of {len(pairs)} pairs could be scored")
    text = as_text(scores, as_json)
    if output is None:
        print(text, end="")
    else:
        write_text(text, output)
    if failed:
        raise SealError(f"{failed} of {len(pairs)} pairs could not be scored")


def compared(
    reference: Path,
    hypothesis: Path,
    unit: Unit = "auto",
    whole: int | None = None,
    load: Callable[[Path], formats.Transcript] = formats.load,
) -> "Score":
    """The score of a pair. One of them (`whole`: 0 or 1) may have other conversations, too, which
    are left out. Raises SealError where a side cannot be read, where the reference has no words, or
    where the two are not of the same conversations."""
    sides = [load(reference), load(hypothesis)]
    for number, side in enumerate(sides):
        if number != whole:
            report_notes(side)
    ours, theirs = (side.words for side in sides)
    # Where a format names no conversation, the one in it is the partner's, or has the file's name.
    named = ["conversations" in known.module_of(side.format).HOLDS for side in sides]
    if whole is not None:
        part = [theirs, ours][whole]
        if not named[1 - whole]:
            part = [word | {"session_id": sides[1 - whole].path.stem} for word in part]
        wanted = sessions_of(part)
        rest = [word for word in sides[whole].words if word["session_id"] in wanted]
        if not rest:
            raise SealError(
                f"{sides[1 - whole].path}: {sides[whole].path} has no conversation "
                + ", ".join(map(quoted, sorted(wanted)[:3]))
            )
        ours, theirs = (part, rest) if whole else (rest, part)
    elif not all(named) and len(sessions_of(ours)) == len(sessions_of(theirs)) == 1:
        theirs = [word | {"session_id": ours[0]["session_id"]} for word in theirs]

    from seal.scoring import score

    try:
        timed = all(side.timed for side in sides)
        found = score(ours, theirs, timed=True, turns=timed, unit=unit)
    except SealError as error:
        raise SealError(f"{hypothesis} against {reference}: {error}") from None
    if not found.words:
        raise SealError(f"{reference}: is a reference without words; nothing can be scored by it")
    return found


def sessions_of(words: Iterable[Mapping[str, Any]]) -> set[str]:
    return {word["session_id"] for word in words}


def pairs_of(references: list[Path], hypotheses: list[Path]) -> tuple[list[Pair], int | None]:
    """Pair files by name where a folder is named, else in the order given. A file beside a folder
    in which none has its name has all conversations: it goes with each, and the second value says
    whether it is the reference (0) or the transcript (1).

    Of folders, what has no partner is told on stderr. Raises SealError where nothing has one.
    """
    if not any(path.is_dir() for path in references + hypotheses):
        if len(references) != len(hypotheses):
            raise SealError(
                f"{len(references)} --ref and {len(hypotheses)} --hyp: each needs its partner"
            )
        return list(zip(references, hypotheses, strict=True)), None
    left, right = files_of(references), files_of(hypotheses)
    if not left + right:
        raise SealError(f"{references[0]}: holds no {' or '.join(TRANSCRIPT_SUFFIXES)} file")
    pairs: list[Pair] = []
    # By the whole name first: beside NAME.json there may be its subtitles.
    for part in ("name", "stem"):
        theirs = by_part(right, part, pairs)
        for key, ours in by_part(left, part, pairs).items():
            if key not in theirs:
                continue
            if len(ours) > 1 or len(theirs[key]) > 1:
                one, other = (ours if len(ours) > 1 else theirs[key])[:2]
                raise SealError(f"{other}: has the same name as {one}; name one of them")
            pairs.append((ours[0], theirs[key][0]))
    if not pairs and right and len(references) == 1 and not references[0].is_dir():
        return [(references[0], path) for path in right], 0
    if not pairs and left and len(hypotheses) == 1 and not hypotheses[0].is_dir():
        return [(path, hypotheses[0]) for path in left], 1
    for side, option in ((left, "--hyp"), (right, "--ref")):
        for path in side:
            if not any(path in pair for pair in pairs):
                print(f"seal: {path}: has no partner under {option}; left out", file=sys.stderr)
    if not pairs:
        raise SealError(f"{references[0]}: no file there has a partner of its name under --hyp")
    return sorted(pairs, key=lambda pair: pair[0].stem), None


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The transcripts in folders, and what is named itself."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        wanted = TRANSCRIPT_SUFFIXES if path.is_dir() else (path.suffix.lower(),)
        found += [
            file
            for file in inside
            if file.suffix.lower() in wanted and not file.name.startswith(".")
        ]
    return found


def by_part(paths: Iterable[Path], part: str, pairs: list[Pair]) -> dict[str, list[Path]]:
    """The files that are in no pair yet, by their name or stem."""
    taken = {path for pair in pairs for path in pair}
    found: dict[str, list[Path]] = {}
    for path in paths:
        if path not in taken:
            found.setdefault(getattr(path, part), []).append(path)
    return found


def as_text(scores: "Mapping[str, Score]", as_json: bool) -> str:
    """A row for each file, and the total of several."""
    from seal.scoring import Score

    total = sum(scores.values(), Score())
    if as_json:
        files = {name: as_object(one) for name, one in scores.items()}
        found = as_object(total) | ({"files": files} if len(files) > 1 else {})
        return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    rows = dict(scores) | ({f"{len(scores)} files": total} if len(scores) > 1 else {})
    screen = Console(no_color=True, width=max(100, 90 + max(map(len, rows))))
    with screen.capture() as capture:
        screen.print(score_table(rows))
        counted = f"{total.words} reference words"
        if total.characters:
            counted += f", of which {total.characters} are characters"
        screen.print(f"{counted}, {total.aligned} aligned", highlight=False)
    return capture.get()


def as_object(found: "Score") -> dict[str, Any]:
    """Rates and counts; null for a rate that is not known."""
    rates = {name: getattr(found, name) for name in RATES}
    known = {
        name: rate if rate is not None and math.isfinite(rate) else None
        for name, rate in rates.items()
    }
    return known | dataclasses.asdict(found)
