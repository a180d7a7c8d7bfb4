"""Re-assignment by voice: a word goes to the speaker whose voice it sounds like; no text is read.

Up to 1.5 s of audio about each word, as far as nobody else speaks, is embedded (CAM++) and compared
with the recording's speakers, each the mean over its words by the labels so far: the strongest
baseline that does not read. It wants the recording, which is streamed. What reads and embeds audio
is imported in the functions that do, since the default (`best.py`) mostly has no recording.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seal.acoustic.arrays import Floats
from seal.acoustic.rescore import recording_of
from seal.acoustic.units import embed_spans
from seal.correctors import Labels, Options, lengths
from seal.progress import Progress, split
from seal.words import Conversation, Word

SECONDS = 1.5
"""Of audio about the middle of a word: less is no voice, more are its neighbours'."""

SCALE = 20.0
"""Nats per unit of cosine similarity."""

MARGIN = 1.0
"""Nats by which another voice must be nearer, where nothing else is asked for."""

NEAR = 6  # words before and after that may be heard with a word


def label(
    conversations: Sequence[Conversation], options: Options, progress: Progress
) -> list[Labels]:
    """Each word's nearest voice, where it is nearer than the first pass's by the margin."""
    margin = MARGIN if options.margin is None else options.margin
    assert options.audio is not None  # else `seal.correction` has refused
    return [
        reassign(one, one.draft(), options.audio, margin, report)
        for one, report in zip(conversations, split(progress, lengths(conversations)), strict=True)
    ]


def reassign(
    conversation: Conversation,
    draft: Sequence[int],
    source: str | Path,
    margin: float,
    progress: Progress,
) -> Labels:
    """The same for any labels: `draft` [W] are indices of speakers, `source` is the recording or a
    folder with it. The posterior is a softmax over SCALE times the similarities.

    Raises SealError where there is no such recording.
    """
    words = conversation.words
    spans = _spans(words, draft)
    vectors = embed_spans(recording_of(source, words[0]["session_id"]), spans, progress)
    centroids = _centroids(vectors, draft, spans, len(conversation.names))
    logits = SCALE * vectors @ centroids.T
    logits -= logits.max(axis=1, keepdims=True)
    posterior = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = np.arange(len(words))
    ahead = -logits[rows, draft]  # of the draft's; the nearest voice has 0
    chosen = np.where(ahead > margin, logits.argmax(axis=1), draft)
    progress(1.0)
    return Labels(chosen.tolist(), posterior[rows, chosen].tolist())


def _spans(words: Sequence[Word], draft: Sequence[int]) -> list[tuple[float, float]]:
    """SECONDS about each word, up to where others speak before and after it."""
    spans = []
    for index, word in enumerate(words):
        middle = (word["start_time"] + word["end_time"]) / 2
        first, last = middle - SECONDS / 2, middle + SECONDS / 2
        for other in range(max(0, index - NEAR), min(len(words), index + NEAR + 1)):
            if draft[other] != draft[index]:
                if other < index:
                    first = max(first, min(words[other]["end_time"], word["start_time"]))
                else:
                    last = min(last, max(words[other]["start_time"], word["end_time"]))
        spans.append((first, last))
    return spans


def _centroids(
    vectors: Floats, draft: Sequence[int], spans: Sequence[tuple[float, float]], count: int
) -> Floats:
    """[K, SIZE] mean voice of each speaker's words, by their seconds; zeros for one not heard."""
    centroids = np.zeros((count, vectors.shape[1]), dtype=np.float32)
    for vector, speaker, (first, last) in zip(vectors, draft, spans, strict=True):
        centroids[speaker] += (last - first) ** 2 * vector
    return centroids / np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-9)
