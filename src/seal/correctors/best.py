"""The default: encoder and language model together, log-linearly, the cheap one first.

Every word's log-posteriors by AG-LSEC, which sees punctuation here, and, with a weight each, how
well it fits into what each speaker is saying (`trigrams.py`) and the log-posteriors of SEAL's
language model are added; a word changes only where the sum prefers another speaker by a margin, and
on the best path through the conversation (`path.py`). What its text says nothing of (`unread.py`)
is not read. The language model reads only the chunks in which a word is near the line. Weight,
margins and costs were tuned on the dev sets and stand in `weights/best.json`; its weight is 0, so
no language model is read. Where there is a recording, the words are then heard, and what text and
voices say together (`hearing.py`) takes the text's place.
"""

import json
import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from seal import weights
from seal.correctors import Labels, Options, ag_lsec, hearing, lengths, path
from seal.correctors.ag_lsec_features import is_punctuated
from seal.correctors.seal import decode_chunks
from seal.correctors.unread import is_heard, why_unread
from seal.errors import Notice
from seal.progress import Progress, split
from seal.words import Conversation

UNREAD = 0.9
"""Confidence in a first pass that is not read: about as many of its words are right."""

SPOKE = 0.2
"""Nats that something gives a speaker at least, to be told as a reason."""

LEAST_SCORE = 0.01
"""Scores below count as this, so that their logarithms stay finite."""

SETTINGS = weights.FOLDER / "best.json"


def label(
    conversations: Sequence[Conversation], options: Options, progress: Progress
) -> list[Labels]:
    """The speakers that encoder and language model prefer together, and then the voices."""
    tuned = settings()
    weight = float(tuned["weight"] if options.weight is None else options.weight)
    text_share = 1.0 if options.audio is None else 0.3
    encoder_share = 0.2 * text_share if weight else text_share
    reasons = [why_unread(one.words) for one in conversations]
    heard = [options.audio is not None and is_heard(one.words) for one in conversations]
    read = iter(
        ag_lsec.log_posteriors(
            [one for one, why in zip(conversations, reasons, strict=True) if why is None],
            options.device,
            lambda share: progress(encoder_share * share),
            fit=float(tuned["fit"]),
        )
    )
    log_posteriors, gains, chosen = [], [], []
    for one, why, listens in zip(conversations, reasons, heard, strict=True):
        if why is None:
            rows = next(read)
            gain, best = _decided_by_text(one, rows, options)
        else:
            name = one.words[0]["session_id"]
            rest = "voices alone decide" if listens else "its speakers stay as they are"
            warnings.warn(f"{name}: {why}: {rest}", Notice, stacklevel=2)
            best = np.array(one.draft())
            rows = unread(one)
            gain = np.full(rows.shape, -1e6)
            gain[np.arange(len(best)), best] = 0.0
        log_posteriors.append(rows)
        gains.append(gain)
        chosen.append(best)
    if weight:
        near = [_lead(gain) < float(tuned["reach"]) for gain in gains]
        answers = decode_chunks(
            conversations,
            options,
            [[[0.0] * len(one.names)] * len(one.words) for one in conversations],
            lambda share: progress(encoder_share + (text_share - encoder_share) * share),
            lambda index, first, last: bool(near[index][first:last].any()),
        )
        for index, (one, spans) in enumerate(zip(conversations, answers, strict=True)):
            for answer in spans:
                said = np.log(np.maximum(answer.posteriors, 1e-9))
                log_posteriors[index][answer.first : answer.last] += weight * said
            if spans:
                _, chosen[index] = _decided_by_text(one, log_posteriors[index], options)
    result = []
    reports = split(
        lambda share: progress(text_share + (1.0 - text_share) * share), lengths(conversations)
    )
    for conversation, sums, best, listens, report in zip(
        conversations, log_posteriors, chosen, heard, reports, strict=True
    ):
        sums -= np.logaddexp.reduce(sums, axis=1, keepdims=True)
        both = None
        if listens and len(conversation.names) > 1:
            both = _heard(conversation, sums, best, options, report)
        if both is not None:
            margin = hearing.MARGIN if options.margin is None else options.margin
            best = decided(conversation, both, margin)
        rows = sums if both is None else both
        confidence = np.exp(rows[np.arange(len(best)), best])
        report(1.0)
        spoke = _reasons(conversation, best, sums, both) if options.explain else None
        result.append(Labels(best.tolist(), confidence.tolist(), spoke))
    return result


