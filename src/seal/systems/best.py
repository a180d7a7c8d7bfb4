"""The default: encoder and language model together, log-linearly, the cheap one first.

Every word's log-posteriors by AG-LSEC and, with a weight, by SEAL's language model are added; a
word changes only where the sum prefers another speaker by a margin. The language model reads only
the chunks in which a word is near the line. Weight, margins and reach were tuned on the dev sets
and stand in `weights/best.json`. Where the recording is at hand, the words are then compared with
the voices of the speakers that they have by now.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from seal.systems import Labels, Options, Progress, ag_lsec, base_margin, numbers, voice
from seal.systems.seal import decode_chunks
from seal.words import Word

SETTINGS = Path(__file__).parents[1] / "weights" / "best.json"


def label(
    words: Sequence[Word], names: Sequence[str], options: Options, progress: Progress
) -> Labels:
    """The speakers that encoder and language model prefer together, and then the voices."""
    own = settings()
    weight = float(own["weight"] if options.weight is None else options.weight)
    reading = 1.0 if options.audio is None else 0.3
    encoding = 0.2 * reading if weight else reading
    encoder = ag_lsec.log_posteriors(
        words, names, options.device, lambda share: progress(encoding * share)
    )
    rows = np.arange(len(words))
    draft = np.array(numbers(words, names))
    gain = encoder - encoder[rows, draft][:, None]
    gain -= np.array([base_margin(word, options, own) for word in words])[:, None]
    gain[rows, draft] = 0.0
    chosen = gain.argmax(axis=1)
    together = encoder.copy()
    if weight:
        ranked = np.sort(gain, axis=1)
        near = ranked[:, -1] - ranked[:, -2] < float(own["reach"])
        answers = decode_chunks(
            words,
            names,
            options,
            (-gain / weight).tolist(),
            lambda share: progress(encoding + (reading - encoding) * share),
            lambda first, last: bool(near[first:last].any()),
        )
        for answer in answers:
            span = slice(answer.first, answer.last)
            chosen[span] = answer.speakers
            together[span] += weight * np.log(np.maximum(answer.posteriors, 1e-9))
    together -= np.logaddexp.reduce(together, axis=1, keepdims=True)
    confidence = np.exp(together[rows, chosen])
    if options.audio is not None:
        heard = voice.reassign(
            words,
            chosen.tolist(),
            len(names),
            options.audio,
            voice.MARGIN,
            lambda share: progress(reading + (1.0 - reading) * share),
        )
        confidence = np.where(chosen == heard.speakers, confidence, heard.confidence)
        chosen = np.array(heard.speakers)
    return Labels(chosen.tolist(), confidence.tolist())


@lru_cache(maxsize=1)
def settings() -> dict[str, Any]:
    """{"weight": of the language model, "margins": {"scores", "no_scores"}, "reach": nats}."""
    return json.loads(SETTINGS.read_text(encoding="utf-8"))
