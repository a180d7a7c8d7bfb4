"""Recognised words and a diarizer's turns to a first pass, and who truly said each word.

Turns are hard labels: the words have no scores. A word gets the speaker whose turns overlap it
most, or, where nobody speaks, the nearest turn's. It knows nothing of corpora.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seal.acoustic.reconcile import name
from seal.errors import SealError
from seal.formats.rttm import Turn, Turns, speaker_turns
from seal.parsing import lines, read_text, seconds
from seal.tpst import aligned, best_match
from seal.words import Word, normalise


def read_turns(file: Path) -> list[Turn]:
    """The turns of an RTTM file, or of lines `start end speaker` in seconds.

    Raises SealError for a damaged line, and for a file without turns.
    """
    if file.suffix == ".rttm":
        found = [turn for _, _, turn in speaker_turns(file)]
    else:
        found = []
        for number, line in lines(read_text(file), comment="#"):
            place, fields = f"{file}: line {number}", line.split()
            if len(fields) != 3:
                raise SealError(f"{place}: not 'start end speaker'")
            found.append((seconds(fields[0], place), seconds(fields[1], place), fields[2]))
    if not found:
        raise SealError(f"{file}: no turns in it")
    return found


def first_pass(heard: Sequence[Word], turns: list[Turn]) -> list[Word]:
    """The words under the diarizer's speakers, called A, B, … in order of appearance."""
    known = Turns(turns)
    given = [known.speaker(word["start_time"], word["end_time"]) for word in heard]
    letters = {speaker: name(index) for index, speaker in enumerate(dict.fromkeys(given))}
    return [{**word, "speaker": letters[who]} for word, who in zip(heard, given, strict=True)]


def matched(true: Sequence[str], given: Sequence[str]) -> list[str]:
    """The true speakers under the given names, one to one, by the assignment that agrees on most
    words. A speaker who gets no name, where fewer were found than there are, is `(name)`: whatever
    the first pass says of their words is wrong."""
    people, names = list(dict.fromkeys(true)), list(dict.fromkeys(given))
    agreement = np.zeros((len(people), len(names)))
    for who, called in zip(true, given, strict=True):
        agreement[people.index(who), names.index(called)] += 1
    renamed = {people[row]: names[column] for row, column in best_match(agreement)}
    return [renamed.get(who, f"({who})") for who in true]


def transferred(reference: Sequence[Word], first: Sequence[Word]) -> list[str]:
    """The true speakers of words that a recogniser made, by alignment with the reference.

    A word that is aligned with none keeps the name that it has: nobody said it.
    """
    sides = ([normalise(word["words"]) for word in side] for side in (reference, first))
    partners = aligned(*sides)
    known = [index for index, partner in enumerate(partners) if partner is not None]
    true = matched(
        [reference[partner]["speaker"] for partner in partners if partner is not None],
        [first[index]["speaker"] for index in known],
    )
    found = [word["speaker"] for word in first]
    for index, who in zip(known, true, strict=True):
        found[index] = who
    return found
