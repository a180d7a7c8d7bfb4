"""Who is who across windows: joins local speakers into the recording's speakers.

Constrained agglomerative clustering of speaker embeddings, in which two speakers of one window
never merge, then an assignment of every local speaker to the clusters found. This file knows
nothing of audio or of models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from seal.acoustic.arrays import Floats, Ints
from seal.tpst import best_match

THRESHOLD = 0.6  # mean cosine distance up to which two clusters are one speaker
CLEAR = 1.0  # seconds alone from which a local speaker takes part in the clustering
# Seconds alone, over all windows, below which a found cluster is nobody of its own: a hundredth of
# what was heard, but not less or more than these. In half a minute one answer may be all there is.
SMALL = (1.0, 3.0)
LARGEST = 1000  # local speakers that are clustered; the others are assigned to what is found
APART = 1e8  # distance of two speakers of one window; by LARGEST² still far above any other


@dataclass(frozen=True)
class Local:
    """A local speaker of one window: its unit embedding and the seconds it was heard alone."""

    window: int
    speaker: int
    embedding: Floats
    clear: float


def speakers(locals_: Sequence[Local], windows: int, width: int, count: int | None) -> Ints:
    """The recording's speaker of each local one: [windows, width], -1 where there is none.

    `count` fixes the number of speakers, None finds it. Within a window no two local speakers get
    the same one as long as there are enough. Deterministic.
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
    """Unit centroids [speakers, size] of the clusters, the longest heard first."""
    chosen = [local for local in locals_ if local.clear >= CLEAR]
    if len(chosen) < (count or 1):
        chosen = sorted(locals_, key=lambda local: -local.clear)[: max(count or 1, len(chosen))]
    if len(chosen) > LARGEST:  # evenly over the recording, so that nobody's part is left out
        chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, LARGEST).astype(int)]
    vectors = np.stack([local.embedding for local in chosen])
    labels = agglomerate(1.0 - vectors @ vectors.T, [local.window for local in chosen], count)
    heard = np.bincount(labels, weights=[local.clear for local in chosen])
    order = np.argsort(-heard, kind="stable")
    small = min(max(float(heard.sum()) / 100, SMALL[0]), SMALL[1])
    order = order[: count or max(1, int((heard >= small).sum()))]
    centroids = np.stack([vectors[labels == label].mean(axis=0) for label in order])
    return centroids / np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-9)


def agglomerate(distance: Floats, windows: Sequence[int], count: int | None = None) -> Ints:
    """Average-linkage clusters of n items under cannot-link constraints → labels [n] from 0, in
    order of appearance.

    `distance` is [n, n], 2 at most; items of the same window stay apart. Merging stops at `count`
    clusters, or, where it is None, when the nearest two are further apart than THRESHOLD.
    """
    n = len(windows)
    if n < 2:
        return np.zeros(n, dtype=np.int64)
    window = np.asarray(windows)
    table = np.where(window[:, None] == window, APART, distance)
    tree = linkage(squareform(table, checks=False), "average")
    # One pair that must stay apart lifts the mean of its two clusters above what any others have.
    furthest = THRESHOLD if count is None else APART / n**2
    merges = int((tree[:, 2] <= furthest).sum())
    if count is not None:
        merges = min(merges, n - count)
    tree[:, 2] = np.arange(1, n)  # cut by the number of merges: of equal distances not all may go
    clusters = fcluster(tree, merges, "distance")
    _, first, labels = np.unique(clusters, return_index=True, return_inverse=True)
    return first.argsort().argsort()[labels]


def _assign(members: Sequence[Local], centroids: Floats) -> list[int]:
    """The centroid of each local speaker of one window: all different while there are enough."""
    near = np.stack([local.embedding for local in members]) @ centroids.T
    nearest = near.argmax(axis=1).tolist()
    return list((dict(enumerate(nearest)) | dict(best_match(near))).values())
