"""The default: encoder and language model together, log-linearly, the cheap one first.

Every word's log-posteriors by AG-LSEC and, with a weight, by SEAL's language model are added; a
word changes only where the sum prefers another speaker by a margin. The language model reads only
the chunks in which a word is near the line. Weight and margins were tuned on the dev sets and stand
in `weights/best.json`; its weight is 0, so no language model is read. Where there is a recording,
the words are then compared with the voices of the speakers that they have been given.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from seal import weights
from seal.correctors import Labels, Options, ag_lsec, base_margin, lengths, voice
from seal.correctors.seal import decode_chunks
from seal.progress import Progress, split
from seal.words import Conversation

SETTINGS = weights.FOLDER / "best.json"


def label(
    conversations: Sequence[Conversation], options: Options, progress: Progress
) -> list[Labels]:
    """The speakers that encoder and language model prefer together, and then the voices."""
    tuned = settings()
    weight = float(tuned["weight"] if options.weight is None else options.weight)
    text_share = 1.0 if options.audio is None else 0.3
    encoder_share = 0.2 * text_share if weight else text_share
    log_posteriors = ag_lsec.log_posteriors(
        conversations, options.device, lambda share: progress(encoder_share * share)
    )
    gains = []
    for conversation, encoder in zip(conversations, log_posteriors, strict=True):
        rows, draft = np.arange(len(conversation.words)), np.array(conversation.draft())
        gain = encoder - encoder[rows, draft][:, None]
        gain -= np.array([base_margin(word, options, tuned) for word in conversation.words])[
            :, None
        ]
        gain[rows, draft] = 0.0
        gains.append(gain)
    chosen = [gain.argmax(axis=1) for gain in gains]
    if weight:
        near = [_lead(gain) < float(tuned["reach"]) for gain in gains]
        answers = decode_chunks(
            conversations,
            options,
            [(-gain / weight).tolist() for gain in gains],
            lambda share: progress(encoder_share + (text_share - encoder_share) * share),
            lambda index, first, last: bool(near[index][first:last].any()),
        )
        for index, spans in enumerate(answers):
            for answer in spans:
                span = slice(answer.first, answer.last)
                chosen[index][span] = answer.speakers
                log_posteriors[index][span] += weight * np.log(np.maximum(answer.posteriors, 1e-9))
    result = []
    reports = split(
        lambda share: progress(text_share + (1.0 - text_share) * share), lengths(conversations)
    )
    for conversation, sums, best, report in zip(
        conversations, log_posteriors, chosen, reports, strict=True
    ):
        sums -= np.logaddexp.reduce(sums, axis=1, keepdims=True)
        confidence = np.exp(sums[np.arange(len(best)), best])
        if options.audio is not None:
            labels = voice.reassign(
                conversation, best.tolist(), options.audio, voice.MARGIN, report
            )
            confidence = np.where(best == labels.speakers, confidence, labels.confidence)
            best = np.array(labels.speakers)
        result.append(Labels(best.tolist(), confidence.tolist()))
    return result


def prepare(options: Options) -> None:
    """Load the encoder, so that a mistake shows at once."""
    ag_lsec.prepare(options)


def _lead(gain: np.ndarray) -> np.ndarray:
    """Nats by which the best speaker leads the second best, for each word."""
    ranked = np.sort(gain, axis=1)
    return ranked[:, -1] - ranked[:, -2]


@lru_cache(maxsize=1)
def settings() -> dict[str, Any]:
    """The language model's "weight"; "margins" ("scores", "no_scores") and "reach" in nats."""
    return json.loads(SETTINGS.read_text(encoding="utf-8"))
