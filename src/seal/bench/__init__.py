"""Comparing systems: every system on every recording, measured once and kept.

What a recording gave is kept beside the report and not computed again unless its files, the
system's choices or its weights change. It knows nothing of how a system works; `sets.py` has the
recordings, `tables.py` the paper's rows, `report.py` writes what was measured.
"""

import hashlib
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seal import weights
from seal.bench import memory
from seal.bench.positions import PLACES
from seal.bench.rivals import RIVALS
from seal.bench.sets import Recording
from seal.correction import correct, prepare
from seal.correctors import CORRECTORS, best, hearing, seal
from seal.correctors.ag_lsec_features import is_punctuated
from seal.correctors.path import islands, kinds
from seal.errors import MODELS, Notice
from seal.files import write_text
from seal.scoring import Score, score, whisper_normaliser
from seal.words import Word, speakers, without_scores

if TYPE_CHECKING:
    from seal.bench.tables import Figures

MEASURES = 2
"""Goes up with any change of what is measured: what was kept is then measured anew."""

BINS = 10
"""Of the reliability diagram."""

CONTEXT = 12
"""Words around an example."""

DOUBTFUL = 0.05
"""Share of a recording's words, the least certain, in which its mistakes are looked for."""

WEIGHTS = (".safetensors", ".npz", ".json")
"""How the names of files end that hold weights, or what was tuned to them."""

UNREAD = {"eend", "voices"}
"""Folders of shipped weights that no corrector reads: a first pass's, and a library's of voices."""


@dataclass(frozen=True)
class Row:
    """A system of the table."""

    name: str
    options: dict[str, Any]
    """Those of `seal.correct`; `rival` alone names one of `rivals.RIVALS` instead."""
    scored: bool = True
    """Are the first pass's scores shown to it?"""
    heard: bool = False
    """Does it want the recording itself?"""
    shape: str | None = None
    """FORMAT-CONDITION of the adapter that it wants, where that is not the shipped one."""
    paper: "Figures | None" = None
    """What the paper has in this row."""


ROWS = (
    Row("smoothing over pauses", {"rival": "smoothed"}),
    Row("one speaker per sentence or pause", {"rival": "unit"}),
    Row("HMM over the scores", {"corrector": "hmm"}),
    Row("contextual beam search", {"corrector": "cbs"}),
    Row("LSEC", {"corrector": "ag-lsec"}, scored=False),
    Row("AG-LSEC", {"corrector": "ag-lsec"}),
    Row("SEAL: label, word, CD", {"corrector": "seal"}),
    Row("best (default)", {"corrector": "best"}),
    Row("best, no scores", {"corrector": "best"}, scored=False),
    Row("re-assignment by voice", {"corrector": "voice"}, heard=True),
    Row("best, listening", {"corrector": "best"}, heard=True),
)
"""The systems that come with seal's own weights."""


@dataclass
class Outcome:
    """What a system did to a recording; the first pass's own when nothing was changed."""

    score: Score
    name: str = ""
    group: str = ""
    """The recording, and the diarizer that gave its first pass."""
    other: Score = field(default_factory=Score)
    """Under the other normaliser, WER and cpWER alone."""
    repaired: int = 0
    broken: int = 0
    wrong: dict[str, list[int]] = field(default_factory=dict)
    """By place: words, those with the wrong speaker, those repaired, those broken."""
    islands: int = 0
    """Runs of one or two words inside a sentence, where there is punctuation."""
    people: tuple[int, int] = (0, 0)
    """Speakers that there are, and that the first pass found."""
    doubtful: tuple[int, int] = (0, 0)
    """Words with the wrong speaker: among the least certain DOUBTFUL of all words, and all."""
    reliability: list[list[float]] = field(default_factory=list)
    """By tenth of `speaker_confidence`: words, sum of it, words with the right speaker."""
    examples: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    megabytes: float | None = None
    """Peak memory, where that was asked for."""


