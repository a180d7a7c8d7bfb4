"""The whole chain for one recording: ASR, first pass, reconciliation, correction.

This file knows the order of the steps and nothing of what they do.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock
from typing import Any

from seal.acoustic import asr as speech
from seal.acoustic.external import check_alone, load
from seal.acoustic.first_pass import first_pass
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.reconcile import reconcile
from seal.errors import SealError
from seal.progress import Progress, StageProgress
from seal.words import Word


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
    speakers: their number, where it is known; else it is found.
    asr: a faster-whisper model's name or folder; None is the embedded tiny.en.
    eend: a folder that `seal train-eend` made, or "shipped", for the first pass; None is
        segmentation-3.0.
    posteriors: another diarizer's answer instead of the first pass: an .npz, .npy or .rttm file, a
        folder with one of that stem, or "pyannote" (see `seal.acoustic.external`).
    correct: False stops before the language model corrects the speakers.
    progress: called with a stage ("asr", "first pass", "correction") and the part of it done.
    correct_options: passed on to `seal.correct`.

    Returns the words in time order, each with `speaker`, `speaker_scores`, `asr_confidence`, and,
    when corrected, `first_pass_speaker` and `speaker_confidence`. Silence gives an empty list.
    Raises SealError for what a user can mend.
    """
    if speakers is not None and speakers < 1:
        raise SealError(f"--speakers: a recording has 1 speaker or more, not {speakers}")
    found: Posteriors | None
    if posteriors is None:
        heard, found = _hear(path, speakers, asr, eend, progress)
    else:  # before the ASR, which takes long: it may be refused
        check_alone(speakers, eend)
        if progress:
            progress("first pass", 0.0)
        found = load(posteriors, path)
        if progress:
            progress("first pass", 1.0)
        heard = speech.recognise(path, asr, _stage(progress, "asr"))
    if not heard or found is None:
        return []
    words = reconcile(heard, found, Path(path).stem)
    if not correct:
        return words
    from seal.correction import correct as corrected

    return corrected(words, audio=path, progress=progress, **correct_options)


class _EndedError(Exception):
    """The other one of two that work together has failed, or found that there is nothing to do."""


def _hear(
    path: str | Path,
    speakers: int | None,
    asr: str | None,
    eend: str | Path | None,
    progress: StageProgress | None,
) -> tuple[list[Word], Posteriors | None]:
    """The words, and the first pass: beside each other where there are two threads, half of them
    for each, since neither makes good use of a second core. The answers are the same. Where nobody
    speaks there are no words, and there need be no first pass."""
    import faster_whisper  # noqa: F401  (before there are two threads to import it)
    import torch

    threads = torch.get_num_threads()
    if threads < 2:
        heard = speech.recognise(path, asr, _stage(progress, "asr"))
        if not heard:
            return [], None
        return heard, first_pass(path, speakers, _stage(progress, "first pass"), eend)
    ended, one_at_a_time = Event(), Lock()

    def stage(name: str) -> Progress:
        def report(fraction: float) -> None:
            if ended.is_set():
                raise _EndedError
            if progress:
                with one_at_a_time:
                    progress(name, fraction)

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
        with ThreadPoolExecutor(1) as beside:
            listening = beside.submit(recognise)
            found = None
            try:
                with suppress(_EndedError):
                    found = first_pass(path, speakers, stage("first pass"), eend)
                return listening.result(), found
            except BaseException:
                ended.set()
                raise
    finally:
        torch.set_num_threads(threads)


def _stage(progress: StageProgress | None, stage: str) -> Progress | None:
    return None if progress is None else lambda fraction: progress(stage, fraction)
