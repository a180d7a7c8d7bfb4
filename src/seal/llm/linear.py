"""Linear maps of a language model's layers, computed in float32, bfloat16 or int8.

`float32` and `bfloat16` go through oneDNN with weights that are packed once: what is left to read
of a chunk is often few tokens, and oneDNN multiplies few rows twice as fast as torch's own linear
maps do. `int8` is torchao's: a scale for each token and for each output of a map, whole numbers
in between, so that an answer does not depend on what else is in the pass. Sums and norms stay in
float32. For training there is mixed precision. This file knows no text and no model by name.
"""

import time
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from seal.errors import SealError, need

PACKED_FOR_ROWS = 512
"""Rows (tokens) of the product for which oneDNN lays out the weights. Products of other sizes run
nearly as fast."""

MIN_SPEEDUP = 1.3
"""How many times faster than float32 bfloat16 must be for training to use it on a CPU."""


def compute_in(network: Any, precision: str) -> None:
    """Make a network compute the linear maps of its layers in `precision`, for reading alone.

    The output layer stays as it is. Raises SealError where the processor has no instructions for
    int8 or bfloat16, or torchao is missing.
    """
    layers = network.get_decoder()
    if precision == "int8":
        _quantise(layers, network.device.type)
    elif network.device.type == "cpu" and torch.backends.mkldnn.is_available():
        if precision == "bfloat16" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            raise SealError(
                "precision: bfloat16 needs instructions that this processor lacks (AVX-512); leave "
                "--precision out"
            )
        _pack(layers, getattr(torch, precision))
    else:
        network.to(getattr(torch, precision))


def mixed_precision(device: str = "cpu") -> torch.autocast:
    """Return a context in which matrix products run in bfloat16 where that is faster, to train in.

    Elsewhere it changes nothing: many processors know bfloat16, few gain by it.
    """
    enabled = device != "cpu" or _bfloat16_is_faster()
    return torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=enabled)


@lru_cache(maxsize=1)
def _bfloat16_is_faster() -> bool:
    """Time one product of a layer's size in both precisions, five times in turn."""
    if not torch.cpu._is_avx512_bf16_supported():
        return False
    times: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for _ in range(5):
        for dtype, seconds in times.items():
            left, right = torch.ones(1024, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
            began = time.perf_counter()
            nn.functional.linear(left, right)
            seconds.append(time.perf_counter() - began)
    return MIN_SPEEDUP * min(times[torch.bfloat16]) < min(times[torch.float32])


class PackedLinear(nn.Module):
    """A linear map whose weight only oneDNN can read."""

    def __init__(self, linear: nn.Linear, dtype: torch.dtype) -> None:
        super().__init__()
        self.computes_in = dtype
        weight = linear.weight.detach().to(dtype)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, PACKED_FOR_ROWS)
        self.bias = None if linear.bias is None else linear.bias.detach().to(dtype)

    def forward(self, states: Tensor) -> Tensor:
        rows = states.to(self.computes_in).reshape(-1, states.shape[-1])
        count = len(rows)
        if count < 2:  # the sums of a single row are added up in another order
            rows = nn.functional.pad(rows, (0, 0, 0, 2 - count))
        answer = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, "none", [], "")
        return answer[:count].to(states.dtype).view(*states.shape[:-1], -1)


def _pack(layers: nn.Module, dtype: torch.dtype) -> None:
    for module in list(layers.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, PackedLinear(child, dtype))


def _quantise(layers: nn.Module, device: str) -> None:
    if device == "cpu" and not torch.cpu._is_vnni_supported():
        raise SealError(
            "precision: int8 would be slower than float32 on this processor, which has no VNNI; "
            "leave --precision out"
        )
    need("int8")
    try:
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_
    except ImportError as error:
        raise SealError(f"precision: int8 needs torchao, which does not load ({error})") from None
    quantize_(layers, Int8DynamicActivationInt8WeightConfig())
