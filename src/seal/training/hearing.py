"""Learning how far to trust a voice: the small network of `correctors/hearing.py`.

An example is a word: the features of every speaker, and who it was. The conversations are voiced,
so that sound and first pass are there (`scripts/train_hearing.py` makes them).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seal.correctors.hearing import Network

HIDDEN = 24
RATE = 6e-3
DECAY = 1e-3
BATCH = 256

Examples = Sequence[tuple[np.ndarray, np.ndarray]]
"""Of each conversation: features [W, K, FEATURES], and the right speakers [W], -1 for one who was
not found."""


def fit(examples: Examples, epochs: int = 30, seed: int = 0) -> Network:
    """The network that gives the right speakers the largest posteriors. Words whose speaker was not
    found teach nothing. The same seed gives the same network."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    inputs, there, right = _joined(examples)
    every = inputs[there]
    mean, deviation = every.mean(dim=0), every.std(dim=0) + 1e-3
    inputs = (inputs - mean) / deviation
    size = inputs.shape[-1]
    weights = {
        "hidden": torch.randn(HIDDEN, size) / size**0.5,
        "hidden_bias": torch.zeros(HIDDEN),
        "out": torch.randn(HIDDEN) / HIDDEN**0.5,
        "straight": torch.zeros(size),
    }
    for tensor in weights.values():
        tensor.requires_grad_()
    optimiser = torch.optim.AdamW(weights.values(), RATE, weight_decay=DECAY)
    steps = epochs * -(-len(right) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for _ in range(epochs):
        for chosen in torch.from_numpy(rng.permutation(len(right))).split(BATCH):
            x = inputs[chosen]
            hidden = torch.relu(x @ weights["hidden"].T + weights["hidden_bias"])
            logits = hidden @ weights["out"] + x @ weights["straight"]
            logits = logits.masked_fill(~there[chosen], -1e9)
            loss = functional.cross_entropy(logits, right[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    learnt = {name: tensor.detach().numpy() for name, tensor in weights.items()}
    return Network(mean=mean.numpy(), deviation=deviation.numpy(), **learnt)


def _joined(examples: Examples) -> tuple[Tensor, Tensor, Tensor]:
    """All words with a right answer: features [N, most speakers, FEATURES], zeros where there are
    fewer, which are there [N, most], and the right speakers [N]."""
    most = max(features.shape[1] for features, _ in examples)
    inputs, there, right = [], [], []
    for features, true in examples:
        known = true >= 0
        count, speakers, size = features[known].shape
        padded = np.zeros((count, most, size), dtype=np.float32)
        padded[:, :speakers] = features[known]
        inputs.append(padded)
        there.append(np.broadcast_to(np.arange(most) < speakers, (count, most)))
        right.append(true[known])
    return (
        torch.from_numpy(np.concatenate(inputs)),
        torch.from_numpy(np.concatenate(there)),
        torch.from_numpy(np.concatenate(right)).long(),
    )
