"""`seal bench sets`: every set of the yardstick, made from a folder of open corpora.

A set is as `sets.read_set` reads it. Everything is drawn from a seed made of the recording's name,
so the same set comes out everywhere; a recording that is there is left as it is, and made anew
where RECIPE has changed. What a set may be used for says `corpora.splits.USES`.
"""

import shutil
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from seal import words
from seal.bench.diarised import first_pass, matched, read_turns, transferred
from seal.corpora import ami, cabnc, primock57, seglst, stm
from seal.corpora.splits import REAL_CALLS, cabnc_split, first_clip_cut, primock57_split, split
from seal.errors import SealError
from seal.files import write_text
from seal.training.recogniser import recognised
from seal.training.simulate import from_start
from seal.words import Word

RECIPE = 2
"""Of sets of words: goes up with any change that makes other ones."""

RECIPE_OF_SOUND = 3
"""Of sets that seal's own first pass makes: goes up with any change of that, too."""

REAL_WORDS = {"ami_test": 2500}
"""Words of each recording's beginning under real diarizers, by folder; the others are whole."""

SIMULATED_WORDS = {"calls": 1500, "meetings": 3000, "cabnc": 1500}
"""Words of each recording's beginning, by kind."""

VOICED_WORDS = {"calls": 500, "meetings": 400}

READERS = 36
"""Pairs of voices that read at once."""

VOICED_MEETINGS_DEV = ("ES2011a", "IB4001", "IB4010", "IS1008a", "TS3004a", "TS3004c")

CABNC_LEAST, CABNC_MOST_SPEAKERS = 400, 5
"""Words, and speakers, of the conversations that are taken."""

Report = Callable[[str, float], None]
Made = tuple[list[Word], list[Word], list[str]]
"""Reference, first pass, and the true speaker of each word of it."""


@dataclass
class Corpora:
    """The folder of open corpora, each read when it is asked for."""

    data: Path

    @cached_property
    def meetings(self) -> dict[str, list[Word]]:
        return {name: first_clip_cut(found) for name, found in ami.load(self.data / "ami").items()}

    @cached_property
    def calls(self) -> dict[str, list[Word]]:
        return primock57.load(self.data / "primock57")

    @cached_property
    def cabnc(self) -> dict[str, list[Word]]:
        found = cabnc.load(self.data / "cabnc")
        return {
            name: told
            for name, told in found.items()
            if len(told) >= CABNC_LEAST
            and len({word["speaker"] for word in told}) <= CABNC_MOST_SPEAKERS
        }

    @cached_property
    def voices(self) -> dict[str, list[np.ndarray]]:
        """LibriSpeech's voices for development and for test: of two parts of the corpus."""
        from seal.training.mixtures import load_voices

        folder = self.data / "librispeech_utterances"
        return {
            part: list(load_voices(folder / f"librispeech_{name}").values())
            for part, name in (("dev", "train-clean-100"), ("test", "test-other"))
        }


@dataclass
class Task:
    """A recording of a set, and how it is made."""

    name: str
    make: Callable[[], Made]
    group: str = ""
    """The diarizer, where a set has several."""
    audio: Path | None = None
    """The sound to be put beside."""


@dataclass
class Plan:
    """A set: what is in it, in order. `needs` are the folders of the data that it is made from."""

    needs: tuple[str, ...]
    tasks: Callable[["Corpora", Path], list[Task]]
    recipe: int = RECIPE

    @property
    def mark(self) -> str:
        """Stands beside what is made."""
        return f"recipe {self.recipe}\n"


def build(
    data: Path, out: Path, names: Sequence[str] = (), report: Report | None = None
) -> dict[str, int]:
    """Make the sets of `names` (none: all for which `data` has the corpora) as folders in `out`.

    Returns how many recordings each has. Raises SealError for an unknown name, or a named set whose
    corpora are not there.
    """
    for name in names:
        if name not in PLANS:
            raise SealError(f"--set: there is no {name}; one of {', '.join(PLANS)}")
    corpora, found = Corpora(data), {}
    for name, plan in PLANS.items():
        missing = [need for need in plan.needs if not (data / need).is_dir()]
        if names and name not in names:
            continue
        if missing and names:
            raise SealError(f"{data / missing[0]}: there is no such folder; {name} is made from it")
        if missing:
            continue
        whole = out / name / "made.txt"
        if whole.is_file() and whole.read_text(encoding="utf-8").startswith(plan.mark):
            found[name] = int(whole.read_text(encoding="utf-8").split()[-1])
            continue
        tasks = plan.tasks(corpora, out / name)
        for done, task in enumerate(tasks):
            if report:
                report(name, done / len(tasks))
            _made(out / name, task, plan.mark)
        if report:
            report(name, 1.0)
        write_text(f"{plan.mark}{len(tasks)}\n", whole)
        found[name] = len(tasks)
    if not found:
        raise SealError(f"{data}: holds none of the corpora that sets are made from")
    return found


