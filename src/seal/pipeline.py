"""The whole chain for one recording: ASR, first pass, reconciliation, correction.

This file knows the order of the steps and nothing of what they do.
"""

import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock
from typing import Any

import torch

from seal import correction
from seal.acoustic import asr as speech
from seal.acoustic.external import check_alone, load
from seal.acoustic.first_pass import first_pass
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.reconcile import reconcile
from seal.console import with_progress
from seal.errors import Notice, SealError
from seal.progress import Progress, StageProgress
from seal.words import Word


@with_progress
def transcribe(
    path: str | Path,
    *,
    speakers: int | None = None,
    asr: str | None = None,
    eend: str | Path | None = None,
    posteriors: str | Path | None = None,
    correct: bool = True,
    progress: StageProgress | None = None,
    **correct_options: Any,
) -> list[Word]:
    """Turn a recording into a word transcript; its `session_id` is the file's stem.

    Parameters
    ----------
    path: any sound file that libsndfile or FFmpeg reads.
    speakers: their number, if it is known; None finds it.
    asr: a faster-whisper model's name or folder; None is the embedded tiny.en.
    eend: a folder that `seal train-eend` made, or "shipped", for the first pass; None is
        segmentation-3.0.
    posteriors: another diarizer's answer instead of the first pass: an .npz, .npy or .rttm file, a
        folder with one of that stem, or "pyannote" (see `seal.acoustic.external`).
    correct: False stops before the correction.
    progress: called with a stage ("asr", "first pass", "correction") and the share of it done; True
        shows a bar, as a notebook does by itself, and False does not.
    correct_options: passed on to `seal.correct`.

    Returns the words in time order, each with `speaker`, `speaker_scores`, `asr_confidence`, and,
    when corrected, `first_pass_speaker` and `speaker_confidence`. Silence gives an empty list.
    Raises SealError for what a user can mend.
    """
    if speakers is not None and speakers < 1:
        raise SealError(f"--speakers: a recording has 1 speaker or more, not {speakers}")
    diarized: Posteriors | None
    if posteriors is None:
        recognised, diarized = _recognise_and_diarize(path, speakers, asr, eend, progress)
    else:  # before the ASR, which takes long: the posteriors may be refused
        check_alone(speakers, eend)
        if progress:
            progress("first pass", 0.0)
        diarized = load(posteriors, path)
        if progress:
            progress("first pass", 1.0)
        recognised = speech.recognise(path, asr, _stage(progress, "asr"))
    if not recognised or diarized is None:
        warnings.warn(f"{path}: no words: nobody was heard", Notice, stacklevel=3)
        return []
    words = reconcile(recognised, diarized, Path(path).stem)
    if not correct:
        return words
    return correction.correct(words, audio=path, progress=progress, **correct_options)


class _EndedError(Exception):
    """The other of two threads has failed, or has found that there is nothing to do."""


def _recognise_and_diarize(
    path: str | Path,
    speakers: int | None,
    asr: str | None,
    eend: str | Path | None,
    progress: StageProgress | None,
) -> tuple[list[Word], Posteriors | None]:
    """The words, and the first pass's posteriors. With two threads or more the two run at the same
    time, each with half of them, since neither makes good use of a second core; the answers are the
    same. Without words there is no first pass."""
    import faster_whisper  # noqa: F401  (once, before two threads import it)

    threads = torch.get_num_threads()
    if threads < 2:
        recognised = speech.recognise(path, asr, _stage(progress, "asr"))
        if not recognised:
            return [], None
        return recognised, first_pass(path, speakers, _stage(progress, "first pass"), eend)
    ended, reporting = Event(), Lock()

    def stage(name: str) -> Progress:
        def report(share: float) -> None:
            if ended.is_set():
                raise _EndedError
            if progress:
                with reporting:
                    progress(name, share)

        return report

    def recognise() -> list[Word]:
        words: list[Word] = []
        try:
            words = speech.recognise(path, asr, stage("asr"), threads=threads // 2)
        finally:
            if not words:
                ended.set()
        return words

    torch.set_num_threads(threads - threads // 2)
    try:
        with ThreadPoolExecutor(1) as executor:
            recognition = executor.submit(recognise)
            diarized = None
            try:
                with suppress(_EndedError):
                    diarized = first_pass(path, speakers, stage("first pass"), eend)
                return recognition.result(), diarized
            except BaseException:
                ended.set()
                raise
    finally:
        torch.set_num_threads(threads)


def _stage(progress: StageProgress | None, stage: str) -> Progress | None:
    return None if progress is None else lambda share: progress(stage, share)
