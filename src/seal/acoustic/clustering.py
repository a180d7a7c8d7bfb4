"""Who is who across windows: joins local speakers into the recording's speakers.

Agglomerative clustering of speaker embeddings in two steps, first of single embeddings, then of the
clusters' centroids, then an assignment of every local speaker to the clusters found. Two speakers
of one window are two, unless they sound alike: a local diarizer now and then splits one voice in
two. This file knows nothing of audio or of models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from seal.acoustic.arrays import Floats, Ints
from seal.tpst import best_match

# Chosen on conversations in training voices and on the development sets with sound; what was tried
# stands in docs/reports/log.md.
TIGHT = 0.4  # mean cosine distance up to which embeddings are one cluster
# Cosine similarity of two clusters' centroids from which they are one speaker: of clusters that
# were hardly heard, and of those of FULL seconds and more, whose centroids are surer.
ONE_VOICE = (0.55, 0.8)
FULL = 40.0
NEARLY = 0.05  # of similarity below that, from which the number of speakers is a guess
SPLIT = 0.6  # cosine similarity from which two speakers of one window are one voice
HEARD = 0.5  # seconds alone from which an embedding is of one voice, so that SPLIT says something
TOGETHER = 1.0  # seconds of two at once from which a recording has two speakers at least
CLEAR = 1.0  # seconds alone from which a local speaker takes part in the clustering
# Seconds alone, over all windows, below which a found cluster is nobody of its own: 1.5 % of
# what was heard, but not less or more than these. In half a minute one answer may be all.
SMALL = (1.0, 6.0)
LARGEST = 1000  # local speakers that are clustered; the others are assigned to what is found
APART = 1e8  # distance of two that are not one; by LARGEST² still far above any other


@dataclass(frozen=True)
class Local:
    """A local speaker of one window: its unit embedding, the seconds it was heard alone, and the
    seconds in which another of the window speaks with it."""

    window: int
    speaker: int
    embedding: Floats
    clear: float
    together: float = 0.0


def speakers(locals_: Sequence[Local], windows: int, width: int, count: int | None) -> Ints:
    """The recording's speaker of each local one: [windows, width], -1 where there is none.

    `count` fixes the number of speakers, None finds it. Within a window no two local speakers get
    the same one as long as there are enough, unless they are one voice. Deterministic.
    """
    mapping = np.full((windows, width), -1, dtype=np.int64)
    if not locals_:
        return mapping
    centroids = _centroids(locals_, count)
    by_window: dict[int, list[Local]] = {}
    for local in locals_:
        by_window.setdefault(local.window, []).append(local)
    for window, members in by_window.items():
        for local, speaker in zip(members, _assign(members, centroids), strict=True):
            mapping[window, local.speaker] = speaker
    return mapping


def _centroids(locals_: Sequence[Local], count: int | None) -> Floats:
    """Unit centroids [speakers, size], the longest heard first."""
    chosen = [local for local in locals_ if local.clear >= CLEAR]
    if len(chosen) < (count or 1):
        chosen = sorted(locals_, key=lambda local: -local.clear)[: max(count or 1, len(chosen))]
    if len(chosen) > LARGEST:  # evenly over the recording, so that nobody's part is left out
        chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, LARGEST).astype(int)]
    vectors = np.stack([local.embedding for local in chosen])
    distance, apart = 1.0 - vectors @ vectors.T, _apart(chosen)
    labels = agglomerate(distance, apart)
    if labels.max() + 1 < (count or 1):
        labels = agglomerate(distance, apart, count)
    heard = np.bincount(labels, weights=[local.clear for local in chosen])
    order = np.argsort(-heard, kind="stable")
    small = min(max(float(heard.sum()) * 0.015, SMALL[0]), SMALL[1])
    order = order[: max(count or 1, int((heard >= small).sum()))]
    weights = np.array([[max(local.clear, 1e-3)] for local in chosen])
    sums = np.stack([(vectors * weights)[labels == label].sum(axis=0) for label in order])
    found = _merged(sums, heard[order].astype(np.float32), count)
    if count is None and len(found) == 1:
        both = [local for local in locals_ if local.together >= TOGETHER]
        if both:  # the voice that is least like the one found
            second = min(both, key=lambda local: float(local.embedding @ found[0]))
            found = np.stack([found[0], second.embedding])
    return found


def _merged(sums: Floats, seconds: Floats, count: int | None) -> Floats:
    """Unit centroids of the clusters, whose weighted embeddings are summed in `sums` [n, size],
    after the nearest two were joined again and again: until `count` are left, or, where it is None,
    none are one voice. `seconds` [n] say how long each was heard alone."""
    while True:
        centroids = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        if len(sums) <= (count or 1):
            return centroids.astype(np.float32)
        ahead = centroids @ centroids.T
        if count is None:
            ahead -= _one_voice(seconds)
        np.fill_diagonal(ahead, -np.inf)
        first, second = sorted(int(i) for i in np.unravel_index(ahead.argmax(), ahead.shape))
        if count is None and ahead[first, second] < 0:
            return centroids.astype(np.float32)
        sums[first] += sums[second]
        seconds[first] += seconds[second]
        sums, seconds = np.delete(sums, second, axis=0), np.delete(seconds, second)


def _one_voice(seconds: Floats) -> Floats:
    """The similarity from which any two of n clusters, heard that long alone, are one: [n, n]."""
    known = np.minimum(np.minimum(seconds[:, None], seconds) / FULL, 1.0)
    return (ONE_VOICE[0] + (ONE_VOICE[1] - ONE_VOICE[0]) * known).astype(np.float32)


def doubtful(locals_: Sequence[Local], mapping: Ints) -> bool:
    """Whether two of the speakers found (`speakers`) sound nearly alike: where they do, their
    number was right in half of the training talk, elsewhere in three quarters."""
    count = int(mapping.max()) + 1
    if count < 2:
        return False
    size = len(locals_[0].embedding)
    sums, seconds = np.zeros((count, size), np.float32), np.zeros(count, np.float32)
    for local in locals_:
        speaker = mapping[local.window, local.speaker]
        sums[speaker] += local.clear * local.embedding
        seconds[speaker] += local.clear
    centroids = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    ahead = centroids @ centroids.T - _one_voice(seconds)
    np.fill_diagonal(ahead, -np.inf)
    return bool(ahead.max() > -NEARLY)


def _apart(members: Sequence[Local]) -> np.ndarray:
    """Which of the local speakers cannot be one: [n, n] of bool. Two of one window, unless both
    were heard alone and sound alike."""
    window = np.array([local.window for local in members])
    vectors = np.stack([local.embedding for local in members])
    heard = np.array([local.clear >= HEARD for local in members])
    alike = (vectors @ vectors.T >= SPLIT) & heard[:, None] & heard
    apart: np.ndarray = (window[:, None] == window) & ~alike
    np.fill_diagonal(apart, False)
    return apart


def agglomerate(distance: Floats, apart: np.ndarray, count: int | None = None) -> Ints:
    """Average-linkage clusters of n items under cannot-link constraints → labels [n] from 0, in
    order of appearance.

    `distance` is [n, n], 2 at most; items that are `apart` (bool [n, n]) are in no cluster
    together. Merging stops at `count` clusters, or, where it is None, when the nearest two are
    further apart than TIGHT.
    """
    n = len(distance)
    if n < 2:
        return np.zeros(n, dtype=np.int64)
    table = np.where(apart, APART, distance)
    np.fill_diagonal(table, 0.0)
    tree = linkage(squareform(table, checks=False), "average")
    # One pair that must stay apart lifts the mean of its two clusters above what any others have.
    furthest = TIGHT if count is None else APART / n**2
    merges = int((tree[:, 2] <= furthest).sum())
    if count is not None:
        merges = min(merges, n - count)
    tree[:, 2] = np.arange(1, n)  # cut by the number of merges: of equal distances not all may go
    clusters = fcluster(tree, merges, "distance")
    _, first, labels = np.unique(clusters, return_index=True, return_inverse=True)
    return first.argsort().argsort()[labels]


def _assign(members: Sequence[Local], centroids: Floats) -> list[int]:
    """The centroid of each local speaker of one window: the nearest, but all different while there
    are enough, where two that are not one voice have the same."""
    near = np.stack([local.embedding for local in members]) @ centroids.T
    nearest = near.argmax(axis=1)
    if not ((nearest[:, None] == nearest) & _apart(members)).any():
        return list(nearest.tolist())
    return list((dict(enumerate(nearest.tolist())) | dict(best_match(near))).values())
