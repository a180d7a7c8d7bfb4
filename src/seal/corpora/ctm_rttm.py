"""CTM words (`session channel start length word`) and RTTM speakers (NIST's formats) to references.

A word goes to the speaker who overlaps it most, or, where nobody speaks, to the nearest. Channels
count where both files name them alike (A is 1, B is 2); elsewhere all turns of a session count.
"""

from collections import defaultdict
from pathlib import Path

from seal.corpora.reading import find, in_time_order, spoken_tokens, word
from seal.errors import SealError
from seal.formats.rttm import Turn, Turns, same_channel, speaker_turns
from seal.parsing import lines, quoted, read_text, seconds
from seal.words import Word


def load(source: str | Path) -> dict[str, list[Word]]:
    """Read every `*.ctm` below a folder with the `*.rttm` there; or a CTM file, with its folder's.

    Raises SealError for a folder without both, a damaged line, a session in two CTM files, or one
    that no RTTM names.
    """
    files = find(source, "*.ctm", "CTM")
    turns = _turns(files[0].parent if Path(source).is_file() else Path(source))
    sessions: dict[str, list[Word]] = {}
    first: dict[str, Path] = {}
    for file in files:
        for number, line in lines(read_text(file), comment=";;"):
            fields = line.split()
            place = f"{file}: line {number}"
            if not 5 <= len(fields) <= 8:  # NIST has three more: confidence, type, speaker
                raise SealError(f"{place}: not 'session channel start length word [confidence]'")
            name, channel, text = fields[0], same_channel(fields[1]), fields[4]
            if first.setdefault(name, file) != file:
                raise SealError(f"{file}: the session {quoted(name)} is in {first[name]} already")
            start, length = seconds(fields[2], place), seconds(fields[3], place)
            if text.startswith("<") or not spoken_tokens(text):
                continue
            session_turns = turns.get((name, channel)) or turns.get((name, None))
            if session_turns is None:
                raise SealError(f"{place}: no RTTM file has the session {quoted(name)}")
            end = round(start + length, 6)
            speaker = session_turns.speaker(start, end)
            sessions.setdefault(name, []).append(word(name, speaker, text, start, end))
    return in_time_order(sessions, source)


def _turns(folder: Path) -> dict[tuple[str, str | None], Turns]:
    """The turns of each session and channel, and of each session as a whole (channel None)."""
    turns: dict[tuple[str, str | None], list[Turn]] = defaultdict(list)
    for file in find(folder, "*.rttm", "CTM with RTTM"):
        for session, named, turn in speaker_turns(file):
            for channel in (same_channel(named), None):
                turns[session, channel].append(turn)
    return {key: Turns(channel_turns) for key, channel_turns in turns.items()}
