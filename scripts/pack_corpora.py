"""Pack what `seal prepare` made into one small file that loads in seconds.

python scripts/pack_corpora.py cabnc/=0.45 ami/=0.30 icsi/=0.25 -o corpora.npz

Takes the recordings of each folder's train.txt, with the share after `=` (1 without). `seal train`
takes the file in the place of the folders. PriMock57 tests, and is refused.
"""

import argparse
import re
import sys
from pathlib import Path

from seal.corpora.columns import SUFFIX, write_columns
from seal.corpora.prepare import read_part
from seal.errors import SealError
from seal.words import Word


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", metavar="FOLDER[=SHARE]")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar=f"OUT{SUFFIX}")
    options = parser.parse_args()
    try:
        corpora = [read(one) for one in options.folders]
        write_columns(corpora, options.output)
    except SealError as error:
        print(f"pack_corpora: {error}", file=sys.stderr)
        return 2
    words = sum(len(recording) for _, recordings in corpora for recording in recordings)
    recordings = sum(len(recordings) for _, recordings in corpora)
    size = options.output.stat().st_size / 1e6
    print(f"{options.output}: {recordings} recordings, {words:,} words, {size:.1f} MB")
    return 0


def read(entry: str) -> tuple[float, list[list[Word]]]:
    """The share and the training recordings of FOLDER[=SHARE]."""
    folder, _, given = entry.partition("=")
    try:
        share = float(given or 1.0)
    except ValueError:
        share = 0.0
    if not share > 0:
        raise SealError(f"{entry}: the share must be a number above 0")
    recordings = read_part(Path(folder), "train")
    for recording in recordings:
        if re.fullmatch(r"day\d_consultation\d\d", recording[0]["session_id"]):
            raise SealError(f"{folder}: holds PriMock57, which tests and is never learnt from")
    return share, recordings


if __name__ == "__main__":
    sys.exit(main())
