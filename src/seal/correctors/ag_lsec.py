"""AG-LSEC as a corrector: the encoder's posteriors of each word, and a margin for changing it.

The network (`ag_lsec_network.py`) is the shipped one or that of a run's folder; the margins, tuned
on dev sets, stand beside its weights. It reads normalised words, as the paper's does; punctuation
is for the default (`best.py`).
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from seal.correctors import Labels, Options, ag_lsec_network, base_margin, read_settings
from seal.progress import Progress
from seal.words import Conversation


def label(
    conversations: Sequence[Conversation], options: Options, progress: Progress
) -> list[Labels]:
    """A word goes to another speaker whose log-posterior beats the first pass's by the margin."""
    answers = []
    every = log_posteriors(conversations, options.device, progress, options.adapter, written=False)
    for conversation, rows in zip(conversations, every, strict=True):
        gain = gains(conversation, rows, options, settings(options.adapter))
        chosen = gain.argmax(axis=1)
        confidence = np.exp(rows[np.arange(len(chosen)), chosen])
        answers.append(Labels(chosen.tolist(), confidence.tolist()))
    return answers


def prepare(options: Options) -> None:
    """Load the network, so that a mistake shows at once."""
    ag_lsec_network.load(options.adapter, options.device)


def log_posteriors(
    conversations: Sequence[Conversation],
    device: str,
    progress: Progress,
    folder: str | Path | None = None,
    written: bool = True,
    fit: float = 0.0,
) -> list[np.ndarray]:
    """The log-posteriors [W, K] of the words of each conversation, by the network in the folder
    (None: the shipped one); without `written` it reads no punctuation. `fit` is the weight of the
    trigrams beside it for words without scores."""
    network, encode = ag_lsec_network.load(folder, device)
    return ag_lsec_network.log_posteriors(network, encode, conversations, progress, written, fit)


def gains(
    conversation: Conversation, rows: np.ndarray, options: Options, tuned: dict[str, Any]
) -> np.ndarray:
    """What each speaker has over the first pass's at each word, less the margin, in nats [W, K];
    0 for the first pass's own."""
    words, draft = np.arange(len(conversation.words)), np.array(conversation.draft())
    margins = np.array([base_margin(word, options, tuned) for word in conversation.words])
    gain = rows - rows[words, draft][:, None] - margins[:, None]
    gain[words, draft] = 0.0
    return gain


@lru_cache(maxsize=1)
def settings(folder: str | Path | None = None) -> dict[str, Any]:
    """The margins beside the weights: {"margins": {"scores": nats, "no_scores": nats}}; none where
    nothing was tuned."""
    file = Path(folder or ag_lsec_network.SHIPPED) / "seal.json"
    return read_settings(file) if file.is_file() else {}
