"""Fisher English (LDC2004T19, LDC2005T19): telephone calls of two strangers, to references.

Read is LDC's own layout (`data/trans/NNN/fe_03_NNNNN.txt`) and, for calls that have no such file,
BBN's (`data/bbn_orig/NNN/{auto-segmented,rejected}/fe_03_NNNNN.trn` and `.ana`). Both channels
make one conversation; an utterance's span is shared out among its words. Written from the corpus's
published documentation and not run on the originals, which cost a licence.
"""

import re
from pathlib import Path

from seal.corpora.ldc import call_words, spoken_words
from seal.corpora.reading import in_time_order, spread
from seal.errors import SealError
from seal.parsing import lines, quoted, read_text
from seal.words import Word

RATE = 8000
"""Samples per second of the recordings, in which BBN's files count."""

_NAME = re.compile(r"fe_03_\d{5}", re.ASCII)
_UTTERANCE = re.compile(r"(?P<text>.*)\((?P<id>[^()\s]+)\)")
_SEGMENT = re.compile(
    r"\S+\s+-c\s+(?P<channel>[12])\s.*-f\s+(?P<start>\d{1,10})-(?P<end>\d{1,10})\s.*-o\s+(?P<id>\S+)",
    re.ASCII,
)


def load(folder: str | Path) -> dict[str, list[Word]]:
    """Read every call below `folder`, which may hold one part of the corpus or both.

    Raises SealError for a folder without Fisher's files, or a damaged line.
    """
    texts: dict[str, Path] = {}
    aligned: dict[str, list[Path]] = {}
    for file in sorted(Path(folder).rglob("fe_03_*")):
        if not _NAME.fullmatch(file.stem):  # fe_03_readme.txt and its like
            continue
        if file.suffix == ".txt":
            texts.setdefault(file.stem, file)  # some copies of the corpus have files twice
        elif file.suffix == ".trn":
            files = aligned.setdefault(file.stem, [])
            if all(file.parent.name != other.parent.name for other in files):
                files.append(file)
    if not texts and not aligned:
        raise SealError(f"{folder}: not Fisher (no fe_03_NNNNN.txt or .trn in it)")
    calls = {
        name: call_words(texts[name], name, wrapped=False)
        if name in texts
        else [word for file in aligned[name] for word in _aligned(file)]
        for name in sorted(texts | aligned)
    }
    return in_time_order(calls, folder)


def _aligned(file: Path) -> list[Word]:
    """The words of a call in BBN's layout: `.trn` has the words, `.ana` the channel and samples."""
    segments_file = file.with_suffix(".ana")
    segments = {}
    for number, line in lines(read_text(segments_file), comment="#"):
        match = _SEGMENT.fullmatch(line)
        if not match:
            raise SealError(
                f"{segments_file}: line {number}: not 'CALL -c CHANNEL … -f FIRST-LAST … -o ID'"
            )
        segments[match["id"]] = match
    words: list[Word] = []
    for number, line in lines(read_text(file), comment="#"):
        match = _UTTERANCE.fullmatch(line)
        if not match:
            raise SealError(f"{file}: line {number}: not 'WORDS (ID)'")
        if match["id"] not in segments:
            raise SealError(f"{file}: line {number}: {quoted(match['id'])} is not in the .ana")
        segment = segments[match["id"]]
        start, end = int(segment["start"]) / RATE, int(segment["end"]) / RATE
        speaker = "AB"[int(segment["channel"]) - 1]
        words += spread(file.stem, speaker, spoken_words(match["text"]), start, end)
    return words
