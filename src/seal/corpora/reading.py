"""What the loaders of corpora share: finding files, and making words of an utterance.

What cannot be read is refused in one line that names the file. It knows the layout of no corpus.
"""

from collections.abc import Mapping
from pathlib import Path

from seal.errors import SealError
from seal.parsing import split_time
from seal.words import Word


def find(source: str | Path, pattern: str, corpus: str) -> list[Path]:
    """`source` itself if it is a file, else the files below it whose names match `pattern`.

    Raises SealError if there are none.
    """
    source = Path(source)
    files = [source] if source.is_file() else sorted(source.rglob(pattern))
    if not files:
        raise SealError(f"{source}: not {corpus} (no {pattern} in it)")
    return files


def word(session_id: str, speaker: str, text: str, start: float, end: float) -> Word:
    """One word of a reference. It never ends before it starts, and has no space in it."""
    return {
        "session_id": session_id,
        "speaker": speaker,
        "words": "".join(text.split()),
        "start_time": start,
        "end_time": max(start, end),
    }


def spread(session_id: str, speaker: str, texts: list[str], start: float, end: float) -> list[Word]:
    """The words of an utterance, which share [start, end] seconds by their number of letters."""
    times = split_time(texts, start, end)
    return [word(session_id, speaker, text, *time) for text, time in zip(texts, times, strict=True)]


MARKS = ".,?!;:"
"""Marks that stay with the word before them, where a corpus has them: what a recogniser writes."""


def punctuated_tokens(text: str) -> list[str]:
    """The spoken tokens of `text`; a mark that stands alone joins the token before it.

    >>> punctuated_tokens("well , I went . . yeah ?")
    ['well,', 'I', 'went.', 'yeah?']
    """
    tokens: list[str] = []
    for token in text.split():
        if any(map(str.isalnum, token)):
            tokens.append(token)
        elif tokens and token in MARKS and tokens[-1][-1] not in MARKS:
            tokens[-1] += token
    return tokens


def spoken_tokens(text: str) -> list[str]:
    """The tokens of `text` that have a letter or digit: without stand-alone punctuation."""
    return [token for token in text.split() if any(map(str.isalnum, token))]


def in_time_order(
    recordings: Mapping[str, list[Word]], source: str | Path
) -> dict[str, list[Word]]:
    """The recordings that have words, each sorted by start. Raises SealError if there are none."""
    result = {
        name: sorted(words, key=lambda word: word["start_time"])
        for name, words in recordings.items()
        if words
    }
    if not result:
        raise SealError(f"{source}: no words with times in it")
    return result
