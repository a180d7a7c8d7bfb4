"""ICSI meetings as the MRDA corpus has them: database/<meeting>.dadb to references.

One line is one dialogue act, its words joined by `|` as start+end+word. The corpus has no
punctuation, so the act's last word gets it: a comma where the floor is held, nothing where the act
is cut off or not labelled, else a question mark or a full stop. It knows nothing of audio.
"""

import csv
import io
from pathlib import Path

from seal.corpora.reading import in_time_order, spoken_tokens, word
from seal.errors import SealError
from seal.parsing import read_text, seconds
from seal.words import Word

_WORDS, _ACT, _SPEAKER = 4, 5, 7
"""Columns of a line: the timed words, what the act is, and the speaker's name."""

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
            speaker, said = row[_SPEAKER], len(words)
            for item in filter(None, row[_WORDS].split("|")):
                start, end, text = item.split("+", 2)
                text = text.strip("-")
                if start != _UNTIMED and spoken_tokens(text):
                    times = seconds(start, place), seconds(end, place)
                    words.append(word(file.stem, speaker, text, *times))
            if len(words) > said:
                words[-1]["words"] += _mark(row[_ACT])
    except SealError:
        raise
    except (csv.Error, IndexError, ValueError):
        raise SealError(f"{file}: line {rows.line_num}: not a dialogue act with words") from None
    return words


def _mark(act: str) -> str:
    """What stands after a dialogue act. MRDA's kinds: z is none, f holds or grabs the floor, q
    asks, and % says that the act was not finished.

    >>> [_mark(act) for act in ("s^rt", "qy^d", "fh|s", "s.%--", "z")]
    ['.', '?', ',', '', '']
    """
    if "%" in act or act[:1] in ("", "z"):
        return ""
    return {"f": ",", "q": "?"}.get(act[0], ".")
