"""How far a piece of work is: the callbacks that long work takes, and how parts of it share one."""

from collections.abc import Callable, Sequence

Progress = Callable[[float], None]
"""Called with the share done, in [0, 1]."""

StageProgress = Callable[[str, float], None]
"""Called with the stage's name and the share of it that is done, in [0, 1]."""


def split(progress: Progress, sizes: Sequence[int]) -> list[Progress]:
    """One callback for each of several parts that are done one after the other, by their sizes."""
    total = sum(sizes)

    def part(done: int, size: int) -> Progress:
        return lambda share: progress((done + size * share) / total)

    parts, done = [], 0
    for size in sizes:
        parts.append(part(done, size))
        done += size
    return parts
