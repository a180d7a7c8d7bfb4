"""CALLHOME American English (LDC97T14): telephone calls of families and friends, to references.

Read is `transcrpt/{train,devtest,evaltest}/en_NNNN.txt`, whose turns may run over several lines and
whose sides may have more than one speaker (A, A1, B …). Only the transcribed five or ten minutes
of a call are there. Written from the corpus's published documentation and not run on the
originals, which cost a licence.
"""

import re
from pathlib import Path

from seal.corpora.ldc import call_words
from seal.corpora.reading import in_time_order
from seal.errors import SealError
from seal.words import Word

_NAME = re.compile(r"en_\d{4}", re.ASCII)


def load(folder: str | Path) -> dict[str, list[Word]]:
    """Read every call below `folder`. A turn's span is shared out among its words by length.

    Raises SealError for a folder without CALLHOME's files, or a damaged line.
    """
    files = {
        file.stem: file
        for file in sorted(Path(folder).rglob("en_*.txt"))
        if _NAME.fullmatch(file.stem)
    }
    if not files:
        raise SealError(f"{folder}: not CALLHOME (no en_NNNN.txt in it)")
    return in_time_order(
        {name: call_words(file, name, wrapped=True) for name, file in files.items()}, folder
    )
