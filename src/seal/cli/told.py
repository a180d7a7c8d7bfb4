"""What `correct` and `transcribe` say of their work: a closing line on stderr, and the report.

It knows nothing of how the work is done.
"""

import csv
import io
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from seal.batch.changes import Change, Changes
from seal.batch.tasks import Correct, Transcribe
from seal.correctors import Options
from seal.errors import SealError
from seal.files import check_writable, is_device, write_text

COLUMNS = ("file", *("time" if name == "seconds" else name for name in Change._fields))


def closing_line(sources: Sequence[Path], changes: Changes, target: str) -> None:
    """Say on stderr what was changed, and where the result is."""
    name = sources[0].name if len(sources) == 1 else f"{len(sources):,} files"
    print(f"{name}: {changes} → {target}", file=sys.stderr)


def write_report(found: Iterable[tuple[Path, Changes]], report: Path) -> None:
    """Write a line for each changed word of each file."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    for source, changes in found:
        for change in changes.each:
            time, sure = f"{change.seconds:.2f}", change.confidence
            shown = "" if sure is None else f"{sure:.4g}"
            rest = (change.word, change.before, change.after, shown, change.why)
            lines.writerow((source, time, *rest))
    write_text(text.getvalue(), report, errors="replace")


def check_report(report: Path | None, others: Iterable[Path]) -> None:
    """Raise SealError where the report could not be written, or would replace something."""
    if report is None:
        return
    if report.suffix.lower() != ".csv" and not is_device(report):
        raise SealError(f"--report: {report}: is a CSV file; end its name in .csv")
    taken = {os.path.realpath(path) for path in others}
    if os.path.realpath(report) in taken:
        raise SealError(f"--report: {report} is an input or a result; take another name")
    check_writable(report)


def warn_of_model(task: Correct | Transcribe) -> None:
    """Say on stderr where a language model was asked that was never trained for this."""
    model, adapter = task.options["model"], task.options["adapter"]
    asked = not isinstance(task, Transcribe) or task.correct
    if model is None or adapter is not None or not asked:
        return
    if Options(**task.options).chosen != "seal":
        return
    if (Path(model) / "adapter_config.json").is_file():  # a folder of ours, named as the model
        return
    print(
        f"seal: {model}: has not learnt this task; its choices are near chance (name an --adapter "
        "that `seal train` made for it)",
        file=sys.stderr,
    )
