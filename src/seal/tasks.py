"""What a command does to one input: read it, work, write the result.

A task is made once, goes to every worker, and is then called for each input. It knows nothing of
how many there are or where it runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seal import words
from seal.errors import SealError

Progress = Callable[[str, float], None]
"""Called with the stage's name and how much of it is done, in [0, 1]."""


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

    def prepare(self) -> None:
        """Check the options and load what they name, before the first input."""
        from seal.correction import prepare

        prepare(**self.options)

    def __call__(self, source: Path, target: Path, progress: Progress | None = None) -> None:
        """Correct `source` into `target`. Raises SealError."""
        from seal.correction import correct
        from seal.formats import load

        given = load(source, self.format, self.rttm)
        if self.options.get("audio") is not None and not given.timed:
            raise SealError(f"{source}: {given.format} has no times to find words in the sound by")
        given.save(correct(given.words, progress=progress, **self.options), target)


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

    def prepare(self) -> None:
        """Check the options and load what they name, before the first input."""
        self._prepare([])

    def __call__(self, source: Path, target: Path, progress: Progress | None = None) -> None:
        """Transcribe `source` into `target`. Raises SealError, as early as can be."""
        from seal.audio import blocks

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
            from seal.posteriors import check

            check(recordings, self.posteriors, self.speakers, self.eend, self.several)
        if self.eend is not None:
            from seal.eend import load

            load(self.eend)
        if self.correct:
            from seal.correction import prepare

            prepare(**self.options, audio="")  # whichever it is: each recording is at hand
