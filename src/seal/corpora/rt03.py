"""RT-03 English telephone speech (LDC2007S10): Fisher (`fsh_…`) and Switchboard (`sw_…`) calls.

Read are the STM references (`data/references/eval03/english/cts/*.stm`) and, if there are any, UEM
files (`session channel start end`), whose regions alone are scored. Both channels make one
conversation. Written from published recipes for this corpus and not run on the originals, which
cost a licence.
"""

from collections import defaultdict
from pathlib import Path

from seal.corpora import stm
from seal.corpora.reading import in_time_order
from seal.errors import SealError
from seal.formats.rttm import same_channel
from seal.parsing import lines, read_text, seconds
from seal.words import Word

Regions = dict[tuple[str, str], list[tuple[float, float]]]
"""The scored seconds of each session and channel."""


def load(folder: str | Path) -> dict[str, list[Word]]:
    """Read every call below `folder`; words whose middle lies outside the UEM's regions go.

    A call that no UEM file names is kept whole. Raises SealError for a folder without STM files,
    or a damaged line.
    """
    files = sorted(Path(folder).rglob("*.stm"))
    # The corpus also has Arabic, Chinese and broadcast news.
    telephone = [file for file in files if file.parts[-3:-1] == ("english", "cts")]
    files = telephone or files
    if not files:
        raise SealError(f"{folder}: not RT-03 (no *.stm in it)")
    regions: Regions = defaultdict(list)
    for file in sorted(Path(folder).rglob("*.uem")):
        _read_regions(file, regions)
    named = {session_id for session_id, _ in regions}
    calls: dict[str, list[Word]] = {}
    for name, channel, words in stm.segments(files):
        scored = regions.get((name, same_channel(channel)), [])
        calls.setdefault(name, []).extend(
            word for word in words if name not in named or _inside(word, scored)
        )
    return in_time_order(calls, folder)


def _read_regions(file: Path, regions: Regions) -> None:
    for number, line in lines(read_text(file), comment=";;"):
        fields = line.split()
        place = f"{file}: line {number}"
        if len(fields) != 4:
            raise SealError(f"{place}: not 'session channel start end'")
        start, end = seconds(fields[2], place), seconds(fields[3], place)
        regions[fields[0], same_channel(fields[1])].append((start, end))


def _inside(word: Word, regions: list[tuple[float, float]]) -> bool:
    middle = (word["start_time"] + word["end_time"]) / 2
    return any(start <= middle <= end for start, end in regions)
