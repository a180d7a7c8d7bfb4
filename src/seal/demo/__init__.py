"""The demo: a bundled call through the real models, shown as a conversation with its scores.

We made the call (call.flac), its words (reference.json) and its script: scripts/make_demo.py made
the sound, docs/reports/demo.md says how typical it is. This file computes nothing itself.
"""

import shlex
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from shutil import which

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seal import console, words
from seal.pipeline import transcribe
from seal.scoring import Score, score
from seal.tpst import aligned, oracle
from seal.words import Word

RECORDING = Path(__file__).parent / "call.flac"
REFERENCE = Path(__file__).parent / "reference.json"

WIDTH = 100
"""Columns at most of what is printed: longer lines are hard to read."""

AROUND = 2
"""Words shown before and after those that are wrong."""


def show(folder: Path | None = None) -> None:
    """Transcribe the call into `folder` (None: a temporary one) and print the result."""
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="seal-demo-"))
    reference = words.read(REFERENCE)
    screen = Console(highlight=False, markup=False)
    screen.width = min(screen.width, WIDTH)
    minutes = max(word["end_time"] for word in reference) / 60
    screen.print(
        f"A telephone call of {minutes:.1f} minutes, two people, one channel. seal writes down the "
        "words, finds out who speaks when, and then corrects who said each word.\n"
    )
    with console.progress(RECORDING.name, piped=True) as progress:
        corrected = transcribe(RECORDING, progress=progress)
    words.write(corrected, folder / "call.json")
    first_pass = [{**word, "speaker": word["first_pass_speaker"]} for word in corrected]
    right = said_by(reference, first_pass)
    before, after = score(reference, first_pass), score(reference, corrected)

    screen.print(console.conversation(corrected))
    screen.print()
    screen.print(console.changes(corrected, right))
    screen.print(Text("\nStill wrong, in brackets", style="italic"))
    screen.print(_rows(still_wrong(corrected, right)))
    screen.print(Text("\nScores against what was really said; less is better", style="italic"))
    screen.print(console.score_table({"first pass": before, "corrected": after}))
    screen.print(_rows(explained(before, after)))
    screen.print(Text("\nNext", style="italic"))
    for command, what in next_commands(folder / "call.json"):
        screen.print(f"  {what}:\n    {command}", soft_wrap=True)


def said_by(reference: Sequence[Word], first_pass: Sequence[Word]) -> list[str | None]:
    """Who really said each word, in the first pass's names; None for a word that nobody said."""
    texts = [[words.normalise(word["words"]) for word in side] for side in (reference, first_pass)]
    names = oracle(reference, first_pass)
    return [
        name if index is not None else None
        for name, index in zip(names, aligned(*texts), strict=True)
    ]


def repaired_and_broken(corrected: Sequence[Word], right: Sequence[str | None]) -> tuple[int, int]:
    """How many words the correction gave to who said them, and how many it took away from them."""
    moved = [
        (word["first_pass_speaker"], word["speaker"], by)
        for word, by in zip(corrected, right, strict=True)
        if console.changed(word)
    ]
    return sum(by == now for _, now, by in moved), sum(by == was for was, _, by in moved)


def still_wrong(
    corrected: Sequence[Word], right: Sequence[str | None]
) -> Iterator[tuple[str, str, str]]:
    """A row per run of words of one speaker that somebody else has said: when, the words in
    brackets with those around them, and whose they are."""
    texts = [word["words"] for word in corrected]
    pairs = [(word["speaker"], by) for word, by in zip(corrected, right, strict=True)]
    for (speaker, by), run in groupby(range(len(pairs)), pairs.__getitem__):
        first, *rest = run
        if by in (None, speaker):
            continue
        end = first + len(rest) + 1
        said = f"[{' '.join(texts[first:end])}]"
        around = [*texts[max(0, first - AROUND) : first], said, *texts[end : end + AROUND]]
        when = console.clock(corrected[first]["start_time"])
        yield when, " ".join(around), f"with {speaker}, said by {by}"


def explained(before: Score, after: Score) -> Iterator[tuple[str, str]]:
    """The scores, each with a sentence in plain words."""
    yield (
        "WER",
        f"Of 100 words {100 * after.wer:.0f} were misheard, missed or made up by the recogniser. "
        "seal changes no word, so this stays.",
    )
    yield "cpWER", "The same, but a word under the wrong name counts as wrong as well."
    change = f"{after.delta_cp / before.delta_cp - 1:+.0%}" if before.delta_cp else "0%"
    yield (
        "Δcp",
        "The difference of the two: what wrong names cost. The correction changes it by "
        f"{change.replace('-', '−').replace('%', ' %')}.",
    )
    yield (
        "WDER",
        f"Of the words that were heard {before.misattributed} stood under the wrong name, and "
        f"{after.misattributed} do now.",
    )


def next_commands(transcript: Path) -> Iterator[tuple[str, str]]:
    """What to type now, each with what it is for."""
    seal = sys.argv[0] if Path(sys.argv[0]).name == "seal" else "seal"  # python -m seal
    if which("seal") == seal:
        seal = "seal"
    yield (
        f"{seal} review {shlex.quote(str(transcript))} --audio {shlex.quote(str(RECORDING))}",
        "Look at this call in the browser, listen, and mend what is still wrong",
    )
    yield (
        f"{seal} correct YOUR.json -o corrected.json",
        "Correct a transcript of yours, of WhisperX, Deepgram, AWS, NeMo, … or SRT",
    )


def _rows(rows: Iterable[Sequence[str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row("", *(Text(cell) for cell in row))
    return table
