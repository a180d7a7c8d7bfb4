"""LoRA: low-rank maps beside the linear maps of a frozen network (Hu et al., 2021).

They are kept in stacks, one for each kind of map over all layers: few tensors for the optimiser,
and few kernels on a GPU. A map is computed in one of two ways that give the same. `beside` adds
the two thin products to the frozen one: least arithmetic, for CPUs. `merged` adds the low-rank
product to the weights once a step and then multiplies once: more arithmetic, far less memory
traffic, for GPUs. Names and files are peft's. It knows linear maps, and nothing of text.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seal.errors import SealError

PREFIX = "base_model.model."
"""What peft puts before a module's name."""


class LowRank(nn.Module):
    """A frozen linear map with a low-rank one; `Adapter.begin` says with which weights."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.frozen: Tensor | None = None
        """[out, in]: the frozen weight in the type of the products, where `parts` was asked."""
        self.merged: Tensor | None = None
        """[out, in], or None: compute beside the frozen map."""
        self.down: Tensor | None = None
        self.up: Tensor | None = None

    def forward(self, states: Tensor) -> Tensor:
        if self.merged is not None:
            return functional.linear(states, self.merged, self.base.bias)
        if self.down is None or self.up is None:
            return self.base(states)
        return self.base(states) + _thin(states, self.down, self.up).to(states.dtype)


Map = nn.Module | tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]
"""A linear map; or what it is computed with (`parts`)."""


def parts(module: nn.Module, dtype: torch.dtype) -> Map:
    """Weight [out, in], bias, and the thin maps [rank, in] and [out, rank], if any, in `dtype`."""
    base: Any = module.base if isinstance(module, LowRank) else module
    bias = None if base.bias is None else base.bias.to(dtype)
    if not isinstance(module, LowRank):
        return base.weight.to(dtype), bias, None, None
    if module.frozen is None:
        module.frozen = base.weight.detach().to(dtype)
    return module.frozen, bias, module.down, module.up


def mapped(states: Tensor, by: Map) -> Tensor:
    """The states [N, in] through a map, [N, out]."""
    if isinstance(by, nn.Module):
        return by(states)
    weight, bias, down, up = by
    answer = functional.linear(states, weight, bias)
    if down is None or up is None:
        return answer
    return answer + _thin(states, down, up)


def _thin(states: Tensor, down: Tensor, up: Tensor) -> Tensor:
    return functional.linear(functional.linear(states, down), up)


class _Stack:
    """The maps of one kind and shape, one for each layer."""

    def __init__(self, modules: Sequence[tuple[str, LowRank]], rank: int) -> None:
        self.names = [name for name, _ in modules]
        self.modules = [module for _, module in modules]
        base = self.modules[0].base
        device = base.weight.device
        count, shape = len(modules), (base.out_features, base.in_features)
        self.down = nn.Parameter(torch.empty(count, rank, shape[1], device=device))
        self.up = nn.Parameter(torch.zeros(count, shape[0], rank, device=device))
        for part in self.down.data:
            nn.init.kaiming_uniform_(part, a=math.sqrt(5))
        self.weights: Tensor | None = None
        """[L, out, in]: the frozen weights, where they are merged."""

    def begin(self, merged: bool, scale: float, dtype: torch.dtype) -> None:
        if merged:
            if self.weights is None:
                self.weights = torch.stack([module.base.weight for module in self.modules]).float()
                for module, weight in zip(self.modules, self.weights, strict=True):
                    module.base.weight.data = weight  # held once
            sums = torch.baddbmm(self.weights, self.up, self.down, alpha=scale).to(dtype)
            for module, weight in zip(self.modules, sums.unbind(), strict=True):
                module.merged = weight
            return
        downs, ups = (self.down * scale).to(dtype).unbind(), self.up.to(dtype).unbind()
        for module, down, up in zip(self.modules, downs, ups, strict=True):
            module.merged, module.down, module.up = None, down, up


class Adapter:
    """The low-rank maps of a network, from the layer `first_layer` on, all of them `rank` wide."""

    def __init__(self, network: Any, rank: int, first_layer: int = 0) -> None:
        """Freezes the network and puts them into its layers; into all where there are not so many
        as `first_layer`."""
        network.requires_grad_(False)
        self.rank, self.scale = rank, 2.0
        """The scale is peft's lora_alpha / r."""
        decoder = network.get_decoder()
        count = len(decoder.layers)
        self.layers = range(first_layer if first_layer < count else 0, count)
        path = next(name for name, module in network.named_modules() if module is decoder)
        groups: dict[Any, list[tuple[str, LowRank]]] = {}
        for number in self.layers:
            layer = decoder.layers[number]
            found = [(name, m) for name, m in layer.named_modules() if isinstance(m, nn.Linear)]
            for name, linear in found:
                parent, _, own = name.rpartition(".")
                module = LowRank(linear)
                setattr(layer.get_submodule(parent), own, module)
                key = (name, linear.out_features, linear.in_features)
                full = f"{path}.layers.{number}.{name}"
                groups.setdefault(key, []).append((full, module))
        self.targets = sorted({name.rpartition(".")[2] for name, *_ in groups})
        """What the maps go by (`q_proj`, …)."""
        self._stacks = [_Stack(modules, rank) for modules in groups.values()]

    def weights(self) -> list[nn.Parameter]:
        """What is learnt."""
        return [weight for stack in self._stacks for weight in (stack.down, stack.up)]

    def begin(self, merged: bool, dtype: torch.dtype) -> None:
        """Make the maps ready for one pass and its way back, with the weights as they are now."""
        for stack in self._stacks:
            stack.begin(merged, self.scale, dtype)

    def end(self) -> None:
        """Leave the network as it was before: its own maps alone."""
        for stack in self._stacks:
            for module in stack.modules:
                module.frozen = module.merged = module.down = module.up = None

    def state(self) -> dict[str, Tensor]:
        """The weights by peft's names."""
        return {
            f"{PREFIX}{name}.lora_{letter}.weight": part.detach()
            for stack in self._stacks
            for letter, parts in (("A", stack.down), ("B", stack.up))
            for name, part in zip(stack.names, parts, strict=True)
        }

    def load(self, state: dict[str, Tensor], name: str = "adapter") -> None:
        """Take weights by peft's names. An adapter of lower rank, or of fewer layers, fits: what
        it lacks stays as it was made, and so changes nothing yet. Raises SealError, which `name`
        begins, for one that does not fit."""
        own = self.state()
        if not set(state) <= set(own):
            raise SealError(f"{name}: is of other layers or maps than those that are trained")
        for key, given in state.items():
            part = own[key]
            if given.dim() != 2 or any(a > b for a, b in zip(given.shape, part.shape, strict=True)):
                raise SealError(f"{name}: has a higher rank than is trained; say --rank")
            with torch.no_grad():
                if "lora_B" in key:
                    part.zero_()
                part[: given.shape[0], : given.shape[1]] = given.to(part)

    def config(self, base: str) -> str:
        """The text of peft's adapter_config.json, for the model named `base`."""
        return _config(base, self.rank, self.scale, list(self.layers), self.targets)


def _config(base: str, rank: int, scale: float, layers: list[int], targets: list[str]) -> str:
    values = {
        "base_model_name_or_path": base,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "layers_to_transform": layers,
        "lora_alpha": round(scale * rank),
        "lora_dropout": 0.0,
        "peft_type": "LORA",
        "r": rank,
        "target_modules": targets,
        "task_type": "CAUSAL_LM",
    }
    return json.dumps(values, indent=2) + "\n"


def read_state(folder: Path) -> dict[str, Tensor]:
    """The weights of the adapter in `folder`, by peft's names."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(folder / "adapter_model.safetensors")
    except (OSError, SafetensorError) as error:
        raise SealError(f"{folder}: no adapter that `seal train` made ({error})") from None
