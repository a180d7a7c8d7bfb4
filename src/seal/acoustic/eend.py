"""EEND: the paper's own kind of first pass, end to end from log-mel features to posteriors.

Self-attentive EEND (Fujita et al., ASRU 2019) of the paper's size (IV-B): six transformer layers
of width 256 with eight heads and 1,024 inner units, over log-mel features that are stacked and
taken every 100 ms; an output per speaker and frame. It hears windows of 10 s, as segmentation-3.0
does, and stands in for it in `first_pass.py`: speakers are joined across windows by their voices.
It knows nothing of words. Where the paper leaves room: 23 mel bins, 15 frames stacked, layer norms
before the sublayers, three speakers to a window.
"""

from functools import lru_cache
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seal import weights
from seal.acoustic.arrays import Floats
from seal.acoustic.audio import RATE
from seal.acoustic.segmentation import FIRST, FRAMES, HOP, SPEAKERS, WINDOW
from seal.errors import SealError

MELS = 23
SHIFT = 160  # samples from one log-mel frame to the next: 10 ms
CONTEXT = 7  # frames on either side that are stacked
EVERY = 10  # log-mel frames from one frame of the network to the next: 100 ms
STEP = SHIFT * EVERY / RATE  # seconds of a frame of the network
SHIPPED = weights.FOLDER / "eend"
WIDTH = MELS * (2 * CONTEXT + 1)


class EendNetwork(nn.Module):
    """Features [B, T, WIDTH] → logits [B, T, SPEAKERS]. Names of speakers are arbitrary."""

    def __init__(self, width: int = 256, layers: int = 6, heads: int = 8, inner: int = 1024):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(WIDTH, width), nn.LayerNorm(width))
        layer = nn.TransformerEncoderLayer(
            width, heads, inner, dropout=0.1, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.out = nn.Linear(width, SPEAKERS)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """`mask` bool [B, T] says which frames are no padding; padding changes nothing."""
        padding = None if mask is None else ~mask
        states: Tensor = self.layers(self.first(features), src_key_padding_mask=padding)
        return self.out(states)


@lru_cache(maxsize=1)
def _mels() -> Tensor:
    from transformers.audio_utils import mel_filter_bank

    bank = mel_filter_bank(
        257,
        MELS,
        0.0,
        RATE / 2,
        RATE,
        norm=None,
        mel_scale="kaldi",
        triangularize_in_mel_space=True,
    )
    return torch.from_numpy(bank).float()


def features(samples: Tensor) -> Tensor:
    """Samples [B, N] at 16 kHz → stacked log-mel features [B, N / 1600, WIDTH], mean removed."""
    window = torch.hann_window(400, device=samples.device)
    spectrum = torch.stft(
        samples, 512, SHIFT, 400, window, center=True, pad_mode="constant", return_complex=True
    )
    power = spectrum.abs().square()[:, :, : samples.shape[1] // SHIFT]
    logs = (power.transpose(1, 2) @ _mels().to(samples.device)).clamp(min=1e-10).log()
    logs = logs - logs.mean(dim=1, keepdim=True)
    padded = nn.functional.pad(logs, (0, 0, CONTEXT, CONTEXT))
    stacked = padded.unfold(1, 2 * CONTEXT + 1, 1).flatten(2)
    return stacked[:, EVERY // 2 :: EVERY]


def pit_loss(logits: Tensor, activity: Tensor, mask: Tensor | None = None) -> Tensor:
    """Permutation-invariant binary cross-entropy, the mean over windows, frames and speakers.

    `activity` [B, T, SPEAKERS] in {0, 1} names the speakers in any order: of all orders the one
    that fits best counts, for each window on its own.
    """
    count = activity.shape[2]
    pairs = nn.functional.binary_cross_entropy_with_logits(
        logits[:, :, :, None].expand(-1, -1, -1, count),
        activity[:, :, None, :].expand(-1, -1, count, -1),
        reduction="none",
    )
    if mask is None:
        mask = torch.ones(logits.shape[:2], dtype=torch.bool, device=logits.device)
    frames = mask.sum(dim=1).clamp(min=1)
    costs = (pairs * mask[:, :, None, None]).sum(dim=1) / frames[:, None, None]
    outputs = torch.arange(count, device=logits.device)
    orders = torch.tensor(list(permutations(range(count))), device=logits.device)
    return costs[:, outputs, orders].sum(dim=2).min(dim=1).values.mean() / count


def posteriors(network: EendNetwork, windows: Floats) -> Floats:
    """[windows, WINDOW] samples → [windows, FRAMES, SPEAKERS] posteriors in [0, 1], on the frames
    of segmentation-3.0."""
    with torch.inference_mode():
        found = network(features(torch.from_numpy(windows))).sigmoid().numpy()
    centres = (FIRST + HOP * np.arange(FRAMES)) / RATE
    return found[:, np.minimum((centres / STEP).astype(int), found.shape[1] - 1)]


def save(network: EendNetwork, folder: str | Path) -> None:
    """Write the weights, in float16, to `folder`/eend.safetensors."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    state = {
        name: value.detach().half().contiguous() for name, value in network.state_dict().items()
    }
    save_file(state, Path(folder) / "eend.safetensors")


@lru_cache(maxsize=1)
def load(folder: str | Path) -> EendNetwork:
    """The network whose weights `save` wrote to `folder`; "shipped" are those that seal has."""
    network = EendNetwork()
    folder = SHIPPED if str(folder) == "shipped" else folder
    try:
        state = load_file(Path(folder) / "eend.safetensors")
        network.load_state_dict({name: value.float() for name, value in state.items()})
    except (OSError, RuntimeError, ValueError) as error:
        raise SealError(
            f"{folder}: no weights of EEND (eend.safetensors): {str(error).splitlines()[0]}"
        ) from None
    return network.eval()


assert WINDOW % (SHIFT * EVERY) == 0
