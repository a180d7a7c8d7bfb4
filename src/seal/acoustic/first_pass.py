"""The first pass: recording → posteriors, how surely each speaker speaks at each moment.

Windows of 10 s go through the local diarizer; their local speakers are joined by voice into the
recording's speakers, and overlapping windows are averaged (paper III-A wants P in R^{T x K}). The
audio is streamed; only posteriors and embeddings stay. This file knows nothing of words.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from seal import memory
from seal.acoustic import audio, clustering, embedding, segmentation
from seal.acoustic.arrays import Floats, Ints
from seal.acoustic.audio import Samples
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.segmentation import FIRST, FRAMES, HOP, SPEAKERS, WINDOW
from seal.progress import Progress

STEP = 148  # frames from one window to the next: 2.5 s
BATCH = 8  # windows that go through the diarizer together
TIDY = 24  # batches, eight minutes, after which freed memory goes back to the system


def first_pass(
    path: audio.Source,
    speakers: int | None = None,
    progress: Progress | None = None,
    eend: str | Path | None = None,
    at_least: int = 1,
    at_most: int | None = None,
) -> Posteriors:
    """Posteriors of a recording, one column per speaker, the longest heard speaker first.

    `speakers` fixes the number of columns, None finds it between `at_least` and `at_most` (None: as
    many as there are), at least 1, even in silence. `eend` is a folder with weights of
    `seal.acoustic.eend`, which then is the local diarizer; None is segmentation-3.0. `progress`
    gets the part done, in [0, 1]. Memory grows by the posteriors alone. Raises SealError.
    """
    local, embedder = _local_diarizer(eend), embedding.load()
    total = audio.duration(path)
    starts: list[int] = []
    windows: list[Floats] = []
    locals_: list[clustering.Local] = []
    end = 0
    for index, batch in enumerate(_batches(path)):
        if index % TIDY == 0:
            memory.give_back()
        scored = local(np.stack([_padded(s) for _, s in batch]))
        for (start, samples), window in zip(batch, scored, strict=True):
            # Frames of the padding say nothing.
            window[max(1, (len(samples) - FIRST) // HOP + 1) :] = 0.0
            for speaker, voice in enumerate(embedding.embed(embedder, _padded(samples), window)):
                if voice is not None:
                    locals_.append(clustering.Local(len(windows), speaker, *voice))
            starts.append(start // HOP)
            windows.append(window.astype(np.float16))
            end = start + len(samples)
            if progress and total:
                progress(min(1.0, end / audio.RATE / total))
    mapping = clustering.speakers(locals_, len(windows), SPEAKERS, speakers)
    found = max(1, int(mapping.max()) + 1)
    bounded = max(at_least, found if at_most is None else min(found, at_most))
    if speakers is None and bounded != found:
        speakers = bounded
        mapping = clustering.speakers(locals_, len(windows), SPEAKERS, speakers)
    columns = speakers or max(1, int(mapping.max()) + 1)
    doubtful = speakers is None and clustering.doubtful(locals_, mapping)
    frames = _joined(windows, starts, mapping, max(1, (end - FIRST) // HOP + 1), columns)
    if progress:
        progress(1.0)
    return Posteriors(frames, doubtful=doubtful)


def _local_diarizer(eend: str | Path | None) -> Callable[[Floats], Floats]:
    """Samples of windows → posteriors of their local speakers."""
    if eend is None:
        return partial(segmentation.posteriors, segmentation.load())
    from seal.acoustic.eend import load, posteriors  # it wants libraries of the language models

    return partial(posteriors, load(eend))


def _windows(path: audio.Source) -> Iterator[tuple[int, Samples]]:
    """Yield (first sample, samples): every STEP frames, and one that ends where the audio ends."""
    stride = STEP * HOP
    start, held = 0, np.zeros(0, dtype=np.float32)
    for block in audio.blocks(path):
        held = np.concatenate([held, block])
        # One window stays back, for the end of the recording may be near.
        while len(held) > WINDOW + stride:
            yield start, held[:WINDOW]
            start, held = start + stride, held[stride:]
    if len(held) > WINDOW:
        yield start, held[:WINDOW]
        back = -(-(len(held) - WINDOW) // HOP) * HOP
        start, held = start + back, held[back:]
    yield start, held


def _batches(path: audio.Source) -> Iterator[list[tuple[int, Samples]]]:
    batch: list[tuple[int, Samples]] = []
    for window in _windows(path):
        batch.append(window)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _padded(samples: Samples) -> Samples:
    return samples if len(samples) == WINDOW else np.pad(samples, (0, WINDOW - len(samples)))


def _joined(
    windows: list[Floats], starts: list[int], mapping: Ints, count: int, columns: int
) -> Floats:
    """Overlapping windows averaged, weighted towards their middles: [count, columns]."""
    weight = np.hamming(FRAMES).astype(np.float32)
    frames = np.zeros((count, columns), dtype=np.float32)
    weights = np.zeros(count, dtype=np.float32)
    for window, start, speakers in zip(windows, starts, mapping, strict=True):
        length = min(FRAMES, count - start)
        mapped = np.zeros((length, columns), dtype=np.float32)
        for local, speaker in enumerate(speakers):
            if speaker >= 0:
                # Two local speakers of one voice: the surer one speaks for both.
                np.maximum(mapped[:, speaker], window[:length, local], out=mapped[:, speaker])
        frames[start : start + length] += weight[:length, None] * mapped
        weights[start : start + length] += weight[:length]
    frames /= np.maximum(weights, 1e-6)[:, None]
    return np.clip(frames, 0.0, 1.0, out=frames)
