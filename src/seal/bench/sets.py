"""Sets to compare systems on: references, first passes, and who truly said each word.

A set is a folder with `reference/` and `first/` (word transcripts, NAME.json each) and, where they
are known, `oracle/`: the first pass's words with their true speakers (else they are made by
transferring the reference's, TPST), and `audio/`: NAME.wav or another sound file. Several first
passes of one recording, by several diarizers, lie in a folder each: `first/DIARIZER/NAME.json`,
`oracle/DIARIZER/NAME.json`. It knows nothing of systems.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from seal import words
from seal.bench.positions import places
from seal.errors import SealError
from seal.tpst import oracle
from seal.words import Word


@dataclass(frozen=True)
class Recording:
    """A conversation to measure on."""

    name: str
    reference: list[Word]
    first: list[Word]
    true: list[str]
    """The true speaker of each word of the first pass, in the first pass's names."""
    audio: Path | None = None
    group: str = ""
    """The diarizer that gave the first pass, in a set of several."""

    @cached_property
    def mark(self) -> str:
        """A digest of all that is in it."""
        held = [self.name, self.reference, self.first, self.true, str(self.audio), self.group]
        return hashlib.sha256(json.dumps(held).encode()).hexdigest()

    @cached_property
    def places(self) -> list[str]:
        """Where each word of the first pass stands in the reference."""
        return places(self.reference, self.first)


def read_set(folder: Path) -> list[Recording]:
    """The recordings of a set. Raises SealError for a file without its partner."""
    heard = {path.stem: path for path in sorted((folder / "audio").glob("*.*"))}
    found = []
    firsts = folder / "first"
    for path in [*sorted(firsts.glob("*.json")), *sorted(firsts.glob("*/*.json"))]:
        partner = folder / "reference" / path.name
        if not partner.is_file():
            raise SealError(f"{path}: has no reference of that name at {partner}")
        first, reference = words.read(path), words.read(partner)
        known = folder / "oracle" / path.relative_to(firsts)
        if known.is_file():
            true = [word["speaker"] for word in words.read(known)]
            if len(true) != len(first):
                raise SealError(f"{known}: has {len(true)} words, its first pass {len(first)}")
        else:
            true = oracle(reference, first)
        group = "" if path.parent == firsts else path.parent.name
        found.append(Recording(path.stem, reference, first, true, heard.get(path.stem), group))
    if not found:
        raise SealError(f"{folder}: holds no first/NAME.json with reference/NAME.json beside it")
    return found


def cut(recording: Recording, count: int) -> Recording:
    """The first `count` words of a recording, and what the reference has until then."""
    first = recording.first[:count]
    end = max((word["end_time"] for word in first), default=0.0)
    told = [word for word in recording.reference if word["start_time"] < end]
    return replace(recording, reference=told, first=first, true=recording.true[:count])


def simulate_set(references: Sequence[list[Word]], folder: Path, seed: int = 1) -> None:
    """Make a set of references in `folder`: their first passes are simulated, each with a severity
    of its own. A recording that is there already is left as it is, if its reference is the same."""
    import numpy as np

    from seal.training.simulate import draw_severity, simulate

    for index, reference in enumerate(references):
        name = f"{reference[0]['session_id']}.json"
        known = folder / "reference" / name
        last = folder / "first" / name
        if last.is_file() and known.is_file() and words.read(known) == reference:
            continue
        last.unlink(missing_ok=True)
        rng = np.random.default_rng([seed, index])
        first, truth = simulate(reference, draw_severity(rng), rng)
        true = [word | {"speaker": who} for word, who in zip(first, truth, strict=True)]
        words.write(reference, known)
        words.write(true, folder / "oracle" / name)
        words.write(first, last)  # it says that the others are there
