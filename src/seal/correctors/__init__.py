"""Systems that give the words of conversations their speakers: one file each, one function each.

`label(conversations, options, progress)` takes conversations, with the first pass's speakers, and
returns one choice per word of each: they come together because a network reads short ones much
faster so. What the systems share is here. A system knows nothing of files, and never touches a
word.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from seal.errors import SealError
from seal.llm.conditioning import word_score
from seal.words import Conversation, Word

System = Literal["best", "seal", "ag-lsec", "cbs", "hmm", "voice"]
SYSTEMS: tuple[str, ...] = get_args(System)

READERS = ("best", "seal", "ag-lsec")
"""Those whose networks read several conversations in one pass."""


@dataclass(frozen=True)
class Options:
    """The choices of `seal.correct`; a system reads those that concern it."""

    format: str = "word"
    condition: str = "label"
    decode: str = "fast"
    model: str | None = None
    adapter: str | Path | None = None
    margin: float | None = None
    thresholds: tuple[float, float] | None = None
    device: str = "cpu"
    precision: str | None = None
    """Of the language model's products; None is float32 on the CPU, bfloat16 elsewhere."""
    weight: float | None = None
    """Of the language model beside the encoder in `best`; None is what was tuned."""
    audio: str | Path | None = None
    """The recording, or a folder with one for each session_id, for those that listen."""


@dataclass(frozen=True)
class Labels:
    """The answer for W words: the place of each one's speaker among the recording's, and the
    posterior of that choice."""

    speakers: list[int]
    confidence: list[float]


def lengths(conversations: Sequence[Conversation]) -> list[int]:
    """The number of words of each conversation."""
    return [len(one.words) for one in conversations]


def read_settings(file: Path) -> dict[str, Any]:
    """What was tuned and stands beside weights. Raises SealError where it is damaged."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise SealError(f"{file}: not JSON ({error})") from None


def base_margin(word: Word, options: Options, settings: dict[str, Any]) -> float:
    """Nats by which another speaker must be preferred: as asked for, or as tuned on a dev set (0,
    the paper's argmax, where nothing was)."""
    if options.margin is not None:
        return options.margin
    kind = "scores" if word_score(word) is not None and options.condition != "none" else "no_scores"
    return float(settings.get("margins", {}).get(kind, 0.0))
