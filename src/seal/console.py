"""What people see in the terminal: conversation, changes, scores, and progress on stderr.

Everything is legible without colour. It computes nothing: it shows word transcripts and scores,
and knows nothing of files, audio or models.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import groupby
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seal.progress import StageProgress
from seal.words import Word, sessions, speakers

if TYPE_CHECKING:  # the command line imports this file, and scoring loads numpy and meeteval
    from seal.scoring import Score

Answer = TypeVar("Answer")

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
"""Of the speakers, in order of appearance; a seventh speaker has the first colour again."""


def changed(word: Word) -> bool:
    """Whether the correction gave this word another speaker than the first pass did."""
    return bool(word.get("first_pass_speaker", word["speaker"]) != word["speaker"])


def conversation(words: Sequence[Word]) -> Table:
    """A table with a turn per line: speaker, time, words; a changed word is `word⟨was B⟩`."""
    colours = _colours(words)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    groups = list(sessions(words))
    for session_id, indices in groups:
        if len(groups) > 1:
            table.add_row("", "", Text(_printable(session_id), style="bold"))
        for speaker, turn in groupby((words[index] for index in indices), lambda w: w["speaker"]):
            turn_words = list(turn)
            text = Text(" ").join(_shown(word) for word in turn_words)
            name = Text(_printable(speaker), style=f"bold {colours[speaker]}")
            table.add_row(name, clock(turn_words[0]["start_time"]), text)
    return table


def show(words: Sequence[Word]) -> None:
    """Print a conversation in turns, with what was changed; in colour where that can be seen, in a
    notebook as well."""
    Console().print(conversation(words))


def changes(words: Sequence[Word], said_by: Sequence[str | None] | None = None) -> Table:
    """A table with a line per changed word: time, word, speaker before and after, confidence; and,
    where it is known who `said_by` [W] each word (None: nobody), what came of the change."""
    colours = _colours(words)
    table = Table(title="What changed", title_justify="left")
    for column in ("time", "word", "before", "after", "confidence"):
        table.add_column(column, justify="right" if column in ("time", "confidence") else "left")
    if said_by is not None:
        table.add_column("said by")
    for _, indices in sessions(words):
        for index in (index for index in indices if changed(words[index])):
            word = words[index]
            before, after = word["first_pass_speaker"], word["speaker"]
            confidence = word.get("speaker_confidence")
            table.add_row(
                clock(word["start_time"]),
                _printable(word["words"]),
                Text(_printable(before), style=colours.get(before, "")),
                Text(_printable(after), style=colours[after]),
                "" if confidence is None else f"{confidence:.2f}",
                *([] if said_by is None else [_verdict(before, after, said_by[index])]),
            )
    return table


def _verdict(before: str, after: str, said_by: str | None) -> str:
    verdicts = {before: "broken", after: "repaired"}
    return "nobody" if said_by is None else f"{said_by}: {verdicts.get(said_by, 'as wrong')}"


def score_table(rows: "Mapping[str, Score]") -> Table:
    """A table of WER, cpWER, Δcp and WDER in per cent, with a row per name; of tcpWER, DI-cpWER
    and DER, too, where they were counted."""
    table = Table()
    titles = {"wer": "WER", "cpwer": "cpWER", "delta_cp": "Δcp", "wder": "WDER"}
    if any(score.tcp_errors is not None for score in rows.values()):
        titles |= {"tcpwer": "tcpWER", "di_cpwer": "DI-cpWER"}
    if any(score.der is not None for score in rows.values()):
        titles["der"] = "DER"
    for column in ("", *titles.values()):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for name, score in rows.items():
        rates = [getattr(score, key) for key in titles]
        shown = ("–" if rate is None else f"{100 * rate:.2f} %" for rate in rates)
        table.add_row(_printable(name), *shown)
    return table


def clock(seconds: float) -> str:
    """Minutes, seconds and tenths, as in 1:02.5."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"


@contextmanager
def progress(name: str, *, piped: bool = False) -> Iterator[StageProgress]:
    """Yield a callback that shows a bar on stderr; where that is no terminal nothing, or, with
    `piped`, a line for each quarter of a stage."""
    if not sys.stderr.isatty():
        yield _quarters(name) if piped else _nothing
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def show(stage: str, fraction: float) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_printable(f"{name}: {stage}"), total=1.0)
            bars.update(tasks[stage], completed=fraction)

        yield show


def _quarters(name: str) -> StageProgress:
    told: dict[str, int] = {}

    def show(stage: str, fraction: float) -> None:
        quarter = int(4 * fraction)
        if quarter > told.get(stage, -1):
            told[stage] = quarter
            line = f"{_printable(name)}: {_printable(stage)} {25 * quarter} %"
            print(line, file=sys.stderr, flush=True)

    return show


def with_progress(work: Callable[..., Answer]) -> Callable[..., Answer]:
    """Let a function whose `progress` is a callback or None take True and False, too: a bar, or
    nothing. None is nothing; in a notebook, where one would wait before an empty cell, a bar."""

    @wraps(work)
    def wrapped(
        *arguments: Any, progress: StageProgress | bool | None = None, **more: Any
    ) -> Answer:
        if progress is None and "ipykernel" in sys.modules:
            progress = True
        if progress is True:
            with _bar(work.__name__) as callback:
                return work(*arguments, progress=callback, **more)
        if progress is False:  # and not None, which what it calls would take for its own default
            progress = _nothing
        return work(*arguments, progress=progress, **more)

    return wrapped


def _nothing(stage: str, fraction: float) -> None:
    """The callback of who wants to see nothing."""


@contextmanager
def _bar(name: str) -> Iterator[StageProgress]:
    """As `progress`; where stderr is no terminal, as in a notebook, a line that is written over."""
    if sys.stderr.isatty():
        with progress(name) as callback:
            yield callback
        return
    shown = ""

    def show(stage: str, fraction: float) -> None:
        nonlocal shown
        line = f"{name}: {_printable(stage)} {fraction:4.0%}"
        if line != shown:
            print(f"\r{line:<{len(shown)}}", end="", file=sys.stderr, flush=True)
            shown = line

    try:
        yield show
    finally:
        if shown:
            print(file=sys.stderr)


@contextmanager
def count(total: int) -> Iterator[Callable[[int, str], None]]:
    """Yield a callback that takes the number of inputs done, of `total`, and a note on the last. It
    shows a bar and about how long the rest will take on stderr, or nothing where that is no
    terminal."""
    if not sys.stderr.isatty():
        yield lambda done, note: None
        return
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (BarColumn(), TextColumn("{task.description}", markup=False))
    start = monotonic()
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(f"0 of {total}", total=total)

        def show(done: int, note: str) -> None:
            left = (monotonic() - start) / done * (total - done) if done else None
            text = f"{done} of {total}, {_duration(left)} · {note}"
            bars.update(task, completed=done, description=_printable(text))

        yield show


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "time left not known yet"
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    minutes = seconds / 60
    return f"about {minutes:.0f} min left" if minutes < 90 else f"about {minutes / 60:.1f} h left"


def _shown(word: Word) -> Text:
    text = Text(_printable(word["words"]))
    if changed(word):
        text.stylize("bold")
        text.append(f"⟨was {_printable(word['first_pass_speaker'])}⟩", style="dim")
    return text


def _colours(words: Sequence[Word]) -> dict[str, str]:
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(speakers(words))}


def _printable(text: str) -> str:
    """The text without characters that would control the terminal or cannot be encoded."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
