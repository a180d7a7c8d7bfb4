"""The whole chain for one recording: ASR, first pass, reconciliation, correction.

This file knows the order of the steps and nothing of what they do.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seal import asr as speech
from seal.errors import SealError
from seal.firstpass import Posteriors, first_pass
from seal.posteriors import check_alone, load
from seal.reconcile import reconcile
from seal.words import Word


def transcribe(
    path: str | Path,
    *,
    speakers: int | None = None,
    asr: str | None = None,
    eend: str | Path | None = None,
    posteriors: str | Path | None = None,
    correct: bool = True,
    progress: Callable[[str, float], None] | None = None,
    **correct_options: Any,
) -> list[Word]:
    """Turn a recording into a word transcript; its `session_id` is the file's stem.

    Parameters
    ----------
    path: any sound file that libsndfile or FFmpeg reads.
    speakers: their number, where it is known; else it is found.
    asr: a faster-whisper model's name or folder; None is the embedded tiny.en.
    eend: a folder that `seal train-eend` made, or "shipped", for the first pass; None is
        segmentation-3.0.
    posteriors: another diarizer's answer instead of the first pass: an .npz, .npy or .rttm file, a
        folder with one of that stem, or "pyannote" (see `seal.posteriors`).
    correct: False stops before the language model corrects the speakers.
    progress: called with a stage ("asr", "first pass", "correction") and the part of it done.
    correct_options: passed on to `seal.correct`.

    Returns the words in time order, each with `speaker`, `speaker_scores`, `asr_confidence`, and,
    when corrected, `first_pass_speaker` and `speaker_confidence`. Silence gives an empty list.
    Raises SealError for what a user can mend.
    """
    if speakers is not None and speakers < 1:
        raise SealError(f"--speakers: a recording has 1 speaker or more, not {speakers}")
    found: Posteriors | None = None
    if posteriors is not None:  # before the ASR, which takes long: it may be refused
        check_alone(speakers, eend)
        if progress:
            progress("first pass", 0.0)
        found = load(posteriors, path)
        if progress:
            progress("first pass", 1.0)
    heard = speech.recognise(path, asr, _stage(progress, "asr"))
    if not heard:
        return []
    if found is None:
        found = first_pass(path, speakers, _stage(progress, "first pass"), eend)
    words = reconcile(heard, found, Path(path).stem)
    if not correct:
        return words
    from seal.correction import correct as corrected

    return corrected(words, audio=path, progress=progress, **correct_options)


def _stage(
    progress: Callable[[str, float], None] | None, stage: str
) -> Callable[[float], None] | None:
    return None if progress is None else lambda fraction: progress(stage, fraction)
