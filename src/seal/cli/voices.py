"""The command `seal voices`: a library of voices, and names for those who are known.

`seal.cli` adds it to its own commands; what it does is in `seal.voices`.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seal import formats
from seal.cli.library import (
    LibraryPath,
    PassphraseFile,
    changed,
    first_line,
    library_path,
    passphrase,
    refuse_none,
)
from seal.cli.options import From
from seal.errors import SealError
from seal.files import back_up, check_writable
from seal.words import Word, sessions, speakers

if TYPE_CHECKING:  # loads numpy
    from seal.voices.proposals import Proposal

DOUBT = 6.0
"""Nats from which another voice is taken for the same."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name in the library.")]
Transcript = Annotated[
    Path, typer.Argument(metavar="TRANSCRIPT", help="Transcript of any format, with times.")
]
Audio = Annotated[
    Path,
    typer.Option(
        "--audio", metavar="FILE|FOLDER", help="Its recording, or a folder of SESSION.wav's."
    ),
]
Session = Annotated[
    str | None,
    typer.Option("--session", metavar="ID", help="Which conversation is meant, of several."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    group = typer.Typer(
        help="Remember voices, and name them.\n\nOff unless used: the library is one file of your "
        "own, filled by `add` alone.",
        rich_markup_mode=None,
        no_args_is_help=True,
    )
    group.command(
        epilog='Example: seal voices add "Ann Lee" call.json --speaker B --audio call.wav --consent'
    )(add)
    group.command(
        epilog="Example: seal voices name call.json --audio call.wav\n\n"
        "Example: seal voices name call.json --audio call.wav --apply -o named.json"
    )(name)
    group.command("list", epilog="Example: seal voices list --json")(list_)
    group.command(epilog='Example: seal voices rename Ann "Ann Lee"')(rename)
    group.command(epilog="Example: seal voices merge Annie Ann")(merge)
    group.command(
        epilog="Example: seal voices forget Ann\n\nExample: seal voices forget --everybody"
    )(forget)
    group.command(epilog="Example: seal voices lock --new-passphrase-file new.txt")(lock)
    group.command(epilog="Example: seal voices unlock --passphrase-file old.txt")(unlock)
    app.add_typer(group, name="voices")


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who it is.")],
    transcript: Transcript,
    speaker: Annotated[
        str, typer.Option("--speaker", metavar="SPEAKER", help="Who that is in the transcript.")
    ],
    audio: Audio,
    session: Session = None,
    consent: Annotated[
        bool,
        typer.Option(
            "--consent", help="Say that this person agrees to be remembered; asked if not given."
        ),
    ] = False,
    library: LibraryPath = None,
    passphrase_file: PassphraseFile = None,
    from_: From = None,
) -> None:
    """Remember a speaker's voice.

    What is kept is a name, the date and 192 numbers; no sound and no words. Under a name that is
    known it is one more recording of that voice.
    """
    path = library_path(library)
    words = _conversation(transcript, session, from_)
    if speaker not in speakers(words):
        raise SealError(
            f"--speaker: {transcript} has no {speaker!r}; it has {', '.join(speakers(words))}"
        )
    check_writable(path)
    _ask_for_consent(name, path, consent)
    secret = passphrase(path, passphrase_file)

    from seal.voices import heard, likeness
    from seal.voices.library import changing

    voice = heard.hear_one(words, audio, speaker)
    with changing(path, secret) as known:
        others = [(each.vector, each.seconds) for each in known.voices]
        ratios = likeness.log_ratios(others, *voice).tolist() if others else []
        _tell_doubts(name, dict(zip((each.name for each in known.voices), ratios, strict=True)))
        kept = known.add(name, *voice)
    count = f"{len(kept.samples)} recording{'s' if len(kept.samples) > 1 else ''}"
    print(
        f"{name}: {voice.seconds:.1f} s of {speaker} are remembered in {path} ({count})",
        file=sys.stderr,
    )


def name(
    transcript: Transcript,
    audio: Audio,
    session: Session = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Give the names; without it they are only shown.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="File for the named transcript; else TRANSCRIPT, kept as it was in .bak.",
        ),
    ] = None,
    as_json: AsJson = False,
    library: LibraryPath = None,
    passphrase_file: PassphraseFile = None,
    from_: From = None,
) -> None:
    """Propose names for speakers.

    Says who sounds like somebody in the library, and how surely. Whoever is not known stays
    unknown. With --apply the names are given; words stay as they are.
    """
    if output is not None and not apply:
        raise SealError("-o: names are given with --apply alone; without it they are shown")
    path = library_path(library)
    read = formats.load(transcript, from_)
    target = output or transcript
    if apply:
        read.check_target(target)
        check_writable(target)
    secret = passphrase(path, passphrase_file)

    from seal.console import progress
    from seal.voices.library import opened
    from seal.voices.proposals import named, propose

    known = opened(path, secret)
    if not known.voices:
        raise SealError(f"{path}: knows no voice yet; seal voices add puts one there")
    found: list[Proposal] = []
    with progress(transcript.name) as report:
        for conversation in _conversations(transcript, read.words, session, audio):
            found += propose(conversation, audio, known, lambda share: report("voices", share))
    words, given = named(read.words, found)
    if as_json:
        print(json.dumps([dataclasses.asdict(each) for each in found], ensure_ascii=False))
    else:
        for each in found:
            several = len({proposal.session_id for proposal in found}) > 1
            print((f"{each.session_id}: " if several else "") + _line(each))
    if not apply:
        return
    taken = [each for each in found if each.name not in (None, each.speaker) and each not in given]
    for each in taken:
        line = f"seal: {each.name} is another speaker there already; {each.speaker} stays"
        print(line, file=sys.stderr)
    aside = ""
    if output is None and given:
        aside = f" (before: {back_up(transcript).name})"
    if given or output is not None:
        read.check_names(words)
        read.save(words, target)
    many = "1 speaker is" if len(given) == 1 else f"{len(given)} speakers are"
    print(f"{transcript.name}: {many} named → {target}{aside}", file=sys.stderr)