def _made(folder: Path, task: Task, mark: str) -> None:
    """Make a recording, unless it is there and of today's recipe."""
    file = f"{task.name}.json"
    done = folder / "made" / task.group / f"{task.name}.txt"
    if done.is_file() and done.read_text(encoding="utf-8") == mark:
        return
    reference, first, true = task.make()
    named = [{**word, "speaker": who} for word, who in zip(first, true, strict=True)]
    words.write(reference, folder / "reference" / file)
    words.write(named, folder / "oracle" / task.group / file)
    words.write(first, folder / "first" / task.group / file)
    if task.audio:
        sound = folder / "audio" / f"{task.name}{task.audio.suffix}"
        sound.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(task.audio, sound)
    write_text(mark, done)  # it says that the others are there


def _rng(*what: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(" ".join(what).encode()))


def _real(
    turns: str, known: Callable[[Corpora], dict[str, list[Word]]], corpora: Corpora, folder: Path
) -> list[Task]:
    """The recordings of each diarizer below `turns`, a folder per diarizer."""

    def make(file: Path) -> Made:
        reference = known(corpora)[file.stem][: REAL_WORDS.get(turns)]
        heard = recognised(reference, _rng("words", file.stem))
        first = first_pass(heard, read_turns(file))
        true = [word["speaker"] for word in heard]
        return reference, first, matched(true, [word["speaker"] for word in first])

    files = sorted((corpora.data / "real_firstpass" / turns).glob("*/*.*"))
    return [Task(file.stem, partial(make, file), file.parent.name) for file in files]


def _simulated(
    kind: str,
    part: str,
    known: Callable[[Corpora], dict[str, list[Word]]],
    corpora: Corpora,
    folder: Path,
) -> list[Task]:
    """Recordings of a corpus that are in the list `part`, under a simulated first pass."""
    from seal.bench.simulated import draw, simulated

    def make(name: str) -> Made:
        rng = _rng("simulated", name)
        reference = from_start(known(corpora)[name][: SIMULATED_WORDS[kind]])
        first, true = simulated(reference, draw(rng), rng)
        return reference, first, true

    return [Task(name, partial(make, name)) for name in _names(corpora, kind, part)]


def _voiced(kind: str, part: str, corpora: Corpora, folder: Path) -> list[Task]:
    """Recordings of the list `part` in voices of its own, under the real first pass."""
    from seal.bench.voiced import voiced

    def make(name: str) -> Made:
        told = (corpora.calls if kind == "calls" else corpora.meetings)[name]
        reference = from_start(told[: VOICED_WORDS[kind]])
        sound = folder / "audio" / f"{name}.flac"
        first, true = voiced(reference, corpora.voices[part], _rng("voiced", name), sound)
        return reference, first, true

    names = _names(corpora, kind, part)
    if part == "test" and kind == "calls":
        names = sorted(REAL_CALLS)
    if part == "dev" and kind == "meetings":
        names = sorted(VOICED_MEETINGS_DEV)
    return [Task(name, partial(make, name)) for name in names]


def _readers(corpora: Corpora, folder: Path) -> list[Task]:
    """Pairs of the development voices, who read at once."""
    from seal.bench.voiced import readers

    def make(name: str) -> Made:
        return readers(
            corpora.voices["dev"], _rng("readers", name), folder / "audio" / f"{name}.flac"
        )

    names = [f"readers{number:02d}" for number in range(READERS)]
    return [Task(name, partial(make, name)) for name in names]


