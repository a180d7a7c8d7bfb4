"""Chunks packed into one row of tokens, without padding: plain arrays, and no torch.

Worker processes make them; `packing.py` reads them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from seal.training.examples import ChunkExample


@dataclass(frozen=True)
class Pack:
    """N tokens of D chunks, with S labels to learn, each one of at most K tokens."""

    tokens: np.ndarray
    """int32 [N]"""
    lengths: list[int]
    """Tokens of each chunk; what fills the pack up is a document more."""
    chunks: int
    slots: np.ndarray
    """int32 [S]: the token after which the label comes."""
    options: np.ndarray
    """int32 [S, K]: the tokens that it may be, -1 where there are fewer."""
    targets: np.ndarray
    """float32 [S, K]: how likely each is."""
    said: np.ndarray
    """int32 [2, M]: tokens after which the words themselves are learnt, and what follows."""


def pack(
    batch: Sequence[ChunkExample],
    spoken: Collection[str] = (),
    end: int | None = None,
    size: int = 0,
) -> Pack:
    """Pack the chunks of a batch, filled up to `size` tokens where there are fewer.

    Of chunks in the formats `spoken` the words are learnt as well, and the token `end` after them.
    """
    tokens: list[int] = []
    lengths: list[int] = []
    slots: list[int] = []
    options: list[list[int]] = []
    targets: list[list[float]] = []
    said: list[tuple[int, int]] = []
    for item in batch:
        answer, labels = item.prompt.answer(item.before)
        start = len(tokens) + len(item.prompt.tokens) - 1  # before the answer's first token
        if item.shape.split("-")[0] in spoken:
            # A label that is shown but not true is not to be learnt.
            doubtful = {
                label
                for label, shown, true in zip(labels, item.before, item.oracle, strict=True)
                if shown != true
            }
            said += [(start + i, token) for i, token in enumerate(answer) if i not in doubtful]
            if end is not None:
                said.append((start + len(answer), end))
        previous = None
        for word, label in enumerate(labels):
            slots.append(start + label)
            options.append(item.prompt.allowed_tokens(word, previous))
            targets.append(item.targets[word])
            previous = item.before[word]
        tokens += item.prompt.tokens
        tokens += answer
        lengths.append(len(item.prompt.tokens) + len(answer))
    if size > len(tokens):
        # As long as the chunks at most: what fills up must not be the longest document.
        longest, missing = max(lengths), size - len(tokens)
        while missing:
            lengths.append(min(longest, missing))
            missing -= lengths[-1]
        tokens += [0] * (size - len(tokens))
    widest = max(map(len, options))
    return Pack(
        np.array(tokens, dtype=np.int32),
        lengths,
        len(batch),
        np.array(slots, dtype=np.int32),
        np.array([ids + [-1] * (widest - len(ids)) for ids in options], dtype=np.int32),
        np.array([row + [0.0] * (widest - len(row)) for row in targets], dtype=np.float32),
        np.array(said, dtype=np.int32).reshape(-1, 2).T,
    )
