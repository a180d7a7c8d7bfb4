"""What listens: a recording in, words with times and scores out.

Sound is streamed and never held whole. Nothing here knows of text models, of files of other tools
or of who corrects.
"""

from typing import Literal

from seal.errors import SealError

Channels = Literal["auto", "split", "mix"]
"""What a recording's channels are taken for: a speaker each (`split`), one sound (`mix`), or what
they sound like (`channels.py`)."""


def check_bounds(speakers: int | None, least: int, most: int | None) -> None:
    """Raise SealError where no number of speakers fits; `speakers` goes before the other two."""
    for kind, count in (("", speakers), ("min-", least), ("max-", most)):
        if count is not None and count < 1:
            raise SealError(f"--{kind}speakers: a recording has 1 speaker or more, not {count}")
    if speakers is None and most is not None and least > most:
        raise SealError(f"--min-speakers: {least} are more than --max-speakers, {most}")
