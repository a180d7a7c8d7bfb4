"""Words written to a file in one call: as another file has them, or in a format of their own.

It is `seal.write`. It knows the layout of no format.
"""

from collections.abc import Iterable
from pathlib import Path

from seal import words as transcripts
from seal.errors import SealError
from seal.formats import Transcript, load
from seal.formats.known import SUFFIXES
from seal.formats.reading import Original, Source
from seal.words import Word


def write(
    words: Iterable[Word],
    path: str | Path,
    *,
    like: str | Path | None = None,
    format: str | None = None,
) -> list[str]:
    """Write words to a file, which appears whole or not at all.

    Parameters
    ----------
    words: the transcript.
    path: where it goes.
    like: the file from which the words were read: the same is written, in its format, with their
        speakers and nothing else changed.
    format: a format to write from nothing (`seal convert --help` lists them); None is what the
        path's ending says (.srt, .vtt, …), else the word transcript.

    Returns what the format cannot hold, a few words each. Raises SealError where it cannot hold the
    words at all, or where they are not those of `like`.
    """
    words, path = list(words), Path(path)
    if like is not None:
        if format is not None:
            raise SealError(f"format: {path} is written as {like} is; leave out one of the two")
        original = load(like)
        if [word["words"] for word in words] != [word["words"] for word in original.words]:
            raise SealError(f"{like}: has other words than are to be written")
        original.save(words, path)
        return []
    to = format or SUFFIXES.get(path.suffix.lower(), "words")
    if to == "words":
        transcripts.write(words, path)
        return []
    transcripts.check(words, str(path))
    return Transcript(path, "words", Original(Source(path, ""), words)).convert(to, path)