def _decided_by_text(
    conversation: Conversation, rows: np.ndarray, options: Options
) -> tuple[np.ndarray, np.ndarray]:
    """What each speaker has over the first pass's [W, K] by the log-posteriors, less the margin;
    and the speakers [W] on the best path."""
    gain = ag_lsec.gains(conversation, rows, options, settings())
    return gain, _best_path(conversation, gain)


def _best_path(conversation: Conversation, gain: np.ndarray) -> np.ndarray:
    """The speakers [W] on the best path by what each has over the first pass's [W, K]."""
    written = is_punctuated(conversation.words)
    return path.best(gain, path.costs(conversation.words, written, settings()["changes"]))


def _heard(
    conversation: Conversation,
    rows: np.ndarray,
    labels: np.ndarray,
    options: Options,
    progress: Progress,
) -> np.ndarray | None:
    """The log-posteriors [W, K] when the recording has been heard, too, of words that have the
    speakers `labels` by their text; None where nothing is to be heard."""
    assert options.audio is not None
    heard = hearing.listen(conversation, labels.tolist(), options.audio, progress)
    if not any(vectors.any() for vectors in heard.vectors):
        return None
    return hearing.log_posteriors(conversation, rows, labels.tolist(), heard)


def _reasons(
    conversation: Conversation, best: np.ndarray, rows: np.ndarray, both: np.ndarray | None
) -> list[list[str]]:
    """What spoke for the speaker of each changed word: the log-odds over the first pass's speaker
    that its scores gave, those that the text added, and those that the voice added to both."""
    found: list[list[str]] = []
    for index, (word, now, before) in enumerate(
        zip(conversation.words, best, conversation.draft(), strict=True)
    ):
        if now == before:
            found.append([])
            continue
        read = float(rows[index, now] - rows[index, before])
        spoke = {"text": read}
        if scores := word.get("speaker_scores"):
            one, other = (scores.get(conversation.names[who], 0.0) for who in (now, before))
            spoke["scores"] = math.log(max(one, LEAST_SCORE) / max(other, LEAST_SCORE))
            spoke["text"] -= max(spoke["scores"], 0.0)
        if both is not None:
            spoke["voice"] = float(both[index, now] - both[index, before]) - read
        ranked = sorted(spoke, key=lambda name: -spoke[name])
        found.append([name for name in ranked if spoke[name] >= SPOKE] or ranked[:1])
    return found


def decided(conversation: Conversation, rows: np.ndarray, margin: float) -> np.ndarray:
    """The speakers [W] on the best path by the log-posteriors [W, K], where others than the first
    pass's have `margin` nats less."""
    words, draft = np.arange(len(rows)), np.array(conversation.draft())
    gain = rows - rows[words, draft][:, None] - margin
    gain[words, draft] = 0.0
    return _best_path(conversation, gain)


def prepare(options: Options) -> None:
    """Load the encoder, so that a mistake shows at once."""
    ag_lsec.prepare(options)


def unread(conversation: Conversation) -> np.ndarray:
    """Log-posteriors [W, K] of words that nothing was read of: the first pass is mostly right."""
    draft, speakers = np.array(conversation.draft()), len(conversation.names)
    rows = np.full((len(draft), speakers), np.log((1 - UNREAD) / (speakers - 1)))
    rows[np.arange(len(draft)), draft] = np.log(UNREAD)
    return rows


def _lead(gain: np.ndarray) -> np.ndarray:
    """Nats by which the best speaker leads the second best, for each word."""
    ranked = np.sort(gain, axis=1)
    return ranked[:, -1] - ranked[:, -2]


@lru_cache(maxsize=1)
def settings() -> dict[str, Any]:
    """The language model's "weight"; the trigrams' ("fit"); "margins" ("scores", "no_scores"),
    "reach" and the costs of "changes" (`path.costs`) in nats."""
    return json.loads(SETTINGS.read_text(encoding="utf-8"))
