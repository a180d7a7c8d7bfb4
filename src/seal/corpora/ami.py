"""AMI Meeting Corpus: NXT word annotations (words/<meeting>.<agent>.words.xml) to references.

Speakers are the meeting's agents (A to E). It knows nothing of audio, nor of train and test lists.
"""

from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from seal.corpora.reading import MARKS, in_time_order, spoken_tokens, word
from seal.errors import SealError
from seal.parsing import quoted, read_bytes, seconds
from seal.words import Word

LONGEST_WORD = 1.2
"""Seconds. Some word ends in the annotation run on to the next word, over many seconds."""

_ID = "{http://nite.sourceforge.net/}id"


def load(folder: str | Path) -> dict[str, list[Word]]:
    """Read every meeting below `folder` (the one that holds `words/`).

    Vocal sounds and untimed words are left out, punctuation joins the word before it, and acronyms
    (`D_V_D_`) lose their underscores. Raises SealError for a folder without AMI's files, or a
    damaged file (with the word that is).
    """
    files = sorted(Path(folder).glob("words/*.words.xml"))
    if not files:
        raise SealError(f"{folder}: not AMI (no words/<meeting>.<agent>.words.xml in it)")
    meetings: dict[str, list[Word]] = defaultdict(list)
    for file in files:
        parts = file.name.split(".")
        if len(parts) != 4:
            raise SealError(f"{file}: not named <meeting>.<agent>.words.xml")
        meeting, agent = parts[:2]
        latest: Word | None = None
        for number, element in enumerate(_root(file).iter("w"), start=1):
            times = element.get("starttime"), element.get("endtime")
            text = (element.text or "").strip()
            if element.get("punc") == "true":
                if latest and text in MARKS and latest["words"][-1] not in MARKS:
                    latest["words"] += text
                continue
            latest = None
            if times[0] is None or times[1] is None:
                continue
            place = f"{file}: word {quoted(element.get(_ID, str(number)))}"
            start, end = seconds(times[0], place), seconds(times[1], place)
            if spoken_tokens(text):
                text = text.replace("_", "")
                end = min(end, start + LONGEST_WORD)
                latest = word(meeting, agent, text, start, end)
                meetings[meeting].append(latest)
    return in_time_order(meetings, folder)


def _root(file: Path) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(read_bytes(file))
    except ElementTree.ParseError as error:
        raise SealError(f"{file}: damaged XML ({error})") from None
    except (LookupError, ValueError):  # an encoding that nobody knows
        raise SealError(f"{file}: line 1: damaged XML (unknown encoding)") from None
