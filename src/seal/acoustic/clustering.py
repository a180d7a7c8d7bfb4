"""Who is who across windows: joins local speakers into the recording's speakers.

Constrained agglomerative clustering of speaker embeddings, in which two speakers of one window
never merge, then an assignment of every local speaker to the clusters found. This file knows
nothing of sound or of models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from seal.acoustic.segmentation import Floats

    Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

THRESHOLD = 0.6  # mean cosine distance up to which two clusters are one speaker
CLEAR = 1.0  # seconds alone from which a local speaker takes part in the clustering
# Seconds alone, over all windows, below which a found cluster is nobody of its own: a hundredth of
# what was heard, but not less or more than these. In half a minute one answer may be all there is.
SMALL = (1.0, 3.0)
LARGEST = 1000  # local speakers that are clustered; the others are assigned to what is found


@dataclass(frozen=True)
class Local:
    """A local speaker of one window: its unit embedding and the seconds it was heard alone."""

    window: int
    speaker: int
    embedding: "Floats"
    clear: float


def speakers(locals_: Sequence[Local], windows: int, width: int, count: int | None) -> "Ints":
    """The recording's speaker of each local one: [windows, width], -1 where there is none.

    `count` fixes the number of speakers, None finds it. Within a window no two local speakers get
    the same one as long as there are enough. Deterministic.
    """
    import numpy as np

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


def _centroids(locals_: Sequence[Local], count: int | None) -> "Floats":
    """Unit centroids [speakers, size] of the clusters, the longest heard first."""
    import numpy as np

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


def agglomerate(distance: "Floats", windows: Sequence[int], count: int | None = None) -> "Ints":
    """Average-linkage clusters of n items under cannot-link constraints → labels [n] from 0.

    `distance` is [n, n]; items of the same window stay apart. Merging stops at `count` clusters,
    or, where it is None, when the nearest two are further apart than THRESHOLD.
    """
    import numpy as np

    n = len(windows)
    apart = np.asarray(windows)[:, None] == np.asarray(windows)[None, :]
    table = np.where(apart, np.inf, distance).astype(np.float64)
    labels = np.arange(n)
    sizes = np.ones(n)
    left = n
    nearest = table.argmin(axis=1) if n else np.zeros(0, dtype=int)
    near = table[np.arange(n), nearest] if n else np.zeros(0)
    while left > (count or 1):
        a = int(near.argmin())
        b = int(nearest[a])
        if not np.isfinite(near[a]) or (count is None and near[a] > THRESHOLD):
            break
        # Lance-Williams: the mean of the members' distances; infinity, a constraint, is inherited.
        row = (sizes[a] * table[a] + sizes[b] * table[b]) / (sizes[a] + sizes[b])
        table[a, :] = table[:, a] = row
        table[a, a] = np.inf
        table[b, :] = table[:, b] = np.inf
        sizes[a] += sizes[b]
        labels[labels == labels[b]] = labels[a]
        left -= 1
        stale = np.flatnonzero((nearest == a) | (nearest == b))
        stale = np.union1d(stale, [a, b])
        closer = table[:, a] < near
        nearest[closer], near[closer] = a, table[closer, a]
        nearest[stale] = table[stale].argmin(axis=1)
        near[stale] = table[stale, nearest[stale]]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _assign(members: Sequence[Local], centroids: "Floats") -> list[int]:
    """The centroid of each local speaker of one window: all different while there are enough."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    near = np.stack([local.embedding for local in members]) @ centroids.T
    chosen = near.argmax(axis=1)
    rows, columns = linear_sum_assignment(-near)
    chosen[rows] = columns
    return [int(speaker) for speaker in chosen]
