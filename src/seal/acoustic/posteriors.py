"""Speaker posteriors of a recording: how surely each speaker speaks at each moment."""

from dataclasses import dataclass

from seal.acoustic.arrays import Floats

STEP = 270 / 16_000
"""Seconds from one frame of seal's own first pass to the next: segmentation-3.0's 270 samples."""

START = 495 / 16_000
"""Seconds to the centre of its first frame."""


@dataclass(frozen=True)
class Posteriors:
    """Speaker posteriors of a recording: `frames` float32 [T, K] in [0, 1].

    Frame i is centred at `start + i * step` seconds. `names` are the columns' speakers where they
    are known: a first pass knows voices only.
    """

    frames: Floats
    step: float = STEP
    start: float = START
    names: tuple[str, ...] | None = None
    doubtful: bool = False
    """Whether the number of speakers is a guess (`clustering.doubtful`)."""

    def frame(self, time: float) -> int:
        """The frame nearest to that time; may lie before the first or after the last."""
        return round((time - self.start) / self.step)
