"""What a command does to an input: read it, work, write the result.

A task is made once, goes to every worker, and is then called for each input. It knows nothing of
how many there are or where it runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seal import words
from seal.correctors import Options
from seal.errors import SealError
from seal.progress import StageProgress

if TYPE_CHECKING:
    from seal.batch.pool import Job
    from seal.formats import Transcript

ROOM = 128 * 1024
"""Bytes of transcripts that are corrected together: some 800 words, enough to fill a pass."""


@dataclass(frozen=True)
class Correct:
    """`seal correct` for one transcript; `options` are those of `seal.correct`, the format and the
    RTTM those of `seal.formats.load`."""

    options: dict[str, Any]
    format: str | None = None
    rttm: Path | None = None

    def models(self) -> list[Any]:
        """The files and folders that may be trained anew under the same name."""
        return [self.options["model"], self.options["adapter"]]

    def files(self, source: Path, target: Path) -> tuple[list[Path], list[Path]]:
        """What is read and what is written: of a CTM, the RTTM with its speakers, too."""
        if source.suffix.lower() != ".ctm" and self.format not in ("ctm", "ctm-rttm"):
            return [source], [target]
        turns = self.rttm or source.with_suffix(".rttm")
        return [source, turns], [target, target.with_suffix(".rttm")]

    def reads(self, target: Path) -> bool:
        """Whether a result is a transcript still, whoever has changed it."""
        from seal.formats import load

        try:
            load(target, self.format)
        except SealError:
            return False
        return True

    def prepare(self) -> None:
        """Check the options and load what they name, before the first input."""
        from seal.correction import prepare

        prepare(**self.options)

    def __call__(self, source: Path, target: Path, progress: StageProgress | None = None) -> None:
        """Correct `source` into `target`. Raises SealError."""
        from seal.correction import correct

        given = self._read(source)
        given.check_target(target)
        given.save(correct(given.words, progress=progress, **self.options), target)

    @property
    def room(self) -> int:
        """Bytes of inputs that are corrected together; 0 where no network would read them."""
        options = Options(**self.options)
        return ROOM if options.about.batched and options.audio is None else 0

    def together(
        self,
        jobs: "Sequence[Job]",
        failed: "Callable[[Job, Exception], None]",
        progress: StageProgress | None = None,
    ) -> None:
        """Correct several, which the networks read together; tell of those that failed."""
        from seal.correction import correct_many

        given = []
        for job in jobs:
            try:
                given.append((job, self._read(job.source)))
            except Exception as error:
                failed(job, error)
        corrected = correct_many(
            [read.words for _, read in given], progress=progress, **self.options
        )
        for (job, read), answer in zip(given, corrected, strict=True):
            try:
                read.save(answer, job.target)
            except Exception as error:
                failed(job, error)

    def _read(self, source: Path) -> "Transcript":
        from seal.formats import load

        given = load(source, self.format, self.rttm)
        if self.options.get("audio") is not None and not given.timed:
            raise SealError(f"{source}: {given.format} has no times to find words in the sound by")
        return given


@dataclass(frozen=True)
class Transcribe:
    """`seal transcribe` for one recording: the options of `seal.transcribe`, and of `seal.correct`.

    `several`: the recording is one of many, which may share a file of posteriors. `html`: the
    review page is written beside the transcript.
    """

    options: dict[str, Any]
    speakers: int | None
    asr: str | None
    eend: Path | None
    posteriors: str | None
    correct: bool
    several: bool
    html: bool = False

    def models(self) -> list[Any]:
        """The files and folders that may be trained anew under the same name."""
        return [self.options["model"], self.options["adapter"], self.asr, self.eend]

    def files(self, source: Path, target: Path) -> tuple[list[Path], list[Path]]:
        """What is read and what is written: the review page, too, where one is wanted."""
        return [source], [target, *([target.with_suffix(".html")] if self.html else [])]

    def reads(self, target: Path) -> bool:
        """Whether a result is a transcript still, whoever has changed it."""
        try:
            words.read(target)
        except SealError:
            return False
        return True

    def prepare(self) -> None:
        """Check the options and load what they name, before the first input."""
        self._prepare([])

    def __call__(self, source: Path, target: Path, progress: StageProgress | None = None) -> None:
        """Transcribe `source` into `target`. Raises SealError, as early as can be."""
        from seal.acoustic.audio import blocks

        next(blocks(source))  # says so if this is no recording
        self._prepare([source])

        from seal.pipeline import transcribe

        transcript = transcribe(
            source,
            speakers=self.speakers,
            asr=self.asr,
            eend=self.eend,
            posteriors=self.posteriors,
            correct=self.correct,
            progress=progress,
            **self.options,
        )
        words.write(transcript, target)
        if self.html:
            from seal.review import write_page

            write_page(target, source, target.with_suffix(".html"))

    def _prepare(self, recordings: list[Path]) -> None:
        if self.posteriors is not None:
            from seal.acoustic.external import check

            check(recordings, self.posteriors, self.speakers, self.eend, self.several)
        if self.eend is not None:
            from seal.acoustic.eend import load

            load(self.eend)
        if self.asr is not None:
            from seal.acoustic.asr import find

            find(self.asr)
        if self.correct:
            from seal.correction import prepare

            prepare(**self.options, audio="")  # whichever it is: each recording is at hand
