"""SegLST, MeetEval's JSON list of segments or words, to references.

A segment of several words has its span shared out among them by length. The fields are those of a
word transcript, so that seal's own files can be read as well; of other keys it keeps none.
"""

from pathlib import Path

from seal import words
from seal.corpora.reading import find, in_time_order, spoken_tokens, spread, word
from seal.errors import SealError
from seal.parsing import LATEST, quoted
from seal.words import Word


def load(source: str | Path) -> dict[str, list[Word]]:
    """Read a SegLST file, or every `*.json` below a folder.

    Raises SealError for a folder without such files, a damaged entry, or a session in two files.
    """
    sessions: dict[str, list[Word]] = {}
    first: dict[str, Path] = {}
    for file in find(source, "*.json", "SegLST"):
        for number, segment in enumerate(words.read(file), start=1):
            name = segment["session_id"]
            if first.setdefault(name, file) != file:  # a hypothesis beside its reference, say
                raise SealError(f"{file}: the session {quoted(name)} is in {first[name]} already")
            start, end = float(segment["start_time"]), float(segment["end_time"])
            if max(start, end) > LATEST:
                raise SealError(f"{file}: entry {number}: a time is beyond {LATEST:.0f} s")
            texts = spoken_tokens(segment["words"])
            session = sessions.setdefault(name, [])
            if len(texts) == 1:  # a word's own times stay exactly as they are
                session.append(word(name, segment["speaker"], texts[0], start, end))
            else:
                session += spread(name, segment["speaker"], texts, start, end)
    return in_time_order(sessions, source)
