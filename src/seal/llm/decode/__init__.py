"""Decoding: from a prompt to one speaker per word, the words being fixed (paper, III-C).

`algorithm1` is the paper's loop and the oracle for the others, `fast` gives the same labels in a
few passes of the model, `tpst` generates freely and transfers the labels back. This file holds
what they share; it loads no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from seal.llm.prompt import Prompt

if TYPE_CHECKING:  # the command line takes its choices from here, and does without torch
    from torch import Tensor

    from seal.llm.model import LanguageModel

Decoder = Literal["fast", "algorithm1", "tpst"]
DECODERS: tuple[str, ...] = get_args(Decoder)

TIE_NATS = 1e-3
"""A label replaces the first pass's only if the model prefers it by more nats than this: what
rounding can turn is no preference."""

Margins = Sequence[Sequence[float]]
"""W x K nats: by how much the model must prefer a speaker to the first pass's, at each word.
Below zero, other evidence already speaks for that speaker."""


@dataclass(frozen=True)
class Decoded:
    """The answer for a chunk of W words and K speakers."""

    speakers: list[int]
    """The chosen speaker of each word, a number below K."""
    posteriors: list[list[float]]
    """W x K: the model's posterior of each speaker at each word, given the labels before it."""
    passes: int
    """How often the model was called."""


def choose(logits: "Tensor", draft: int, margins: Sequence[float]) -> tuple[int, list[float]]:
    """Choose a word's speaker by the `logits` [K] of its allowed tokens: (speaker, posteriors).

    The first pass's speaker `draft` stays unless another one's log-probability is more than that
    one's of the K `margins` above it. Zeros are the paper's argmax (up to TIE_NATS); a margin below
    zero speaks for the change.
    """
    values = [
        value if speaker == draft else value - (margin if abs(margin) > TIE_NATS else TIE_NATS)
        for speaker, (value, margin) in enumerate(zip(logits.tolist(), margins, strict=True))
    ]
    best = max(values)
    chosen = draft if values[draft] == best else values.index(best)
    return chosen, logits.softmax(dim=-1).tolist()


def posteriors_of(
    model: "LanguageModel", prompt: Prompt, speakers: Sequence[int]
) -> list[list[float]]:
    """Return the W x K posteriors at each word when the labels before it are those of `speakers`.

    It takes one pass.
    """
    answer, slots = prompt.answer(speakers)
    start = len(prompt.tokens) - 1
    logits = model.context().feed(
        prompt.tokens + answer[: slots[-1]], [start + slot for slot in slots]
    )
    previous = [None, *speakers[:-1]]
    return [
        row[prompt.allowed_tokens(word, before)].softmax(dim=-1).tolist()
        for word, (row, before) in enumerate(zip(logits, previous, strict=True))
    ]
