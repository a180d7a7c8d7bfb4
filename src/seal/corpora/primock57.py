"""PriMock57: mock consultations, one TextGrid per party with utterance times, to references.

Words have no times of their own there: an utterance's span is shared out among its words by
length. It knows nothing of audio.
"""

import re
from pathlib import Path

from seal.errors import SealError
from seal.words import Word

_INTERVAL = re.compile(
    r"xmin = (?P<start>[\d.]+)\s+xmax = (?P<end>[\d.]+)\s+text = \"(?P<text>(?:[^\"]|\"\")*)\""
)
_TAG = re.compile(r"<[^>]*>")


def load(folder: str | Path) -> dict[str, list[Word]]:
    """Read every consultation below `folder` (the one that holds `transcripts/`).

    Tags such as <UNSURE> go, the words inside them stay. Raises SealError for a folder without
    the corpus's files.
    """
    files = sorted(Path(folder).glob("transcripts/*_*_*.TextGrid"))
    if not files:
        raise SealError(f"{folder}: not PriMock57 (no transcripts/<consultation>_<party>.TextGrid)")
    consultations: dict[str, list[Word]] = {}
    for file in files:
        session_id, party = file.stem.rsplit("_", 1)
        words = consultations.setdefault(session_id, [])
        for match in _INTERVAL.finditer(file.read_text(encoding="utf-8")):
            texts = _TAG.sub(" ", match["text"].replace('""', '"')).split()
            texts = [text for text in texts if any(map(str.isalnum, text))]
            words += spread(session_id, party, texts, float(match["start"]), float(match["end"]))
    return {
        name: sorted(words, key=lambda w: w["start_time"]) for name, words in consultations.items()
    }


def spread(session_id: str, speaker: str, texts: list[str], start: float, end: float) -> list[Word]:
    """Give each of an utterance's words its share of [start, end] seconds, by number of letters."""
    total = sum(len(text) + 1 for text in texts)
    words, position = [], 0
    for text in texts:
        first = start + (end - start) * position / total
        position += len(text) + 1
        words.append(
            {
                "session_id": session_id,
                "speaker": speaker,
                "words": text,
                "start_time": round(first, 3),
                "end_time": round(start + (end - start) * position / total, 3),
            }
        )
    return words
