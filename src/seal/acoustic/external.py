"""Posteriors from elsewhere: another diarizer's answer in the first pass's place.

Frame posteriors (`.npz`, `.npy`), turns (`.rttm`), or pyannote.audio where it is installed. Turns
say who speaks and not how surely: their posteriors are 0 and 1. Whether a file is of the recording
it is used for shows in its length alone. This file knows nothing of words.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seal.acoustic import Channels, audio
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.reconcile import SPOKEN
from seal.errors import SealError
from seal.formats.rttm import Turn, speaker_turns
from seal.parsing import quoted

PYANNOTE = "pyannote"
KINDS = (".npz", ".npy", ".rttm")
TURN_STEP = 0.02  # seconds of a frame that is made from turns
LONGEST_STEP = 1.0  # seconds; more are milliseconds, or speakers taken for frames
ROUNDING = 1e-4  # by which averages and half precision may leave [0, 1]

_HOW = "write it with np.savez(FILE, posteriors=P, step=SECONDS), P [frames, speakers] in [0, 1]"
_INSTALL = "pip install pyannote.audio; its weights are gated and want a Hugging Face token"


def check(
    recordings: Sequence[Path],
    source: str | Path,
    speakers: int | None = None,
    eend: str | Path | None = None,
    several: bool = False,
) -> None:
    """Raise SealError for whatever `load` would refuse for one of the recordings.

    `several`: they are some of many (or none yet), all of which `source` is for.
    """
    check_alone(speakers, eend)
    if str(source) == PYANNOTE:
        _pipeline()
        return
    shared = (several or len(recordings) > 1) and not Path(source).is_dir()
    if shared and _file(source, "").suffix.lower() != ".rttm":
        raise SealError(f"{source}: is of one recording; name a folder with a file for each")
    files = [_file(source, recording) for recording in recordings]
    for file, recording in zip(files, recordings, strict=True):
        _read(file, recording, shared)


def check_alone(
    speakers: int | None,
    eend: str | Path | None,
    least: int = 1,
    most: int | None = None,
    channels: Channels = "auto",
) -> None:
    """Raise SealError for options of the first pass, whose place the posteriors take."""
    given = {
        "--eend": eend is not None,
        "--speakers": speakers is not None,
        "--min-speakers": least > 1,
        "--max-speakers": most is not None,
        "--channels split": channels == "split",
    }
    for option in (option for option, there in given.items() if there):
        raise SealError(f"{option}: is for seal's own first pass; leave it out with --posteriors")


def load(source: str | Path, recording: str | Path) -> Posteriors:
    """A recording's posteriors: from a file, from its STEM's file in a folder, or by "pyannote".

    Columns that never reach 0.5 are left out: some diarizers have a fixed number of speakers,
    whoever is there. Raises SealError.
    """
    if str(source) == PYANNOTE:
        found = from_turns(_pyannote_turns(recording), _length(recording))
    else:
        found = _read(_file(source, recording), recording)
    there = np.flatnonzero(found.frames.max(axis=0) >= SPOKEN)
    if len(there) in (0, found.frames.shape[1]):
        return found
    names = found.names and tuple(found.names[column] for column in there)
    return replace(found, frames=found.frames[:, there], names=names)


def from_turns(turns: Sequence[Turn], seconds: float) -> Posteriors:
    """Who speaks when as posteriors of 0 and 1, every 20 ms for `seconds`; the names stay.

    What lies beyond the end is left out. No turns are one nameless speaker who says nothing.
    """
    names = {name: column for column, name in enumerate(dict.fromkeys(name for *_, name in turns))}
    frames = np.zeros((max(1, round(seconds / TURN_STEP)), max(1, len(names))), dtype=np.float32)
    centres = (np.arange(len(frames)) + 0.5) * TURN_STEP
    for start, end, name in turns:
        first, last = np.searchsorted(centres, (start, end))
        frames[first:last, names[name]] = 1.0
    return Posteriors(frames, TURN_STEP, TURN_STEP / 2, tuple(names) or None)


def _file(source: str | Path, recording: str | Path) -> Path:
    path, stem = Path(source), Path(recording).stem
    if path.is_dir():
        found = [path / f"{stem}{kind}" for kind in KINDS if (path / f"{stem}{kind}").is_file()]
        if len(found) == 1:
            return found[0]
        there = " and ".join(file.name for file in found) or f"no {stem}.npz, .npy or .rttm"
        raise SealError(f"{path}: holds {there}; one such file must be there for {recording}")
    if path.suffix.lower() not in KINDS:
        raise SealError(f"--posteriors: {path} is no .npz, .npy or .rttm, no folder of such files")
    if not path.is_file():
        raise SealError(f"{path}: there is no such file")
    return path


def _read(file: Path, recording: str | Path, shared: bool = False) -> Posteriors:
    """The posteriors in a file. `shared`: the turns of other recordings are in there, too."""
    seconds = _length(recording)
    if file.suffix.lower() == ".rttm":
        turns = _turns(file, Path(recording).stem, shared)
        end = max(end for _, end, _ in turns)
        off = end - seconds  # earlier is no matter: nobody need speak until the end
        found = from_turns(turns, seconds)
    else:
        found = _frames(file, seconds)
        end = found.start + (len(found.frames) - 0.5) * found.step
        off = abs(end - seconds)
    if off > max(1.0, 0.05 * seconds):
        raise SealError(
            f"{file}: ends at {end:.1f} s, but {recording} at {seconds:.1f} s; "
            "name the file of this recording, with times in seconds"
        )
    return found


def _length(recording: str | Path) -> float:
    """Seconds of audio, counted, for headers may be wrong."""
    return sum(len(block) for block in audio.blocks(recording)) / audio.RATE


def _turns(file: Path, stem: str, shared: bool) -> list[Turn]:
    """The turns of the file id `stem`, or of the only file id in there unless `shared`."""
    found: dict[str, list[Turn]] = {}
    for session, _, turn in speaker_turns(file):
        found.setdefault(session, []).append(turn)
    if not found:
        raise SealError(f"{file}: not RTTM with speakers (no SPEAKER line in it)")
    if stem not in found and (shared or len(found) > 1):
        ids = ", ".join(list(found)[:10]) + (", ..." if len(found) > 10 else "")
        raise SealError(f"{file}: has no file id {quoted(stem)}; it has {ids}: rename one of them")
    return found[stem] if stem in found else next(iter(found.values()))


def _frames(file: Path, seconds: float) -> Posteriors:
    """Frame posteriors; without a step the frames fill the recording's `seconds`."""
    arrays = _arrays(file)
    rest = [key for key in arrays if key not in ("step", "frame_shift", "start")]
    key = "posteriors" if "posteriors" in rest or len(rest) != 1 else rest[0]
    if key not in arrays:
        raise SealError(f"{file}: has no array 'posteriors' (but {rest}); {_HOW}")
    frames = arrays[key]
    if frames.ndim != 2 or frames.dtype.kind not in "fiub":
        shape = list(frames.shape)
        raise SealError(f"{file}: {shape} of {frames.dtype}, not [frames, speakers]; {_HOW}")
    if not frames.size or not np.isfinite(frames).all():
        raise SealError(f"{file}: {'NaN or infinity in it' if frames.size else 'empty'}; {_HOW}")
    low, high = frames.min(), frames.max()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise SealError(f"{file}: values from {low:g} to {high:g}; logits? Write their sigmoid")
    shift = "step" if "step" in arrays else "frame_shift"
    step = _time(file, arrays, shift, seconds / len(frames))
    if not 0 < step <= LONGEST_STEP:
        raise SealError(f"{file}: frames of {step:g} s (at most {LONGEST_STEP:g} s); {_HOW}")
    start = _time(file, arrays, "start", step / 2)
    return Posteriors(frames.astype(np.float32).clip(0.0, 1.0), step, start)


