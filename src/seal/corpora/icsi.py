"""ICSI meetings as the MRDA corpus has them: database/<meeting>.dadb to references.

One line is one dialogue act, its words joined by `|` as start+end+word. It knows nothing of audio.
"""

import csv
from pathlib import Path

from seal.errors import SealError
from seal.words import Word

_WORDS, _SPEAKER = 4, 7
"""Columns of a line: the timed words, and the speaker's name."""

_UNTIMED = "XXXX"


def load(folder: str | Path) -> dict[str, list[Word]]:
    """Read every meeting below `folder` (the one that holds `database/`).

    Words cut short (`w-`) stay, without their hyphen. Raises SealError for a folder without MRDA's
    files, or a damaged line.
    """
    files = sorted(Path(folder).glob("database/*.dadb"))
    if not files:
        raise SealError(f"{folder}: not ICSI in MRDA's layout (no database/*.dadb in it)")
    return {file.stem: _meeting(file) for file in files}


def _meeting(file: Path) -> list[Word]:
    words: list[Word] = []
    with file.open(newline="", encoding="utf-8") as lines:
        for number, row in enumerate(csv.reader(lines), start=1):
            try:
                speaker = row[_SPEAKER]
                for item in filter(None, row[_WORDS].split("|")):
                    start, end, text = item.split("+", 2)
                    if start != _UNTIMED and text.strip("-"):
                        words.append(
                            {
                                "session_id": file.stem,
                                "speaker": speaker,
                                "words": text.strip("-"),
                                "start_time": float(start),
                                "end_time": max(float(start), float(end)),
                            }
                        )
            except (IndexError, ValueError):
                raise SealError(f"{file}: line {number}: not a dialogue act with words") from None
    return sorted(words, key=lambda w: w["start_time"])
