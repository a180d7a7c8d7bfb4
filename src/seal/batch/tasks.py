"""What a command does to an input: read it, work, write the result.

A task is made once, goes to every worker, and is then called for each input. It knows nothing of
how many there are or where it runs. The command line imports this file, and the models load numpy
and torch: `seal.correction`, `seal.pipeline` and `seal.acoustic` are imported where work begins.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seal import formats, words
from seal.acoustic import Channels, multilingual
from seal.batch.changes import Changes, changes_in
from seal.batch.pool import FileJob
from seal.correctors import Options
from seal.errors import SealError
from seal.formats import evidence
from seal.progress import StageProgress
from seal.review import write_page
from seal.rulings.carrying import carried

MAX_BATCH_BYTES = 128 * 1024
"""Bytes of transcripts that are corrected together: about 800 words, enough to fill a pass."""


@dataclass(frozen=True)
class Correct:
    """`seal correct` for one transcript; `options` are those of `seal.correct`, the format and the
    RTTM those of `seal.formats.load`."""

    options: dict[str, Any]
    format: str | None = None
    rttm: Path | None = None

    def models(self) -> list[Any]:
        """The files and folders that may be trained again under the same name."""
        return [self.options["model"], self.options["adapter"]]

    def files(self, source: Path, target: Path) -> tuple[list[Path], list[Path]]:
        """The files that are read and those that are written: beside each perhaps its evidence; a
        CTM has its speakers in an RTTM."""
        read, written = [source], [target]
        if source.suffix.lower() == ".ctm" or self.format in ("ctm", "ctm-rttm"):
            read.append(self.rttm or source.with_suffix(".rttm"))
            written.append(target.with_suffix(".rttm"))
        return [*read, evidence.beside(source)], [*written, evidence.beside(target)]

    def reads(self, target: Path) -> bool:
        """Whether a result that somebody may have changed is still a transcript."""
        try:
            formats.load(target, self.format)
        except SealError:
            return False
        return True

    def prepare(self) -> None:
        """Check the options and load what they name, before the first input."""
        from seal.correction import prepare

        prepare(**self.options)

    def __call__(
        self, source: Path, target: Path, progress: StageProgress | None = None
    ) -> Changes:
        """Correct `source` into `target`; return what changed. Raises SealError."""
        from seal.correction import correct

        transcript = self._read(source)
        transcript.check_target(target)
        corrected = correct(transcript.words, progress=progress, **self.options)
        corrected = self._ruled(corrected, source, target)
        transcript.save(corrected, target)
        return changes_in(corrected, self.options, transcript.filled)

    def recorded(self, target: Path) -> Changes:
        """What had changed in a result that an earlier run made."""
        result = formats.load(target, self.format)
        return changes_in(result.words, self.options, result.filled)

    @property
    def max_batch_bytes(self) -> int:
        """Bytes of inputs that are corrected together, at most; 0 where no network reads them."""
        options = Options(**self.options)
        return MAX_BATCH_BYTES if options.about.batched and options.audio is None else 0

    def process_batch(
        self,
        jobs: Sequence[FileJob],
        failed: Callable[[FileJob, Exception], None],
        progress: StageProgress | None = None,
    ) -> dict[FileJob, Changes]:
        """Correct several, which the networks read together; call `failed` for those that fail, and
        return what changed in the others."""
        from seal.correction import correct_many

        done = {}
        transcripts = []
        for job in jobs:
            try:
                transcripts.append((job, self._read(job.source)))
            except Exception as error:
                failed(job, error)
        corrected = correct_many(
            [transcript.words for _, transcript in transcripts], progress=progress, **self.options
        )
        for (job, transcript), answer in zip(transcripts, corrected, strict=True):
            try:
                answer = self._ruled(answer, job.source, job.target)
                transcript.save(answer, job.target)
                done[job] = changes_in(answer, self.options, transcript.filled)
            except Exception as error:
                failed(job, error)
        return done

    def _ruled(self, made: list[words.Word], source: Path, target: Path) -> list[words.Word]:
        """A result with what a person decided in the one that it replaces."""
        return made if _same(source, target) else with_rulings(made, target, self.format)

    def _read(self, source: Path) -> formats.Transcript:
        transcript = formats.load(source, self.format, self.rttm)
        for note in transcript.notes:
            print(f"seal: {source}: {note}", file=sys.stderr)
        if self.options.get("audio") is not None and not transcript.timed:
            raise SealError(
                f"{source}: {transcript.format} has no times to find words in the sound by"
            )
        return transcript


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def with_rulings(
    made: list[words.Word], target: Path, format: str | None = None
) -> list[words.Word]:
    """A result with the rulings of the one at `target` that it replaces, of which a line on stderr
    tells; as it is where there are none."""
    try:
        before = formats.load(target, format).words if target.is_file() else []
    except SealError:
        return made
    result, told = carried(before, made)
    if told is not None:
        print(f"seal: {target}: {told}", file=sys.stderr)
    return result


@dataclass(frozen=True)
class Transcribe:
    """`seal transcribe` for one recording: the options of `seal.transcribe`, and of `seal.correct`.

    `several`: the recording is one of many, which may share a file of posteriors. `html`: write
    the review page beside the transcript. `known`: a transcript whose words are taken as they are,
    or a folder with one for each recording.
    """

    options: dict[str, Any]
    speakers: int | None
    asr: str | None
    eend: Path | None
    posteriors: str | None
    correct: bool
    several: bool
    html: bool = False
    min_speakers: int = 1
    max_speakers: int | None = None
    channels: Channels = "auto"
    known: Path | None = None
    language: str | None = None

    def models(self) -> list[Any]:
        """The files and folders that may be trained again under the same name."""
        return [self.options["model"], self.options["adapter"], self.asr, self.eend]

    def files(self, source: Path, target: Path) -> tuple[list[Path], list[Path]]:
        """The files that are read and those that are written: with `html`, the page as well. Known
        words that are replaced by their result do not count as read."""
        read = [source]
        if self.known is not None and (known := self._known(source)) != target:
            read.append(known)
        return read, [target, *([target.with_suffix(".html")] if self.html else [])]

    def reads(self, target: Path) -> bool:
        """Whether a result that somebody may have changed is still a transcript."""
        try:
            words.read(target)
        except SealError:
            return False
        return True

    def prepare(self) -> None:
        """Check the options and load what they name, before the first input."""
        self._prepare([])

    def __call__(
        self, source: Path, target: Path, progress: StageProgress | None = None
    ) -> Changes:
        """Transcribe `source` into `target`; return what the correction changed. Raises SealError,
        as early as can be."""
        from seal.acoustic.audio import blocks

        next(blocks(source))  # raises SealError if this is no recording
        self._prepare([source])

        from seal.pipeline import transcribe

        transcript = transcribe(
            source,
            speakers=self.speakers,
            min_speakers=self.min_speakers,
            max_speakers=self.max_speakers,
            channels=self.channels,
            words=None if self.known is None else words.read(self._known(source)),
            asr=self.asr,
            language=self.language,
            eend=self.eend,
            posteriors=self.posteriors,
            correct=self.correct,
            progress=progress,
            **self.options,
        )
        if self.known is None or not _same(self._known(source), target):  # else they are in it
            transcript = with_rulings(transcript, target)
        words.write(transcript, target)
        if self.html:
            write_page(target, source, target.with_suffix(".html"))
        return self._changes(transcript)

    def recorded(self, target: Path) -> Changes:
        """What had changed in a result that an earlier run made."""
        return self._changes(words.read(target))

    def _known(self, source: Path) -> Path:
        """The transcript with the known words of a recording."""
        assert self.known is not None
        return self.known / f"{source.stem}.json" if self.known.is_dir() else self.known

    def _changes(self, transcript: list[words.Word]) -> Changes:
        found = changes_in(transcript, {**self.options, "audio": "a recording"})
        return replace(found, corrected=self.correct)

    def _prepare(self, recordings: list[Path]) -> None:
        if self.posteriors is not None:
            from seal.acoustic.external import check, check_alone

            check_alone(
                self.speakers, self.eend, self.min_speakers, self.max_speakers, self.channels
            )
            check(recordings, self.posteriors, self.speakers, self.eend, self.several)
        if self.eend is not None:
            from seal.acoustic.eend import load

            load(self.eend)
        if self.asr is not None:
            from seal.acoustic.asr import find

            find(self.asr)
        if self.language is not None:
            multilingual.refuse_unknown(self.language, self.asr)
        if self.correct:
            from seal.correction import prepare

            prepare(**self.options, audio="")  # any name: each input is a recording
