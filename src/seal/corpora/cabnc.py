"""CABNC, conversations at home and at work from the British National Corpus, to references.

The files are CHAT, one folder per household or person that recorded (`KB0/KB0RE000.cha`), and an
utterance's span is shared out among its words. The BNC writes contractions in two words
(`did n't`, `gon na`, `Mary 's`): they are one here. Of its marks those at the ends of utterances
alone were kept, but also its capitals: a word that is mostly written small begins a sentence where
it has one, and the word before it gets a full stop. It knows nothing of audio.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from seal.corpora import chat
from seal.corpora.reading import MARKS
from seal.errors import SealError
from seal.words import Word

FEWEST_WORDS = 60
"""Fewer, or one speaker alone, are no conversation; the corpus has such files, and files without
times in `0missing`."""

HALVES = frozenset(
    {("gon", "na"), ("got", "ta"), ("wan", "na"), ("can", "not"), ("d'", "you"), ("dun", "no")}
)


def load(folder: str | Path) -> dict[str, list[Word]]:
    """Read every conversation below `folder`. Raises SealError for a folder without the corpus's
    files, or a damaged file."""
    folder = Path(folder)
    if not folder.is_dir() or not any(folder.glob("K*/K*.cha")):
        raise SealError(f"{folder}: not CABNC (no K??/K??RE???.cha in it)")
    found: dict[str, list[Word]] = {}
    for part in sorted(path for path in folder.glob("K*") if path.is_dir()):
        for name, words in chat.load(part).items():
            whole = joined(words)
            if len(whole) >= FEWEST_WORDS and len({word["speaker"] for word in whole}) > 1:
                found[name] = whole
    if not found:
        raise SealError(f"{folder}: no conversation of {FEWEST_WORDS} words and two speakers in it")
    _end_sentences(found.values())
    return found


def _end_sentences(recordings: Iterable[list[Word]]) -> None:
    """Give a full stop to each word before one that begins a sentence by its capital."""
    recordings = list(recordings)
    written = Counter(word["words"].rstrip(MARKS) for words in recordings for word in words)
    for words in recordings:
        latest: dict[str, Word] = {}
        for word in words:
            before, text = latest.get(word["speaker"]), word["words"].rstrip(MARKS)
            latest[word["speaker"]] = word
            begins = text[0].isupper() and written[text[0].lower() + text[1:]] > written[text]
            if begins and before and before["words"][-1] not in MARKS:
                before["words"] += "."


def joined(words: list[Word]) -> list[Word]:
    """The words with the halves of contractions put together, in time order.

    Halves are neighbours of one speaker, the second of which begins where the first ends.
    """
    whole: list[Word] = []
    latest: dict[str, Word] = {}
    for word in words:
        before = latest.get(word["speaker"])
        if before and before["end_time"] == word["start_time"] and _belongs(before, word):
            before["words"] += word["words"]
            before["end_time"] = word["end_time"]
        else:
            latest[word["speaker"]] = dict(word)
            whole.append(latest[word["speaker"]])
    return whole


def _belongs(first: Word, second: Word) -> bool:
    text = second["words"].lower().rstrip(MARKS)
    return text == "n't" or text.startswith("'") or (first["words"].lower(), text) in HALVES
