"""The command `seal teach`: what a person decided, what follows from it, and what to ask next.

`seal.cli` adds it to its own commands; what it does is in `seal.rulings` and `seal.teaching`.
"""

import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seal import console, formats, rulings
from seal.cli.convert import report_notes
from seal.cli.options import Device, From
from seal.errors import SealError
from seal.files import check_writable
from seal.formats import evidence
from seal.formats.turns import clock
from seal.parsing import read_text
from seal.review import conversation
from seal.teaching import places
from seal.words import Word, sessions

if TYPE_CHECKING:  # which loads torch, and the command line imports this file
    from seal.teaching.lesson import Lesson, Proposal, Question


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: seal teach call.json --set 14:07-14:12=B --apply\n\n"
        "Example: seal teach call.json --audio call.wav --next\n\n"
        "Example: seal teach call.srt --csv rulings.csv --merge C=B --name A=Ann\n\n"
        "Example: seal teach call.json --undo"
    )(teach)


def teach(
    transcript: Annotated[
        Path, typer.Argument(metavar="TRANSCRIPT", help="Transcript of any format.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="File to write; else TRANSCRIPT."),
    ] = None,
    said: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PLACE=SPEAKER",
            help="Who said the words there: 14:07-14:12=B, in minutes, hours (1:02:03) or seconds "
            "(847.2-852); 14:07=B for the word said then; w12=B, w12-w15=B by their number. "
            "Repeat it for more.",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE.csv",
            help="The same from a table with the columns place and speaker (or time and after, as "
            "--report writes).",
        ),
    ] = None,
    merge: Annotated[
        list[str] | None,
        typer.Option("--merge", metavar="A=B", help="Speaker A is B: the two are one."),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="A=ANN", help="Speaker A is called Ann."),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Undo the latest ruling, before anything else.")
    ] = False,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Change the other words that follow from the rulings."),
    ] = False,
    ask: Annotated[
        bool,
        typer.Option(
            "--next", help="Print what to ask next: the words whose speaker would settle most."
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would change, and write nothing."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    audio: Annotated[
        Path | None,
        typer.Option(
            "--audio",
            metavar="FILE|FOLDER",
            help="The recording, or a folder of SESSION.wav's: voices say most.",
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="ID", help="Which conversation, of several."),
    ] = None,
    from_: From = None,
    device: Device = "cpu",
) -> None:
    """Say who spoke, and let the rest follow.

    Rulings stay in the transcript, or in NAME.seal beside another tool's, and no other command
    undoes them. They are taken in this order: --undo, --set, --csv, --merge, --name, --apply.
    """
    target = output or transcript
    check_writable(target)
    if audio is not None and not audio.exists():
        raise SealError(f"--audio: there is no {audio}")
    version = _version(transcript)
    read = formats.load(transcript, from_)
    report_notes(read)
    if audio is not None and not read.timed:
        raise SealError(f"{transcript}: {read.format} has no times to find words in the sound by")
    try:
        indices = conversation(read.words, session)
    except SealError as error:
        raise SealError(f"{transcript}: {error}") from None
    wanted = [places.parse(text) for text in said or []]
    if table is not None:
        wanted += places.from_csv(read_text(table), f"--csv: {table}")
    words = places.ruled(
        read.words,
        indices,
        undo,
        wanted,
        [places.pair(text, "--merge") for text in merge or []],
        [places.pair(text, "--name") for text in name or []],
    )
    if not (undo or wanted or merge or name or apply or ask or dry_run or as_json):
        _list_acts(words)
        return
    lesson, found, question = None, [], None
    if apply or ask or dry_run or as_json:
        lesson = _learn(words, indices, audio, device, transcript.name)

        from seal.teaching import lesson as lessons

        found = lessons.proposals(lesson, words)
        after = lessons.accept(words, found)
        if ask or as_json:
            question = next(iter(lessons.asked(lesson, after if apply else words)), None)
        if as_json:
            shown = lessons.view(lesson, after if apply else words)
            print(json.dumps(shown | {"applied" if apply else "proposals": _entries(found, words)}))
        else:
            _show(found, words, apply and not dry_run)
            if ask:
                _show_question(question, words)
                _show_names(lessons.called_by_name([words[index] for index in indices]))
        words = after if apply else words
    changed = words != read.words
    if dry_run or not (changed or output):
        return
    if _version(transcript) != version:
        raise SealError(f"{transcript}: was changed by somebody else meanwhile; nothing is written")
    read.check_names(words)
    read.save(words, target)
    count = sum(a["speaker"] != b["speaker"] for a, b in zip(words, read.words, strict=True))
    several = "" if count == 1 else "s"
    print(f"{transcript.name}: {count:,} word{several} changed → {target}", file=sys.stderr)


def _learn(
    words: Sequence[Word], indices: Sequence[int], audio: Path | None, device: str, title: str
) -> "Lesson":
    from seal.teaching.lesson import learn

    with console.progress(title) as progress:
        return learn(words, indices, audio, device, progress)


def _version(path: Path) -> str:
    """What identifies the content of a file and of what lies beside it."""
    beside = (path, evidence.beside(path), path.with_suffix(".rttm"))
    try:
        return sha256(
            b"\0".join(each.read_bytes() for each in beside if each.is_file())
        ).hexdigest()
    except OSError as error:
        raise SealError(f"{path}: cannot be read: {error.strerror}") from None


def _list_acts(words: Sequence[Word]) -> None:
    found = rulings.acts(words)
    for act in found:
        print(f"{act.number}. {act.at} {act.kind}: {act.words:,} words")
    if not found:
        print("no ruling yet; --set PLACE=SPEAKER makes one, --next says what to ask")


def _entries(found: Sequence["Proposal"], words: Sequence[Word]) -> list[dict[str, Any]]:
    numbers = {
        index: place for _, indices in sessions(words) for place, index in enumerate(indices)
    }
    return [
        {
            "before": one.before,
            "after": one.after,
            "why": one.why,
            "confidence": one.confidence,
            "words": [numbers[index] for index in one.indices],
        }
        for one in found
    ]


def _show(found: Sequence["Proposal"], words: Sequence[Word], applied: bool) -> None:
    from seal.teaching.lesson import quote

    if not found:
        print("nothing else follows from the rulings")
    for one in found:
        count = f"{len(one.indices):,} word{'' if len(one.indices) == 1 else 's'}"
        time = clock(float(words[one.indices[0]]["start_time"]))
        print(
            f"{count} {'went' if applied else 'would go'} from {one.before} to {one.after} by "
            f"{one.why} ({one.confidence:.2f}), first at {time}: {quote(words, one.indices)}"
        )


def _show_question(question: "Question | None", words: Sequence[Word]) -> None:
    from seal.teaching.lesson import quote

    if question is None:
        print("nothing is left to ask")
        return
    first, last = (words[question.indices[place]] for place in (0, -1))
    start, end = float(first["start_time"]), float(last["end_time"])
    likely = ", ".join(f"{name} {share:.2f}" for name, share in question.likely[:3])
    print(
        f"who says this, at {clock(start)} (--set {start:.2f}-{end:.2f}=…)? "
        f"{quote(words, question.indices)}"
    )
    print(f"  now {first['speaker']}; likely {likely}; settles about {question.settles:.0f} words")


def _show_names(found: Sequence[dict[str, Any]]) -> None:
    for one in found:
        print(
            f"{one['speaker']} may be {one['name']} (--name {one['speaker']}={one['name']}), said "
            f"{one['heard']} ×, first at {clock(one['start'])}: {one['quote']}"
        )
