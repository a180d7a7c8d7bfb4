"""The whole chain for one recording: ASR, first pass, reconciliation, correction.

A call with a side in each channel goes through them side by side. Words that are known already are
taken as they are, and only their speakers are found anew. This file knows the order of the steps
and nothing of what they do.
"""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock
from typing import Any

import torch

from seal import correction
from seal.acoustic import Channels, check_bounds, languages, sides
from seal.acoustic import asr as speech
from seal.acoustic.audio import Source
from seal.acoustic.channels import Layout, look
from seal.acoustic.external import check_alone, load
from seal.acoustic.first_pass import first_pass
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.reconcile import reconcile
from seal.acoustic.regroup import check_words, regrouped
from seal.console import with_progress
from seal.errors import Notice
from seal.progress import Progress, StageProgress
from seal.words import Word, channel_of

Recogniser = tuple[str | None, str | None]
"""The model that is asked for, and the language."""


@with_progress
def transcribe(
    path: str | Path,
    *,
    speakers: int | None = None,
    min_speakers: int = 1,
    max_speakers: int | None = None,
    channels: Channels = "auto",
    words: Sequence[Word] | None = None,
    asr: str | None = None,
    language: str | None = None,
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
    speakers: their number, if it is known; None finds it, between the next two.
    min_speakers, max_speakers: the fewest and the most that there may be; None is no limit.
    channels: "split" recognises each channel by itself, with speakers of its own; "mix" mixes them
        down; "auto" splits calls that have a side in each channel, and mixes other sound.
    words: the words of the recording, if they are known: texts, times and other keys stay, and only
        the speakers are found anew. What a person has decided stays. None recognises them.
    asr: a faster-whisper model's name or folder, or "multilingual", that of the extra `languages`;
        None is the embedded tiny.en for English, and that for other languages.
    language: its code ("nl"), or "auto", which finds it; None finds it where the extra `languages`
        is installed, and is English where not.
    eend: a folder that `seal train-eend` made, or "shipped", for the first pass; None is
        segmentation-3.0.
    posteriors: another diarizer's answer instead of the first pass: an .npz, .npy or .rttm file, a
        folder with one of that stem, or "pyannote" (see `seal.acoustic.external`).
    correct: False stops before the correction.
    progress: called with a stage ("asr", "first pass", "correction") and the share of it done; True
        shows a bar, as a notebook does by itself, and False does not.
    correct_options: passed on to `seal.correct`.

    Returns the words in time order, each with `speaker`, `speaker_scores`, `asr_confidence`, where
    the channels are split `channel`, and, when corrected, `first_pass_speaker` and
    `speaker_confidence`. Silence gives an empty list. Raises SealError for what a user can mend.
    """
    check_bounds(speakers, min_speakers, max_speakers)
    asked = sides.Asked(speakers or min_speakers, speakers or max_speakers)
    if words is not None:
        check_words(words, path)
    if posteriors is not None:
        check_alone(speakers, eend, min_speakers, max_speakers, channels)
        layout = Layout(path)
    else:
        layout = look(path, channels, asked.most)
    if layout.said:
        warnings.warn(f"{path}: {layout.said}", Notice, stacklevel=3)
    if layout.sides:
        found = _by_side(layout, asked, words, (asr, language), eend, progress)
    else:
        found = _as_one(layout, asked, words, (asr, language), eend, posteriors, progress)
    if words is not None and found:
        found, line = regrouped(words, found)
        warnings.warn(f"{path}: {line}", Notice, stacklevel=3)
    if not correct or not found:
        return found
    return correction.correct(found, audio=path, progress=progress, **correct_options)


def _by_side(
    layout: Layout,
    asked: sides.Asked,
    words: Sequence[Word] | None,
    asr: Recogniser,
    eend: str | Path | None,
    progress: StageProgress | None,
) -> list[Word]:
    """The scored words of a call whose channels hold a side each."""
    echoes = 0
    if words is None:
        said, echoes = sides.recognise(layout, asr[0], progress, asr[1])
        session = Path(layout.path).stem
    else:
        said = sides.of_sides(layout, words)
        session = words[0]["session_id"] if words else ""
    if not said:
        return []
    found, names = sides.scored(
        layout, said, session, asked, eend, progress, recognised=words is None
    )
    warnings.warn(f"{layout.path}: {sides.told(layout, names, echoes)}", Notice, stacklevel=4)
    return found


def _as_one(
    layout: Layout,
    asked: sides.Asked,
    words: Sequence[Word] | None,
    asr: Recogniser,
    eend: str | Path | None,
    posteriors: str | Path | None,
    progress: StageProgress | None,
) -> list[Word]:
    """The scored words of a recording that is one sound."""
    source, path = layout.source(), layout.path
    diarized: Posteriors | None
    recognised: Sequence[Word]
    if posteriors is not None:  # before the ASR, which takes long: the posteriors may be refused
        if progress:
            progress("first pass", 0.0)
        diarized = load(posteriors, path)
        if progress:
            progress("first pass", 1.0)
        recognised = (
            _recognise(source, path, asr, _stage(progress, "asr")) if words is None else words
        )
    elif words is not None:
        recognised = words
        report = _stage(progress, "first pass")
        diarized = _diarize(source, asked, eend, report) if words else None
    else:
        recognised, diarized = _recognise_and_diarize(source, path, asked, asr, eend, progress)
    if not recognised or diarized is None:
        warnings.warn(f"{path}: no words: nobody was heard", Notice, stacklevel=3)
        return []
    if diarized.doubtful:
        warnings.warn(
            f"{path}: {diarized.frames.shape[1]} speakers found, but two of them sound nearly "
            "alike, so there may be fewer or more; if you know how many, say --speakers N",
            Notice,
            stacklevel=3,
        )
    session = words[0]["session_id"] if words else Path(path).stem
    if words:  # they are of one sound now, whatever channel they were of
        recognised = [
            {key: value for key, value in word.items() if key != "channel"}
            if channel_of(word) is not None
            else word
            for word in recognised
        ]
    return reconcile(recognised, diarized, session)


def _diarize(
    source: Source,
    asked: sides.Asked,
    eend: str | Path | None,
    progress: Progress | None,
) -> Posteriors:
    if asked.least == asked.most:
        return first_pass(source, asked.most, progress, eend)
    return first_pass(source, None, progress, eend, asked.least, asked.most)


class _EndedError(Exception):
    """The other of two threads has failed, or has found that there is nothing to do."""


def _recognise(
    source: Source, path: str | Path, asr: Recogniser, progress: Progress | None, threads: int = 0
) -> list[Word]:
    model, language = languages.chosen([source], *asr, path, threads)
    return speech.recognise(source, model, progress, threads=threads, language=language)


def _recognise_and_diarize(
    source: Source,
    path: str | Path,
    asked: sides.Asked,
    asr: Recogniser,
    eend: str | Path | None,
    progress: StageProgress | None,
) -> tuple[list[Word], Posteriors | None]:
    """The words, and the first pass's posteriors. With two threads or more the two run at the same
    time, each with half of them, since neither makes good use of a second core; the answers are the
    same. Without words there is no first pass."""
    import faster_whisper  # noqa: F401  (once, before two threads import it)

    threads = torch.get_num_threads()
    if threads < 2:
        recognised = _recognise(source, path, asr, _stage(progress, "asr"))
        if not recognised:
            return [], None
        return recognised, _diarize(source, asked, eend, _stage(progress, "first pass"))
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
            words = _recognise(source, path, asr, stage("asr"), threads // 2)
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
                    diarized = _diarize(source, asked, eend, stage("first pass"))
                return recognition.result(), diarized
            except BaseException:
                ended.set()
                raise
    finally:
        torch.set_num_threads(threads)


def _stage(progress: StageProgress | None, stage: str) -> Progress | None:
    return None if progress is None else lambda share: progress(stage, share)