def _names(corpora: Corpora, kind: str, part: str) -> list[str]:
    """The recordings of a kind that are in a list. Files' names are read, and only CABNC's words:
    which of its conversations are long enough shows there alone."""
    if kind == "cabnc":
        return sorted(name for name in corpora.cabnc if cabnc_split(name) == part)
    if kind == "calls":
        files = (corpora.data / "primock57").glob("transcripts/*_doctor.TextGrid")
        names = {file.stem.removesuffix("_doctor") for file in files}
        return sorted(name for name in names if primock57_split(name) == part)
    names = {file.name.split(".")[0] for file in (corpora.data / "ami").glob("words/*.words.xml")}
    return sorted(name for name in names if split("ami", name) == part)


def _sound(
    source: str, known: Callable[[Path], dict[str, list[Word]]], corpora: Corpora, folder: Path
) -> list[Task]:
    """The recordings of a folder that have references, transcribed by seal's own first pass."""
    from seal.pipeline import transcribe

    def make(path: Path, reference: list[Word]) -> Made:
        first = transcribe(path, correct=False)
        return reference, first, transferred(reference, first)

    base = corpora.data / source
    references = known(base)
    files = sorted(path for path in base.rglob("*") if path.suffix in (".wav", ".flac"))
    tasks = []
    for path in files:
        told = references.get(path.stem)
        if told:
            told = [{**word, "session_id": path.stem} for word in told]
            tasks.append(Task(path.stem, partial(make, path, told), audio=path))
    return tasks


def _clips(base: Path) -> dict[str, list[Word]]:
    """The clips' references; one of the sessions is spelt with a tilde."""
    found = seglst.load(base / "reference.seglst.json")
    plain = {name: unicodedata.normalize("NFKD", name).encode("ascii", "ignore") for name in found}
    return {plain[name].decode(): told for name, told in found.items()}


def _mixtures(base: Path) -> dict[str, list[Word]]:
    """The references of Libri2Mix, by the name of the sound."""
    return {
        path.name.split(".")[0]: next(iter(seglst.load(path).values()))
        for path in sorted((base / "seglst").iterdir())
    }


def _meetings(corpora: Corpora) -> dict[str, list[Word]]:
    return corpora.meetings


def _calls(corpora: Corpora) -> dict[str, list[Word]]:
    return corpora.calls


def _cabnc(corpora: Corpora) -> dict[str, list[Word]]:
    return corpora.cabnc


def _call_clip(base: Path) -> dict[str, list[Word]]:
    """The one recording of `real_audio` that has reference words."""
    return {"pyannote_sample": next(iter(stm.load(base / "pyannote_sample.stm").values()))}


def _plans() -> dict[str, Plan]:
    plans = {
        "real-calls": Plan(
            ("real_firstpass/primock57", "primock57"), partial(_real, "primock57", _calls)
        ),
        "real-meetings": Plan(
            ("real_firstpass/ami_test", "ami"), partial(_real, "ami_test", _meetings)
        ),
        "real-meetings-dev": Plan(
            ("real_firstpass/ami_dev", "ami"), partial(_real, "ami_dev", _meetings)
        ),
    }
    for part, suffix in (("test", ""), ("dev", "-dev")):
        for kind, known, folder in (
            ("calls", _calls, "primock57"),
            ("meetings", _meetings, "ami"),
            ("cabnc", _cabnc, "cabnc"),
        ):
            plans[f"simulated-{kind}{suffix}"] = Plan(
                (folder,), partial(_simulated, kind, part, known)
            )
        for kind, folder in (("calls", "primock57"), ("meetings", "ami")):
            plans[f"voiced-{kind}{suffix}"] = Plan(
                (folder, "librispeech_utterances"),
                partial(_voiced, kind, part),
                RECIPE_OF_SOUND,
            )
    return plans | {
        "voiced-readers-dev": Plan(("librispeech_utterances",), _readers, RECIPE_OF_SOUND),
        "clips": Plan(("ami_clips",), partial(_sound, "ami_clips", _clips), RECIPE_OF_SOUND),
        "libri2mix": Plan(("libri2mix",), partial(_sound, "libri2mix", _mixtures), RECIPE_OF_SOUND),
        "real-audio": Plan(
            ("real_audio",), partial(_sound, "real_audio", _call_clip), RECIPE_OF_SOUND
        ),
    }


PLANS = _plans()
"""The sets, and what they are made from."""
