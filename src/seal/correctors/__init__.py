"""Correctors: what gives the words of conversations their speakers, one file each.

A corrector's file has `label(conversations, options, progress)`, which takes conversations with the
first pass's speakers and returns one choice per word of each (several at once, since a network
reads short ones much faster together), and, where it has models to load, `prepare(options)`. What
it needs stands in its line of CORRECTORS. The options are here, once: the command line, the server
and `seal.correct` are made from these lists. A corrector knows nothing of files, and never changes
a word.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from seal.errors import SealError
from seal.llm.conditioning import Condition, check_thresholds, word_score
from seal.llm.decode import Decoder
from seal.llm.precision import Precision
from seal.llm.prompt import Format
from seal.words import Conversation, Word


@dataclass(frozen=True)
class About:
    """What a corrector says of itself."""

    summary: str
    """For the help of `--corrector`."""
    needs_audio: bool = False
    """It listens, and does nothing without the recording."""
    reads_scores: bool = True
    """It reads `speaker_scores`: words without them get some from the recording, if there is one.
    """
    extra: str | None = "correct"
    """The extra of the installation that it needs; None: none."""
    batched: bool = False
    """Its network reads several conversations in one pass."""
    reason: str = "text"
    """What speaks for its changes, one of `seal.words.REASONS`, where it does not say."""


CORRECTORS: dict[str, About] = {
    "best": About("the encoder and, where the recording is at hand, voices", batched=True),
    "seal": About("the paper's", extra="llm", batched=True),
    "ag-lsec": About("the encoder alone", batched=True),
    "cbs": About("a beam search with an untrained language model", extra="llm"),
    "hmm": About("no text", extra=None, reason="scores"),
    "voice": About(
        "no text, but the recording",
        needs_audio=True,
        reads_scores=False,
        extra="audio",
        reason="voice",
    ),
}
"""Every corrector; each has its file here, `-` written as `_`."""

if TYPE_CHECKING:  # a type checker cannot read a Literal that is made from a list
    CorrectorName = str
    TextCorrector = str
else:
    CorrectorName = Literal[tuple(CORRECTORS)]
    TextCorrector = Literal[tuple(name for name in CORRECTORS if not CORRECTORS[name].needs_audio)]


@dataclass(frozen=True)
class Options:
    """The choices of `seal.correct`; a corrector reads those that concern it.

    Raises SealError, which begins with the field's name, for a value that is not allowed.
    """

    corrector: CorrectorName | None = None
    format: Format = "word"
    condition: Condition = "label"
    decode: Decoder = "fast"
    model: str | None = None
    adapter: str | Path | None = None
    margin: float | None = None
    """Nats by which another speaker must be preferred; None is what was tuned."""
    thresholds: tuple[float, float] | None = None
    device: str = "cpu"
    precision: Precision | None = None
    """Of the language model's products; None is float32 on the CPU, bfloat16 elsewhere."""
    weight: float | None = None
    """Of the language model beside the encoder in `best`; None is what was tuned."""
    audio: str | Path | None = None
    """The recording, or a folder with one for each session_id."""
    explain: bool = False
    """Write into each changed word what spoke for it."""

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed and (value is not None or name not in MAY_BE_NONE):
                raise SealError(f"{name}: {value!r} is none of {', '.join(allowed)}")
        if self.margin is not None and not 0 <= self.margin < float("inf"):
            raise SealError(f"margin: must be 0 nats or more, not {self.margin}")
        if self.weight is not None and not 0 <= self.weight < float("inf"):
            raise SealError(f"weight: must be 0 or more, not {self.weight}")
        if self.thresholds is not None:
            check_thresholds(self.thresholds)
        if self.corrector == "best" and not self._as_tuned():
            raise SealError(
                "corrector: best is tuned for the embedded model with --format word, --condition "
                "label and --decode fast or algorithm1; ask for --corrector seal to choose others"
            )

    @property
    def chosen(self) -> str:
        """The corrector that is asked for. Where none is, `best`, or `seal` if another option has a
        value that `best` was not tuned with."""
        return self.corrector or ("best" if self._as_tuned() else "seal")

    @property
    def about(self) -> About:
        """What the chosen corrector needs."""
        return CORRECTORS[self.chosen]

    def _as_tuned(self) -> bool:
        return (
            self.format == "word"
            and self.condition == "label"
            and self.decode != "tpst"
            and self.model is None
            and self.adapter is None
        )


CHOICES: dict[str, tuple[str, ...]] = {
    "corrector": tuple(CORRECTORS),
    "format": get_args(Format),
    "condition": get_args(Condition),
    "decode": get_args(Decoder),
    "precision": get_args(Precision),
}
"""The options that are one of a list, and the list."""

MAY_BE_NONE = ("corrector", "precision")
"""Those of them that may be None."""


def load(name: str) -> Any:
    """Import the corrector of that name: no earlier, since it loads torch or numpy."""
    return import_module(f"seal.correctors.{name.replace('-', '_')}")


@dataclass(frozen=True)
class Labels:
    """The answer for W words."""

    speakers: list[int]
    """Each word's speaker, as an index into the conversation's."""
    confidence: list[float]
    """The posterior of that choice, in [0, 1]."""
    reasons: list[list[str]] | None = None
    """What spoke for it, of `seal.words.REASONS`, the strongest first; empty for words that stay.
    """


def lengths(conversations: Sequence[Conversation]) -> list[int]:
    """The number of words of each conversation."""
    return [len(conversation.words) for conversation in conversations]


def read_settings(file: Path) -> dict[str, Any]:
    """Read the tuned settings beside weights. Raises SealError where the file is damaged."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise SealError(f"{file}: not JSON ({error})") from None


def base_margin(word: Word, options: Options, settings: dict[str, Any]) -> float:
    """Nats by which another speaker must be preferred: the option, or else what was tuned on a dev
    set, or else 0, the paper's argmax."""
    if options.margin is not None:
        return options.margin
    kind = "scores" if word_score(word) is not None and options.condition != "none" else "no_scores"
    return float(settings.get("margins", {}).get(kind, 0.0))
