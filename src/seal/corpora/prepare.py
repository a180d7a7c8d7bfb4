"""`seal prepare`: a corpus in its own layout to word transcripts and lists of who trains on what.

What can be refused is refused before the corpus is read, and nothing is written before it was read
whole. It knows nothing of the layouts (`seal.corpora` does), of audio or of models.
"""

import importlib
import os
from pathlib import Path

from seal import words
from seal.corpora.splits import first_clip_cut, split
from seal.errors import SealError
from seal.files import write_text
from seal.parsing import quoted
from seal.progress import StageProgress

PARTS = ("train", "dev", "test")


def prepare(
    corpus: str, folder: str | Path, out: str | Path, progress: StageProgress | None = None
) -> dict[str, list[str]]:
    """Write `out`/NAME.json for every recording of `corpus` in `folder`, and `out`/train.txt …

    Returns the names in each list. The lists come last: where they are, everything is there. AMI's
    training meetings lose the seconds that seal's real clips are cut from; a recording that belongs
    to no list is left out. Raises SealError for anything that is in the way; `progress` is called
    with a stage and a fraction.
    """
    folder, out = Path(folder), Path(out)
    _check(corpus, folder, out)
    report = progress or (lambda stage, fraction: None)
    report("reading", 0.0)
    module = importlib.import_module(f"seal.corpora.{corpus.replace('-', '_')}")
    recordings: dict[str, list[words.Word]] = module.load(folder)
    report("reading", 1.0)
    for name in recordings:
        _check_name(name, folder)
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for done, (name, transcript) in enumerate(recordings.items(), start=1):
        part = split(corpus, name)
        if part not in PARTS:
            continue
        if corpus == "ami" and part == "train":
            transcript = first_clip_cut(transcript)
        words.write(words.check(transcript, name), out / f"{name}.json")
        parts[part].append(name)
        report("writing", done / len(recordings))
    for part, names in parts.items():
        write_text("".join(f"{name}\n" for name in names), out / f"{part}.txt")
    return parts


def _check(corpus: str, folder: Path, out: Path) -> None:
    """Raise SealError for what is wrong before the corpus is read."""
    split(corpus, "")
    if not folder.exists():
        raise SealError(f"{folder}: there is no such folder")
    if out.exists() and not out.is_dir():
        raise SealError(f"{out}: is a file; name a folder")
    if out.exists() and out.samefile(folder if folder.is_dir() else folder.parent):
        raise SealError(f"{out}: is where the corpus lies; name another folder")
    above = out
    while not above.exists():
        above = above.parent
    if not above.is_dir():
        raise SealError(f"{out}: cannot be a folder: {above} is a file")
    if not os.access(above, os.W_OK | os.X_OK):
        raise SealError(f"{out}: cannot be written: no permission in {above}")


def _check_name(name: str, folder: Path) -> None:
    """Raise SealError for a recording whose name cannot be that of a file in the output folder."""
    if not name.strip(".") or not name.isprintable() or set(name) & set("/\\"):
        raise SealError(f"{folder}: the recording {quoted(name)} cannot name a file; rename it")


def read_part(folder: Path, part: str) -> list[list[words.Word]]:
    """The recordings of a prepared folder that are in its list `part` (train, dev, test)."""
    lists = folder / f"{part}.txt"
    if not lists.is_file():
        raise SealError(f"{folder}: holds no {part}.txt; make the folder with `seal prepare`")
    names = lists.read_text(encoding="utf-8").split("\n")
    found = [words.read(folder / f"{name}.json") for name in names if name]
    found = [recording for recording in found if recording]
    if not found:
        raise SealError(
            f"{lists}: names no recording with words; move some names there from another list"
        )
    return found
