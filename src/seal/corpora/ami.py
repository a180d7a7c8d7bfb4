"""AMI Meeting Corpus: NXT word annotations (words/<meeting>.<agent>.words.xml) to references.

Speakers are the meeting's agents (A to E). It knows nothing of audio, nor of train and test lists.
"""

import re
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from seal.errors import SealError
from seal.words import Word

LONGEST_WORD = 1.2
"""Seconds. Some word ends in the annotation run on to the next word, over many seconds."""

_ACRONYM = re.compile(r"^(\w_)+\w?$")


def load(folder: str | Path) -> dict[str, list[Word]]:
    """Read every meeting below `folder` (the one that holds `words/`).

    Punctuation, vocal sounds and untimed words are left out, and acronyms (`D_V_D_`) lose their
    underscores. Raises SealError for a folder without AMI's files, or a damaged file.
    """
    files = sorted(Path(folder).glob("words/*.words.xml"))
    if not files:
        raise SealError(f"{folder}: not AMI (no words/<meeting>.<agent>.words.xml in it)")
    meetings: dict[str, list[Word]] = defaultdict(list)
    for file in files:
        meeting, agent = file.name.split(".")[:2]
        try:
            root = ElementTree.parse(file).getroot()
        except ElementTree.ParseError as error:
            raise SealError(f"{file}: damaged XML ({error})") from None
        for element in root.iter("w"):
            times = element.get("starttime"), element.get("endtime")
            text = (element.text or "").strip()
            if element.get("punc") == "true" or None in times or not text:
                continue
            start, end = float(times[0] or 0), float(times[1] or 0)
            if _ACRONYM.match(text):
                text = text.replace("_", "")
            meetings[meeting].append(
                {
                    "session_id": meeting,
                    "speaker": agent,
                    "words": text,
                    "start_time": start,
                    "end_time": max(start, min(end, start + LONGEST_WORD)),
                }
            )
    return {name: sorted(words, key=lambda w: w["start_time"]) for name, words in meetings.items()}
