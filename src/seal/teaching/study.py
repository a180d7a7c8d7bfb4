"""What is known of a conversation before anybody is asked: read and heard once, used often.

The text's gain for each speaker at each word (the encoder's, as the default correction has it), the
stretches, and, where the recording is at hand, their voices and which of them sound alike. To
decide anew after a ruling then takes no network. It knows nothing of rulings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from seal.acoustic.arrays import Floats, Ints
from seal.acoustic.rescore import recording_of
from seal.acoustic.units import embed_spans
from seal.correctors import Options, path
from seal.correctors.ag_lsec_features import is_punctuated
from seal.correctors.unread import why_unread
from seal.errors import SealError
from seal.progress import Progress, StageProgress
from seal.teaching.stretches import Stretch, spans, stretches
from seal.words import Conversation, Word, speakers

ALIKE = 0.5
"""Mean cosine distance up to which stretches are of one voice: nearer than the first pass's 0.6,
since what is one here is moved as one."""

CLEAR = 0.8
"""Seconds from which a stretch takes part in finding the voices."""

LARGEST = 2000
"""Stretches that are clustered; of more the longest, and the others join the nearest."""

FAR = 1e6
"""Nats that no text outweighs."""


@dataclass(frozen=True)
class Study:
    """One conversation of W words in S stretches, whose machine answer is `labels`."""

    words: Sequence[Word]
    names: list[str]
    """The K speakers."""
    labels: list[str]
    """The machine's speaker of each word, W."""
    gain: np.ndarray
    """[W, K] nats that the text gives each speaker over the first pass's."""
    cost: np.ndarray
    """[W] nats that a change of speaker before a word costs."""
    found: list[Stretch]
    seconds: np.ndarray
    """[S] of audio in each stretch."""
    vectors: Floats | None = None
    """[S, D] unit embeddings, zeros where there is none; None without a recording."""
    groups: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """[S] the voice of each stretch, from 0 in order of appearance; -1 where there is none."""

    @cached_property
    def stretch_of(self) -> list[int]:
        """The stretch of each word."""
        return [
            place for place, (first, after) in enumerate(self.found) for _ in range(first, after)
        ]

    @cached_property
    def lasting(self) -> np.ndarray:
        """[S] seconds from a stretch's first word to the end of its last one."""
        ends = [max(float(word["end_time"]) for word in self.words[a:b]) for a, b in self.found]
        starts = [float(self.words[a]["start_time"]) for a, _ in self.found]
        return np.array(ends) - np.array(starts)

    @cached_property
    def spoken(self) -> np.ndarray:
        """[S] seconds of words in each stretch, without what is heard about it."""
        return np.array(
            [
                sum(float(word["end_time"]) - float(word["start_time"]) for word in self.words[a:b])
                for a, b in self.found
            ]
        )


def study(
    words: Sequence[Word],
    labels: Sequence[str],
    audio: str | Path | None = None,
    device: str = "cpu",
    progress: StageProgress | None = None,
) -> Study:
    """Read the words of one conversation, in time order, and listen to them where there is `audio`,
    the recording or a folder with it. `labels` are the machine's speakers. Raises SealError where
    there is no such recording."""
    if not words:
        raise SealError("there are no words to learn from")

    def report(stage: str, share: float) -> None:
        if progress:
            progress(stage, share)

    names = list(dict.fromkeys([*speakers(words), *labels]))
    first = [_first(word, label) for word, label in zip(words, labels, strict=True)]
    names = list(dict.fromkeys([*names, *(word["speaker"] for word in first)]))
    gain, cost = read(Conversation(first, names), device, lambda share: report("reading", share))
    found = stretches(words, labels)
    times = spans(words, labels, found)
    seconds = np.array([end - start for start, end in times])
    if audio is None:
        return Study(words, names, list(labels), gain, cost, found, seconds)
    recording = recording_of(audio, words[0]["session_id"])
    vectors = embed_spans(recording, times, lambda share: report("listening", share))
    alike = voice_groups(vectors, seconds)
    return Study(words, names, list(labels), gain, cost, found, seconds, vectors, alike)


def read(
    conversation: Conversation, device: str, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """What the text of W words by K speakers says: the `gain` [W, K] and `cost` [W] of a Study."""
    words, names = conversation.words, conversation.names
    if len(names) < 2 or why_unread(words) is not None:
        return unread(conversation)
    from seal.correctors import ag_lsec, best  # which load torch; not every study reads

    tuned = best.settings()
    rows = ag_lsec.log_posteriors([conversation], device, progress, fit=float(tuned["fit"]))[0]
    gain = ag_lsec.gains(conversation, rows, Options(), tuned)
    return gain, path.costs(words, is_punctuated(words), tuned["changes"])


def unread(conversation: Conversation) -> tuple[np.ndarray, np.ndarray]:
    """The gain and the cost where the text is not read: each word stays its speaker's."""
    draft = conversation.draft()
    gain = np.full((len(draft), len(conversation.names)), -FAR)
    gain[np.arange(len(draft)), draft] = 0.0
    return gain, np.zeros(len(draft))


def voice_groups(vectors: Floats, seconds: np.ndarray) -> Ints:
    """Which stretches sound alike: a number for each of the S `vectors` [S, D], -1 where there is
    no voice. Average-linkage clusters of the clear ones; the others join the nearest."""
    heard = np.linalg.norm(vectors, axis=1) > 0
    clear = np.flatnonzero(heard & (seconds >= CLEAR))
    if len(clear) > LARGEST:
        clear = np.sort(clear[np.argsort(-seconds[clear], kind="stable")[:LARGEST]])
    groups = np.full(len(vectors), -1, dtype=np.int64)
    if not len(clear):
        return groups
    found = np.ones(len(clear), dtype=np.int64)
    if len(clear) > 1:
        tree = linkage(pdist(vectors[clear].astype(np.float64), "cosine"), "average")
        found = fcluster(tree, ALIKE, "distance")
    _, first, numbers = np.unique(found, return_index=True, return_inverse=True)
    groups[clear] = first.argsort().argsort()[numbers]
    count = int(groups.max()) + 1
    centroids = np.stack([vectors[groups == group].sum(axis=0) for group in range(count)])
    centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-9)
    rest = np.flatnonzero(heard & (groups < 0))
    if len(rest):
        groups[rest] = (vectors[rest] @ centroids.T).argmax(axis=1)
    return groups


def _first(word: Word, label: str) -> Word:
    """The word as the encoder is shown it: under its first pass's speaker."""
    first = word.get("first_pass_speaker", label)
    return {**word, "speaker": first if isinstance(first, str) else label}
