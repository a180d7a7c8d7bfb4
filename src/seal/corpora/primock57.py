"""PriMock57: mock consultations, one TextGrid per party with utterance times, to references.

Words have no times of their own there: an utterance's span is shared out among its words by
length. It knows nothing of audio.
"""

from pathlib import Path

from seal.corpora.reading import in_time_order
from seal.corpora.textgrid import tier_words, tiers
from seal.errors import SealError
from seal.words import Word


def load(folder: str | Path) -> dict[str, list[Word]]:
    """Read every consultation below `folder` (the one that holds `transcripts/`).

    Tags such as <UNSURE> go, the words inside them stay. Raises SealError for a folder without
    the corpus's files, or a damaged file.
    """
    files = sorted(Path(folder).glob("transcripts/*_*_*.TextGrid"))
    if not files:
        raise SealError(f"{folder}: not PriMock57 (no transcripts/<consultation>_<party>.TextGrid)")
    consultations: dict[str, list[Word]] = {}
    for file in files:
        session_id, party = file.stem.rsplit("_", 1)
        words = consultations.setdefault(session_id, [])
        for tier in tiers(file):
            words += tier_words(session_id, party, tier)
    return in_time_order(consultations, folder)