def measure(recording: Recording, row: Row | None, cache: Path, weigh: bool = False) -> Outcome:
    """What `row` does to the recording (None: the first pass as it is), from `cache` if there.
    With `weigh` it is done twice, once in a process of its own for its peak memory."""
    kept, mark = cache / recording.group / f"{recording.name}.json", _mark(recording, row, weigh)
    held = _held(kept, mark)
    if held is not None:
        return held
    rival = RIVALS.get(row.options.get("rival", "")) if row else None
    answer = recording.first
    if rival:
        named = zip(answer, rival(answer), strict=True)
        answer = [{**word, "speaker": who} for word, who in named]
    elif row is not None:
        prepare(**row.options | ({"audio": recording.audio} if row.heard else {}))  # loads models
    began = time.perf_counter()
    if row is not None and not rival:
        shown = recording.first if row.scored else [without_scores(w) for w in recording.first]
        options = row.options | ({"audio": recording.audio} if row.heard else {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Notice)  # the tables say what came of it
            answer = correct(shown, **options)
    outcome = _outcome(recording, answer, time.perf_counter() - began)
    if row is not None and not rival and weigh:
        outcome.megabytes = memory.peak(shown, options)
    write_text(json.dumps({"mark": mark} | asdict(outcome)), kept)
    return outcome


def missing(recordings: Sequence[Recording], row: Row | None, cache: Path) -> list[Recording]:
    """The recordings of which `cache` has not got what `row` does to them."""
    return [
        one
        for one in recordings
        if _held(cache / one.group / f"{one.name}.json", _mark(one, row, False)) is None
    ]


def _mark(recording: Recording, row: Row | None, weigh: bool) -> str:
    """A digest of all that an outcome depends on."""
    chosen = asdict(row) if row else None
    found = [MEASURES, recording.mark, chosen, weigh, row_digest(row)]
    return hashlib.sha256(json.dumps(found, default=str).encode()).hexdigest()


def row_digest(row: Row | None) -> str | None:
    """A digest of the weights that a row's system reads; None where it reads none."""
    if row is None or "rival" in row.options:
        return None
    corrector = row.options["corrector"]
    spoken = CORRECTORS[corrector].extra == "llm"
    weight = row.options.get("weight", best.settings()["weight"])
    spoken |= corrector == "best" and weight > 0
    return weights_digest(row.options.get("adapter"), row.heard, spoken)


def _held(kept: Path, mark: str) -> Outcome | None:
    """What was measured under that mark, or None."""
    if not kept.is_file():
        return None
    held = json.loads(kept.read_text(encoding="utf-8"))
    return outcome_of(held) if held.pop("mark") == mark else None


def outcome_of(held: dict[str, Any]) -> Outcome:
    """An outcome from its fields in JSON."""
    pairs = {key: tuple(held[key]) for key in ("people", "doubtful")}
    scores = {key: Score(**held[key]) for key in ("score", "other")}
    return Outcome(**held | pairs | scores)


@lru_cache(maxsize=8)
def weights_digest(adapter: str | None, heard: bool = False, spoken: bool = True) -> str:
    """A digest of the shipped weights that correctors read, of the adapter's and of the releases
    of the models; if `heard`, of the weights that listen, too; if `spoken`, of the language
    model's."""
    found = hashlib.sha256(json.dumps(MODELS).encode())
    unread = set(UNREAD)
    if not heard:
        unread.add(hearing.FILE.parent.name)
    if not spoken:
        unread.add(seal.SHIPPED.name)
    shipped = [path for path in _weights(weights.FOLDER) if path.parent.name not in unread]
    for path in (*shipped, *(_weights(Path(adapter)) if adapter else ())):
        found.update(path.name.encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def _weights(folder: Path) -> list[Path]:
    """The files of weights in a folder, and those of what was tuned to them."""
    return sorted(path for path in folder.rglob("*") if path.suffix in WEIGHTS)


def _outcome(recording: Recording, answer: Sequence[Word], seconds: float) -> Outcome:
    given = list(answer)
    result = Outcome(
        score(recording.reference, given, timed=True),
        recording.name,
        recording.group,
        score(recording.reference, given, normaliser=whisper_normaliser()),
        seconds=round(seconds, 3),
    )
    result.wrong = {place: [0, 0, 0, 0] for place in PLACES}
    result.reliability = [[0, 0.0, 0] for _ in range(BINS)]
    result.people = (
        len({word["speaker"] for word in recording.reference}),
        len(speakers(recording.first)),
    )
    if is_punctuated(recording.first):
        written = kinds(recording.first, punctuated=True)
        result.islands = islands(written, [word["speaker"] for word in answer])
    judged, doubts = [], []
    for old, new, true, place in zip(
        recording.first, answer, recording.true, recording.places, strict=True
    ):
        was, now = old["speaker"] == true, new["speaker"] == true
        judged.append("repaired" if now and not was else "broken" if was and not now else "")
        for part, counted in enumerate((True, not now, now and not was, was and not now)):
            result.wrong[place][part] += counted
        confidence = new.get("speaker_confidence")
        if confidence is not None:
            cell = result.reliability[min(int(confidence * BINS), BINS - 1)]
            cell[0] += 1
            cell[1] += confidence
            cell[2] += now
            doubts.append((confidence, now))
    if doubts:
        doubts.sort(key=lambda doubt: doubt[0])
        least = doubts[: round(DOUBTFUL * len(doubts))]
        result.doubtful = (
            sum(not now for _, now in least),
            sum(not now for _, now in doubts),
        )
    result.repaired, result.broken = judged.count("repaired"), judged.count("broken")
    begin = 0
    for kind, group in groupby(judged):
        length = len(list(group))
        if kind:
            result.examples.append(_example(recording, answer, kind, begin, length))
        begin += length
    result.examples = sorted(result.examples, key=lambda item: -item["words"])[:6]
    return result


def _example(
    recording: Recording, answer: Sequence[Word], kind: str, place: int, length: int
) -> dict[str, Any]:
    """A run of words that were repaired or broken, with what stands around it."""
    span = slice(max(0, place - CONTEXT), place + length + CONTEXT)
    return {
        "kind": kind,
        "words": length,
        "recording": recording.name,
        "text": [word["words"] for word in recording.first[span]],
        "true": recording.true[span],
        "first": [word["speaker"] for word in recording.first[span]],
        "after": [word["speaker"] for word in answer[span]],
    }
