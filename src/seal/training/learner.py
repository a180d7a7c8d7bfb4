"""The pass of a pack and its way back, by this process or by several, each on one thread.

On a CPU two processes of one thread each do more than one of two: most of what is computed is many
small things in a row. It knows nothing of how packs are drawn, nor of an optimiser.
"""

import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seal.errors import SealError
from seal.llm.linear import mixed_precision
from seal.llm.model import LanguageModel
from seal.training import packing
from seal.training.arrays import Pack
from seal.training.attention import Attention, choose, quick
from seal.training.examples import AdapterRecipe
from seal.training.lora import Adapter

Load = Callable[[], LanguageModel]

SHORT = 200
"""Chunks of a run for which it is not worth while to make much ready."""


class Learner:
    """Learns in this process."""

    def __init__(self, network: Any, adapter: Adapter, device: str, recipe: AdapterRecipe) -> None:
        on_gpu = device.startswith("cuda")
        config = network.config
        self._network, self._adapter, self._recipe = network, adapter, recipe
        # Where memory is the slower part, weights are merged; not those that are held in 4 bits.
        self._merged = on_gpu and not recipe.four_bits
        self._dtype = torch.bfloat16 if _mixed(device) else torch.float32
        heads = config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        shared = getattr(config, "num_key_value_heads", None) or heads
        self._attention: Attention = choose(device, self._dtype, heads, shared, width)
        # Where compiled attention works, compiled layers do; each size of pack is compiled anew.
        self._compiled = self._attention is quick and recipe.tokens > 0 and _long(recipe)

    def gradients(self, rows: Sequence[Pack], labels: int) -> Tensor:
        """Add the gradients of packs of a step that has so many labels; return the sum of their
        loss, in nats."""
        nats = torch.zeros((), device=self._network.device)
        for row in rows:
            self._adapter.begin(self._merged, self._dtype)
            total = packing.loss(
                self._network,
                row,
                self._attention,
                self._dtype,
                self._recipe.spoken,
                self._compiled,
            )
            (total / labels).backward()
            nats += total.detach()
        return nats


class Learners:
    """Learns in this process and in others beside it, which get weights and packs, and give
    gradients back."""

    def __init__(
        self,
        network: Any,
        adapter: Adapter,
        device: str,
        recipe: AdapterRecipe,
        load: Load,
        processes: int,
    ) -> None:
        """Another process makes its network with `load`, which goes to it."""
        self._adapter = adapter
        self._threads = torch.get_num_threads()
        self._others: list[tuple[Any, Connection]] = []
        spawn = get_context("spawn")
        for _ in range(processes - 1):
            ours, theirs = spawn.Pipe()
            other = spawn.Process(target=_learn, args=(theirs, load, recipe), daemon=True)
            other.start()
            theirs.close()
            self._others.append((other, ours))
        if processes > 1:
            torch.set_num_threads(1)
        self._own = Learner(network, adapter, device, recipe)

    def gradients(self, rows: Sequence[Pack]) -> Tensor:
        """Add the gradients of the packs of a step; return the sum of their loss, in nats."""
        labels = sum(len(row.slots) for row in rows)
        shares = [rows[number :: len(self._others) + 1] for number in range(len(self._others) + 1)]
        weights = [one.detach().numpy() for one in self._adapter.weights()] if self._others else []
        for (_, pipe), share in zip(self._others, shares[1:], strict=True):
            _through(pipe.send, (weights, share, labels))
        nats = self._own.gradients(shares[0], labels)
        for _, pipe in self._others:
            gradients, lost = _through(pipe.recv)
            nats += lost
            for weight, gradient in zip(self._adapter.weights(), gradients, strict=True):
                assert weight.grad is not None
                weight.grad += torch.from_numpy(gradient)
        return nats

    def close(self) -> None:
        """End the other processes."""
        for other, pipe in self._others:
            pipe.close()
            other.terminate()
            other.join()
        torch.set_num_threads(self._threads)


def processes(device: str, recipe: AdapterRecipe) -> int:
    """How many learn: on a CPU as many as it has cores, where a step has a pack for each."""
    if device != "cpu" or not recipe.tokens or not _long(recipe):
        return 1
    return min(os.cpu_count() or 1, recipe.accumulation)


def _long(recipe: AdapterRecipe) -> bool:
    """Is it a run that would not be over before a compiler or another process has begun?"""
    return recipe.minutes > 1 or (not recipe.minutes and recipe.chunks >= SHORT)


def _through(way: Any, *what: Any) -> Any:
    try:
        return way(*what)
    except (EOFError, OSError):
        raise SealError(
            "train: a process that learnt beside this one has ended, perhaps for want of memory; "
            "start the run again, it goes on from its last checkpoint"
        ) from None


def _learn(pipe: Connection, load: Load, recipe: AdapterRecipe) -> None:
    """What another process does, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    network = load().network
    adapter = Adapter(network, recipe.rank, recipe.first_layer)
    learner = Learner(network, adapter, "cpu", recipe)
    while True:
        try:
            weights, rows, labels = pipe.recv()
        except (EOFError, OSError):
            return
        with torch.no_grad():
            for weight, given in zip(adapter.weights(), weights, strict=True):
                weight.copy_(torch.from_numpy(given))
                weight.grad = None
        lost = float(learner.gradients(rows, labels))
        gradients = [
            np.zeros(tuple(weight.shape), np.float32)
            if weight.grad is None
            else weight.grad.numpy()
            for weight in adapter.weights()
        ]
        pipe.send((gradients, lost))


def _mixed(device: str) -> bool:
    with mixed_precision(device):
        return torch.is_autocast_enabled(device.split(":")[0])