def list_(
    as_json: AsJson = False,
    library: LibraryPath = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """List the voices that are known."""
    path = library_path(library)
    secret = passphrase(path, passphrase_file)

    from seal.voices.library import opened, summary

    known = opened(path, secret).voices
    if as_json:
        print(json.dumps([summary(voice) for voice in known], ensure_ascii=False))
        return
    if not known:
        print(f"{path}: knows no voice", file=sys.stderr)
    for voice in known:
        count, last = len(voice.samples), voice.samples[-1].added[:10]
        print(f"{voice.name}\t{count} recording{'s' * (count > 1)}\t{voice.seconds:.0f} s\t{last}")


def rename(
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is called from now on.")],
    library: LibraryPath = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Call a voice otherwise."""
    with changed(library_path(library), passphrase_file) as known:
        known.rename(name, new)


def merge(
    name: Name,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The name that stays.")],
    library: LibraryPath = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make two voices one."""
    with changed(library_path(library), passphrase_file) as known:
        known.merge(name, into)


def forget(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A name in the library.")
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="Remove the library; needs no passphrase.")
    ] = False,
    library: LibraryPath = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Forget a voice.

    The file is written anew without it; transcripts keep the names that they were given.
    """
    path = library_path(library)
    if (name is None) != everybody:
        raise SealError("name the voice to forget, or --everybody, and not both")

    if name is None:
        from seal.voices.library import remove

        if not remove(path):
            raise SealError(f"{path}: there is no such file; nothing was remembered there")
        print(f"{path}: is removed, and everybody forgotten", file=sys.stderr)
        return
    with changed(path, passphrase_file) as known:
        known.forget(name)
    print(f"{name}: is forgotten", file=sys.stderr)


def lock(
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--new-passphrase-file",
            metavar="FILE",
            help="File whose first line is the passphrase to be; asked if not given.",
        ),
    ] = None,
    library: LibraryPath = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Encrypt the library, or change its passphrase."""
    path = library_path(library)
    refuse_none(path)
    secret = passphrase(path, passphrase_file)
    if new_passphrase_file is not None:
        new = first_line("--new-passphrase-file", new_passphrase_file)
    elif sys.stdin.isatty():
        new = str(
            typer.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True)
        )
    else:
        raise SealError("--new-passphrase-file: name the file with the passphrase to be")

    from seal.voices.library import changing

    with changing(path, secret, new):
        pass
    print(f"{path}: is encrypted; without the passphrase nobody reads it", file=sys.stderr)


def unlock(library: LibraryPath = None, passphrase_file: PassphraseFile = None) -> None:
    """Keep the library without encryption."""
    path = library_path(library)
    with changed(path, passphrase_file, new=""):
        pass
    print(f"{path}: is not encrypted any more", file=sys.stderr)


def _ask_for_consent(name: str, path: Path, given: bool) -> None:
    """Go on where somebody says that the person agrees. Raises SealError otherwise."""
    if given:
        return
    if not sys.stdin.isatty():
        raise SealError(f"--consent: say with it that {name} agrees to be remembered in {path}")
    question = f"Does {name} know, and agree, that this voice is remembered in {path}?"
    if not typer.confirm(question, default=False, err=True):
        raise SealError(f"{name} is not remembered")


def _conversation(transcript: Path, session: str | None, from_: str | None) -> list[Word]:
    words = formats.load(transcript, from_).words
    ids = [id for id, _ in sessions(words) if session in (None, id)]
    if len(ids) > 1:
        raise SealError(
            f"{transcript}: holds several conversations; name one (--session): {', '.join(ids)}"
        )
    return _conversations(transcript, words, session)[0]


def _conversations(
    transcript: Path, words: list[Word], session: str | None, audio: Path | None = None
) -> list[list[Word]]:
    """The words of each conversation, or of the one that is meant. Raises SealError where there is
    none, or where several are said to have one recording."""
    found = [
        [words[index] for index in indices]
        for id, indices in sessions(words)
        if session is None or id == session
    ]
    if not found:
        there = ", ".join(id for id, _ in sessions(words)) or "no words"
        raise SealError(f"{transcript}: has no conversation {session or ''}; there are {there}")
    if len(found) > 1 and audio is not None and not audio.is_dir():
        raise SealError(f"--audio: {audio} is of one conversation; name a folder, or a --session")
    return found


def _tell_doubts(name: str, ratios: dict[str, float]) -> None:
    """Say where a voice does not sound like the one of its name, or like another."""
    if ratios.get(name, 0.0) < 0:
        print(f"seal: this does not sound like the {name} who is known", file=sys.stderr)
    for other, ratio in ratios.items():
        if other != name and ratio > DOUBT:
            print(
                f"seal: this sounds like {other}, too; seal voices merge makes two one",
                file=sys.stderr,
            )


def _line(found: "Proposal") -> str:
    who = f"{found.speaker} sounds like {found.name} ({found.probability:.2f})"
    if found.name is None:
        known = "" if found.seconds else ": too little speech"
        who = f"{found.speaker} is unknown{known}"
    return who