def _arrays(file: Path) -> dict[str, np.ndarray[Any, Any]]:
    try:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"posteriors": loaded}
        with loaded:
            return {key: np.asarray(loaded[key]) for key in loaded.files}
    except Exception as error:  # damage shows as errors of zip, zlib, pickle, numpy and the system
        why = getattr(error, "strerror", None) or "damaged, or Python objects"
        raise SealError(f"{file}: no arrays of numbers that can be read ({why}); {_HOW}") from None


def _time(file: Path, arrays: dict[str, Any], key: str, otherwise: float) -> float:
    value = arrays.get(key, np.array(otherwise))
    if value.size != 1 or value.dtype.kind not in "fiu" or not 0 <= value.item() < np.inf:
        raise SealError(f"{file}: {key!r} must be one number of seconds, 0 or more")
    return float(value.item())


def _pyannote_turns(recording: str | Path) -> list[Turn]:
    """pyannote.audio's turns, overlap and all. It hears the samples, for we read more formats."""
    samples = torch.from_numpy(np.concatenate(list(audio.blocks(recording))))
    pipeline = _pipeline()
    with _foreign(f"failed on {recording}"):
        output = pipeline({"waveform": samples[None], "sample_rate": audio.RATE})
        annotation = getattr(output, "speaker_diarization", output)  # 4.x wraps it, 3.x does not
        tracks = annotation.itertracks(yield_label=True)
        return [(float(turn.start), float(turn.end), str(name)) for turn, _, name in tracks]


@lru_cache(maxsize=1)
def _pipeline() -> Any:
    """pyannote.audio's pipeline, with the newest open weights that its version reads."""
    os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")  # 4.x would report each use
    with _foreign(_INSTALL):
        pyannote = import_module("pyannote.audio")
        new = int(pyannote.__version__.split(".")[0]) >= 4
        name = "pyannote/speaker-diarization-" + ("community-1" if new else "3.1")
    gated = f"has no {name}: accept its terms on hf.co/{name}, and set HF_TOKEN to your token"
    with _foreign(gated):
        pipeline = pyannote.Pipeline.from_pretrained(name)
    if pipeline is None:
        raise SealError(f"--posteriors pyannote: {gated}")
    return pipeline


@contextmanager
def _foreign(trouble: str) -> Iterator[None]:
    """What pyannote.audio prints goes to stderr (stdout may be the transcript), and its errors
    become one line."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except Exception as error:
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise SealError(f"--posteriors pyannote: {trouble} ({why})") from error
