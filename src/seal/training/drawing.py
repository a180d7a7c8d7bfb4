"""Drawing what a run learns from: pools of chunks, packed, by this process or by others.

A pool is the chunks of some excerpts, shuffled and packed. Pool i depends on the seed, on i and on
how far the run is, not on who draws it. Worker processes draw ahead and need neither torch nor the
model. It knows nothing of networks, but for the teacher, which is drawn with where there is one.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from typing import Any

import numpy as np

from seal.llm.prompt import Encode
from seal.training.arrays import Pack, pack
from seal.training.examples import AdapterRecipe, ChunkExample, Teacher, examples, spoken_formats
from seal.training.first_passes import Diarised
from seal.training.simulate import Corpora

POOL_TOKENS = 32_768
"""Tokens of a pool of packs of a fixed size, and two packs at the least: enough excerpts for no
pack to be of one kind, few enough for the first to be there soon."""

POOL_STEPS = 8
"""Steps that a pool of packs of so many chunks is for."""

TOKENS_PER_CHUNK = 350
"""About, for how far a run is when a pool is drawn."""

AHEAD = 3
"""Pools that are asked for ahead, for each worker."""


def packs_per_pool(recipe: AdapterRecipe) -> int:
    if recipe.tokens:
        return max(2, POOL_TOKENS // recipe.tokens)
    return POOL_STEPS * recipe.accumulation


def pool(
    corpora: Corpora,
    encode: Encode,
    recipe: AdapterRecipe,
    index: int,
    progress: float,
    teacher: Teacher | None = None,
    end: int | None = None,
    real: Sequence[Diarised] = (),
) -> list[Pack]:
    """The packs of pool `index`, drawn at `progress` in [0, 1] of the run."""
    rng = np.random.default_rng([recipe.seed, index])
    count = packs_per_pool(recipe)
    drawn: list[ChunkExample] = []
    tokens = 0
    while (
        tokens < 1.03 * count * recipe.tokens
        if recipe.tokens
        else len(drawn) < count * recipe.batch
    ):
        found = examples(corpora, encode, recipe, progress, rng, teacher, real)
        drawn += found
        tokens += sum(item.length for item in found)
    shuffled = [drawn[place] for place in rng.permutation(len(drawn))]
    if not recipe.tokens:
        batches = [shuffled[n * recipe.batch : (n + 1) * recipe.batch] for n in range(count)]
    else:
        batches = dealt(shuffled, count, recipe.tokens)
    spoken = spoken_formats(recipe)
    return [pack(batch, spoken, end, recipe.tokens) for batch in batches]


def dealt(items: Sequence[ChunkExample], count: int, tokens: int) -> list[list[ChunkExample]]:
    """`count` packs of at most `tokens`: each chunk goes to the first that has room. Those that
    find none are left out."""
    batches: list[list[ChunkExample]] = [[] for _ in range(count)]
    room = [tokens] * count
    for item in items:
        length = item.length
        for number in range(count):
            if length <= room[number]:
                batches[number].append(item)
                room[number] -= length
                break
    return batches


def packs(
    corpora: Corpora,
    encode: Encode,
    recipe: AdapterRecipe,
    start: int,
    progress: Callable[[], float],
    workers: int = 0,
    teach: Callable[[], Teacher] | None = None,
    end: int | None = None,
    real: Sequence[Diarised] = (),
) -> Generator[Pack, None, None]:
    """The packs of a run from number `start` on, without end. `progress` says how far the run is;
    `teach` makes the teacher, where it is needed; `real` are recordings under real diarizers."""
    per_pool = packs_per_pool(recipe)

    def share(index: int) -> float:
        """How far the run is when pool `index` is learnt."""
        if recipe.minutes:
            return progress()
        size = recipe.tokens / TOKENS_PER_CHUNK if recipe.tokens else recipe.batch
        return min(1.0, index * per_pool * size / recipe.chunks)

    first, skipped = divmod(start, per_pool)
    if not workers:
        teacher = teach() if teach else None
        index = first
        while True:
            drawn = pool(corpora, encode, recipe, index, share(index), teacher, end, real)
            yield from drawn[skipped:]
            index, skipped = index + 1, 0
    with ProcessPoolExecutor(
        workers,
        get_context("spawn"),  # a fork would take torch's threads with it, half alive
        _begin,
        (corpora, encode, recipe, teach, end, real),
    ) as pools:
        try:
            waiting: deque[Future[list[Pack]]] = deque()
            index = first
            while True:
                while len(waiting) < AHEAD * workers:
                    waiting.append(pools.submit(_drawn, index, share(index)))
                    index += 1
                yield from waiting.popleft().result()[skipped:]
                skipped = 0
        finally:
            pools.shutdown(wait=False, cancel_futures=True)


_given: tuple[Any, ...] = ()
"""What a worker draws with."""


def _begin(*given: Any) -> None:
    global _given
    os.nice(1)  # who learns comes before who draws
    _given = given


@lru_cache(maxsize=1)
def _teacher() -> Teacher | None:
    teach = _given[3]
    return teach() if teach else None


def _drawn(index: int, progress: float) -> list[Pack]:
    corpora, encode, recipe, _, end, real = _given
    return pool(corpora, encode, recipe, index, progress, _teacher(), end, real)
