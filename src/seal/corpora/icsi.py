"""ICSI meetings as the MRDA corpus has them: database/<meeting>.dadb to references.

One line is one dialogue act, its words joined by `|` as start+end+word. It knows nothing of audio.
"""

import csv
import io
from pathlib import Path

from seal.corpora.reading import in_time_order, spoken_tokens, word
from seal.errors import SealError
from seal.parsing import read_text, seconds
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
    return in_time_order({file.stem: _meeting(file) for file in files}, folder)


def _meeting(file: Path) -> list[Word]:
    words: list[Word] = []
    rows = csv.reader(io.StringIO(read_text(file), newline=""))
    try:
        for row in rows:
            place = f"{file}: line {rows.line_num}"
            speaker = row[_SPEAKER]
            for item in filter(None, row[_WORDS].split("|")):
                start, end, text = item.split("+", 2)
                text = text.strip("-")
                if start != _UNTIMED and spoken_tokens(text):
                    times = seconds(start, place), seconds(end, place)
                    words.append(word(file.stem, speaker, text, *times))
    except SealError:
        raise
    except (csv.Error, IndexError, ValueError):
        raise SealError(f"{file}: line {rows.line_num}: not a dialogue act with words") from None
    return words
