"""AG-LSEC as a system: the encoder's posteriors of each word, and a margin for changing it.

The network is in `seal.aglsec`; the margins, tuned on dev sets, stand beside its weights.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from seal.systems import Labels, Options, Progress, base_margin, numbers
from seal.words import Word


def label(
    words: Sequence[Word], names: Sequence[str], options: Options, progress: Progress
) -> Labels:
    """A word goes to another speaker whose log-posterior beats the first pass's by the margin."""
    answer = log_posteriors(words, names, options.device, progress)
    draft = np.array(numbers(words, names))
    margins = np.array([base_margin(word, options, settings()) for word in words])
    gain = answer - answer[np.arange(len(words)), draft][:, None]
    chosen = np.where(gain.max(axis=1) > margins, gain.argmax(axis=1), draft)
    confidence = np.exp(answer[np.arange(len(words)), chosen])
    return Labels(chosen.tolist(), confidence.tolist())


def log_posteriors(
    words: Sequence[Word], names: Sequence[str], device: str, progress: Progress
) -> np.ndarray:
    """The shipped network's log-posteriors [W, K] of the words of one conversation."""
    from seal import aglsec

    network, encode = aglsec.load(None, device)
    return aglsec.log_posteriors(network, encode, words, names, progress)


@lru_cache(maxsize=1)
def settings() -> dict[str, Any]:
    """The margins beside the weights: {"margins": {"scores": nats, "no_scores": nats}}."""
    from seal.aglsec import SHIPPED

    return json.loads((SHIPPED / "seal.json").read_text(encoding="utf-8"))
